# SPDX-License-Identifier: MIT OR Apache-2.0
"""Viewers behind slow links: network namespaces, each behind a `tc tbf` of its own."""

import ipaddress
import os
import shutil
import signal
import subprocess

from moqkit import Skipped, check, run

NETWORK = ipaddress.ip_network("10.192.0.0/12")
LINKS_MAX = 64  # of one process


class Link:
    """A namespace whose processes are reached at a rate that may change. What they send is not slowed down. Skips the test where such
    a thing cannot be made."""

    def __init__(self, rate, index=0, queue="latency 50ms"):
        for tool in ("ip", "tc"):
            if not shutil.which(tool):
                raise Skipped(f"{tool} is missing: apt-get install iproute2")
        if os.geteuid() != 0:
            raise Skipped("network namespaces need root")
        place = os.getpid() * LINKS_MAX + index
        self.name, self.queue = f"moq-slow-{os.getpid()}-{index}", queue.split()
        self.near, far = f"mqn{place % 10 ** 9}", f"mqf{place % 10 ** 9}"
        self.address, self.far_address = (str(NETWORK[4 * place % NETWORK.num_addresses + host]) for host in (1, 2))
        try:
            self._make(far, self.far_address, rate)
        except Skipped:
            self.end()
            raise

    def _make(self, far, inside, rate):
        self._try("ip", "netns", "add", self.name)
        self._try("ip", "link", "add", self.near, "type", "veth", "peer", "name", far, "netns", self.name)
        self._try("ip", "addr", "add", f"{self.address}/30", "dev", self.near)
        self._try("ip", "link", "set", self.near, "up")
        self._try("ip", "-n", self.name, "addr", "add", f"{inside}/30", "dev", far)
        self._try("ip", "-n", self.name, "link", "set", far, "up")
        self._try("ip", "-n", self.name, "link", "set", "lo", "up")
        self._try("tc", "qdisc", "add", *self._shape(rate))

    def _try(self, *argv):
        status, _, err = run(argv)
        if status:
            raise Skipped(f"no namespaces with slow links here: {' '.join(argv)}: {err.strip()}")

    def _shape(self, rate):
        return ["dev", self.near, "root", "tbf", "rate", rate, "burst", "10kb", *self.queue]

    def set_rate(self, rate):
        status, _, err = run(["tc", "qdisc", "change", *self._shape(rate)])
        check(status == 0, f"tc: {err}")

    def inside(self, argv):
        """The command that runs `argv` behind the link."""
        return ["ip", "netns", "exec", self.name, *argv]

    def end(self):
        """Ends the processes behind it, too: they would keep the namespace."""
        for pid in run(["ip", "netns", "pids", self.name])[1].split():
            os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "link", "delete", self.near], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "delete", self.name], check=False, stderr=subprocess.DEVNULL)
