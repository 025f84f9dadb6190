"""Two hosts on one p4-switch. They ping each other; the exit status tells whether all came back.

Usage: pair.py P4-SWITCH PROGRAM.json P4INFO [--cli]
"""

import sys
from functools import partial
from pathlib import Path

from mininet.cli import CLI
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.topo import Topo

from p4switch import P4Switch


class Pair(Topo):
    """h1 at port 1 and h2 at port 2 of s1."""

    def build(self):
        switch = self.addSwitch("s1")
        for number in (1, 2):
            host = self.addHost(
                f"h{number}", ip=f"10.0.0.{number}/24", mac=f"00:00:00:00:00:0{number}"
            )
            self.addLink(host, switch, port2=number)


def main():
    path, program, p4info = sys.argv[1:4]
    setLogLevel("info")
    switch = partial(
        P4Switch,
        path=path,
        program=program,
        p4info=p4info,
        entries=str(Path(__file__).with_name("entries.txtpb")),
    )
    net = Mininet(topo=Pair(), switch=switch, controller=None)
    net.start()
    try:
        if "--cli" in sys.argv:
            CLI(net)
            return 0
        lost = net.pingAll(timeout=5)
        # 1 MB each way: with what a host leaves to hardware, and with long packets.
        h1, h2 = net.get("h1", "h2")
        receiver = h2.popen(["python3", "-c", RECEIVE])
        receiver.stdout.readline()
        h1.cmd(["python3", "-c", f"'{SEND}'"])
        received = int(receiver.stdout.readline())
        receiver.wait()
        print(f"{lost} % lost, {received} bytes by TCP")
        return 0 if lost == 0 and received == 1_000_000 else 1
    finally:
        net.stop()


RECEIVE = """
import socket
listener = socket.create_server(("10.0.0.2", 9000))
print("ready", flush=True)
connection, _ = listener.accept()
print(sum(len(part) for part in iter(lambda: connection.recv(65536), b"")), flush=True)
"""

SEND = """
import socket
with socket.create_connection(("10.0.0.2", 9000), 10) as connection:
    connection.sendall(bytes(1_000_000))
"""

if __name__ == "__main__":
    sys.exit(main())
