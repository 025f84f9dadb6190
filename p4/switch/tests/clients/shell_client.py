"""Drives p4-switch with p4runtime-shell: arbitration, pipeline, entries, packets.

Usage: shell_client.py ADDRESS P4INFO JSON
"""

import sys

import p4runtime_sh.shell as sh

DST = "00:00:00:00:00:0a"
# To port 2, where the test's cable leads back to port 1; the program punts this type.
PUNTED = bytes.fromhex("00000000000b" "00000000000c" "88b5") + b"shell"


def tables():
    entry = sh.TableEntry("exact_table")(action="forward")
    entry.match["dst"] = DST
    entry.action["port"] = "2"
    entry.insert()
    found = list(sh.TableEntry("exact_table").read())
    assert len(found) == 1, found
    assert found[0].action["port"].value == b"\x02", found
    entry.action["port"] = "1"
    entry.modify()
    found = list(sh.TableEntry("exact_table").read())
    assert found[0].action["port"].value == b"\x01", found
    entry.delete()
    assert list(sh.TableEntry("exact_table").read()) == []


def counters():
    cells = list(sh.CounterEntry("port_counter").read())
    assert len(cells) == 16, cells
    cell = sh.CounterEntry("port_counter")
    cell.index = 3
    cell.packet_count = 5
    cell.modify()
    cell = next(iter(sh.CounterEntry("port_counter")(index=3).read()))
    assert cell.packet_count == 5, cell


def groups():
    member = sh.ActionProfileMember("paths")(member_id=1, action="rewrite")
    member.action["dst"] = DST
    member.action["port"] = "2"
    member.insert()
    group = sh.ActionProfileGroup("paths")(group_id=7, max_size=4)
    group.add(1, weight=1)
    group.insert()
    assert len(list(sh.ActionProfileGroup("paths").read())) == 1
    group.delete()
    member.delete()
    multicast = sh.MulticastGroupEntry(3)
    multicast.add(1, 1).add(2, 1)
    multicast.insert()
    found = list(sh.MulticastGroupEntry(3).read())
    assert len(found) == 1 and len(found[0].replicas) == 2, found
    multicast.delete()


def packets():
    incoming = sh.PacketIn()
    out = sh.PacketOut(payload=PUNTED)
    out.metadata["egress_port"] = "2"
    out.metadata["unused"] = "0"
    out.send()
    received = []
    incoming.sniff(received.append, timeout=5)
    assert len(received) == 1, received
    packet = received[0].packet
    assert packet.payload == PUNTED, packet
    metadata = {m.metadata_id: m.value for m in packet.metadata}
    assert metadata[1] == b"\x01" and metadata[2] == b"\x05", packet


def main():
    address, p4info, blob = sys.argv[1:]
    sh.setup(
        device_id=1,
        grpc_addr=address,
        election_id=(0, 1),
        config=sh.FwdPipeConfig(p4info, blob),
        verbose=False,
    )
    try:
        for test in (tables, counters, groups, packets):
            test()
            print("passed:", test.__name__)
    finally:
        sh.teardown()


main()
