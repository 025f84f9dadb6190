"""A test of ptf: frames between ports of p4-switch, which p4runtime-shell's client sets up.

Parameters: address, p4info, json. Ports 1 and 2 of ptf are those of the switch.
"""

import p4runtime_sh.shell as sh
import ptf
import ptf.testutils as testutils
from ptf.base_tests import BaseTest


class Base(BaseTest):
    def setUp(self):
        super().setUp()
        self.dataplane = ptf.dataplane_instance
        self.dataplane.flush()
        parameter = testutils.test_param_get
        sh.setup(
            device_id=1,
            grpc_addr=parameter("address"),
            election_id=(0, 1),
            config=sh.FwdPipeConfig(parameter("p4info"), parameter("json")),
            verbose=False,
        )

    def tearDown(self):
        sh.teardown()
        super().tearDown()


class Forward(Base):
    """An entry sends frames from port 1 to port 2; without it none leaves."""

    def runTest(self):
        frame = testutils.simple_arp_packet(eth_dst="00:00:00:00:00:0a", pktlen=60)
        entry = sh.TableEntry("exact_table")(action="forward")
        entry.match["dst"] = "00:00:00:00:00:0a"
        entry.action["port"] = "2"
        entry.insert()
        testutils.send_packet(self, 1, frame)
        testutils.verify_packet(self, frame, 2)
        entry.modify()
        entry.delete()
        drop = sh.TableEntry("exact_table")(action="drop")
        drop.match["dst"] = "00:00:00:00:00:0a"
        drop.insert()
        testutils.send_packet(self, 1, frame)
        testutils.verify_no_packet(self, frame, 2)


class PacketOut(Base):
    """A packet of the controller leaves the port that it names, and one that is punted arrives."""

    def runTest(self):
        frame = bytes.fromhex("00000000000b" "00000000000c" "88b5") + bytes(46)
        out = sh.PacketOut(payload=frame)
        out.metadata["egress_port"] = "2"
        out.metadata["unused"] = "0"
        out.send()
        testutils.verify_packet(self, frame, 2)
        incoming = sh.PacketIn()
        testutils.send_packet(self, 1, frame)
        received = []
        incoming.sniff(received.append, timeout=3)
        assert [message.packet.payload for message in received] == [frame], received
