"""Drives p4-switch with finsy: arbitration, pipeline, entries, packets, gNMI.

Usage: finsy_client.py ADDRESS P4INFO JSON
"""

import asyncio
import sys
from pathlib import Path

import finsy as fy

DST = "00:00:00:00:00:0a"
# To port 2, where the test's cable leads back to port 1; the program punts this type.
PUNTED = bytes.fromhex("00000000000b" "00000000000c" "88b5") + b"finsy"


def entry(port):
    return fy.P4TableEntry(
        "exact_table", match=fy.Match(dst=DST), action=fy.Action("forward", port=port)
    )


async def actions(sw):
    return [found.action async for found in sw.read(fy.P4TableEntry("exact_table"))]


async def tables(sw):
    await sw.write([+entry(2)])
    assert await actions(sw) == [fy.Action("forward", port=2)]
    await sw.write([~entry(1)])
    assert await actions(sw) == [fy.Action("forward", port=1)]
    try:
        await sw.write([+entry(2)])
    except fy.P4ClientError as error:
        codes = [detail.canonical_code for detail in error.details.values()]
        assert codes == [fy.GRPCStatusCode.ALREADY_EXISTS], error
    else:
        raise AssertionError("an entry was inserted twice")
    await sw.write([-entry(1)])
    assert await actions(sw) == []


async def groups(sw):
    await sw.write(
        [
            +fy.P4ActionProfileMember(
                "paths", member_id=1, action=fy.Action("rewrite", dst=DST, port=2)
            ),
            +fy.P4ActionProfileGroup(
                "paths", group_id=7, max_size=4, members=[fy.P4Member(1, weight=1)]
            ),
            +fy.P4MulticastGroupEntry(3, replicas=[1, 2]),
        ]
    )
    found = [e async for e in sw.read(fy.P4ActionProfileGroup("paths", group_id=7))]
    assert found[0].members[0].member_id == 1, found
    found = [e async for e in sw.read(fy.P4MulticastGroupEntry(3))]
    assert len(found[0].replicas) == 2, found
    # Not by delete_all: beside constant tables finsy's finds table entries only.
    await sw.write(
        [
            -fy.P4MulticastGroupEntry(3),
            -fy.P4ActionProfileGroup("paths", group_id=7),
            -fy.P4ActionProfileMember("paths", member_id=1),
        ]
    )
    for kind in (fy.P4MulticastGroupEntry(), fy.P4ActionProfileMember("paths")):
        assert [e async for e in sw.read(kind)] == []


async def packets(sw):
    async def first():
        async for packet in sw.read_packets():
            return packet

    waiting = asyncio.create_task(first())
    await asyncio.sleep(0.1)
    await sw.write([fy.P4PacketOut(PUNTED, egress_port=2, unused=0)])
    packet = await asyncio.wait_for(waiting, 10)
    assert packet.payload == PUNTED, packet
    assert packet["ingress_port"] == 1 and packet["reason"] == 5, packet


async def gnmi(sw):
    path = fy.GNMIPath("interfaces/interface[name=*]/state/oper-status")
    found = await sw.gnmi_client.get(path)
    assert {u.path["interface", "name"]: u.value for u in found} == {
        "eth1": "UP",
        "eth2": "UP",
    }, found
    enabled = fy.GNMIPath("interfaces/interface[name=eth2]/config/enabled")
    subscription = sw.gnmi_client.subscribe()
    subscription.on_change(path.set(name="eth2"))
    initial = [u.value async for u in subscription.synchronize()]
    assert initial == ["UP"], initial
    for wanted in (False, True):
        await sw.gnmi_client.set(update=[(enabled, wanted)])
        async for update in subscription.updates():
            assert update.value == ("UP" if wanted else "DOWN"), update
            break


async def main():
    address, p4info, blob = sys.argv[1:]
    options = fy.SwitchOptions(
        device_id=1, p4info=Path(p4info), p4blob=Path(blob), p4force=True
    )
    async with fy.Switch("sw", address, options) as sw:
        assert sw.is_primary
        for test in (tables, groups, packets, gnmi):
            await test(sw)
            print("passed:", test.__name__)


asyncio.run(asyncio.wait_for(main(), 60))
