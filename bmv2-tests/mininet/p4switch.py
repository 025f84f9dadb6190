"""A switch for Mininet that runs p4-switch, or with another path BMv2's simple_switch_grpc."""

import socket
import subprocess
import time

from mininet.node import Switch


class P4Switch(Switch):
    """One p4-switch. Its ports are numbered as Mininet numbers the links: from 1.

    path:      the program to run
    program:   the BMv2 JSON to start with; None to wait for a P4Runtime client
    p4info:    the program's P4Info, and
    entries:   entries to start with (p4-switch only)
    grpc_port: the TCP port for P4Runtime clients, on loopback; by default 50050 and the device id
    log:       the file for its log
    """

    next_device_id = 1

    def __init__(
        self,
        name,
        path="p4-switch",
        program=None,
        p4info=None,
        entries=None,
        device_id=None,
        grpc_port=None,
        cpu_port=510,
        log=None,
        **kwargs,
    ):
        super().__init__(name, **kwargs)
        self.path, self.program, self.p4info, self.entries = path, program, p4info, entries
        self.device_id = device_id or P4Switch.next_device_id
        P4Switch.next_device_id = self.device_id + 1
        self.grpc_port = grpc_port or 50050 + self.device_id
        self.cpu_port = cpu_port
        self.log = log or f"/tmp/{name}.log"
        self.process = None

    def arguments(self):
        "The command line: that of simple_switch_grpc."
        arguments = [self.path, "--device-id", str(self.device_id), "-L", "info"]
        for number, interface in self.intfs.items():
            if interface.name != "lo":
                arguments += ["-i", f"{number}@{interface.name}"]
        if self.program:
            arguments.append(self.program)
        else:
            arguments.append("--no-p4")
        if self.p4info:
            arguments += ["--p4info", self.p4info]
        if self.entries:
            arguments += ["--entries", self.entries]
        address = f"127.0.0.1:{self.grpc_port}"
        target = ["--grpc-server-addr", address, "--cpu-port", str(self.cpu_port)]
        return arguments + ["--"] + target

    def start(self, controllers):
        "Starts the switch, and waits until it serves P4Runtime. Controllers of Mininet are not used."
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.arguments(), stdout=log, stderr=log)
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.grpc_port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        with open(self.log, encoding="utf-8") as log:
            raise RuntimeError(f"{self.name} did not start:\n{log.read()}")

    def stop(self, deleteIntfs=True):
        "Ends the switch."
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
        super().stop(deleteIntfs)
