"""A sealed network namespace: the machine a local node runs on.

Why: nothing that a test starts may reach anything outside; the namespace has one cable to the host
and no default route. Must not: change the host's routes, firewall or forwarding.
"""

import subprocess
from dataclasses import dataclass

__all__ = ["SealedNetwork", "run_quietly"]


@dataclass(frozen=True)
class SealedNetwork:
    """Namespace, cable and addresses number `index` (0 to 255), out of the benchmark range."""

    index: int
    services: str

    @property
    def namespace(self) -> str:
        """The name under /run/netns."""
        return f"knect-{self.index}"

    @property
    def address(self) -> str:
        """The node's address, reachable from the host."""
        return f"198.18.{self.index}.2"

    @property
    def host_address(self) -> str:
        """The host's end of the cable."""
        return f"198.18.{self.index}.1"

    @property
    def pods(self) -> str:
        """The range of pod addresses."""
        return f"198.19.{self.index}.0/24"

    @property
    def cable(self) -> str:
        """The host's interface."""
        return f"knect{self.index}"

    def up(self) -> None:
        """Make the namespace, the cable and the routes inside."""
        inside = f"{self.cable}n"
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self.cable, "type", "veth", "peer", "name", inside)
        _ip("link", "set", inside, "netns", self.namespace)
        _ip("addr", "add", f"{self.host_address}/30", "dev", self.cable)
        _ip("link", "set", self.cable, "up")
        _ip("-n", self.namespace, "addr", "add", f"{self.address}/30", "dev", inside)
        _ip("-n", self.namespace, "link", "set", inside, "up")
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        # Without a route the kernel refuses a Service's address before kube-proxy's rules see it.
        _ip("-n", self.namespace, "route", "add", self.services, "dev", "lo")
        enter = ["nsenter", f"--net=/run/netns/{self.namespace}"]
        subprocess.run(
            [*enter, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True, capture_output=True
        )

    def down(self) -> None:
        """Remove namespace and cable, as far as they are there."""
        run_quietly("ip", "link", "del", self.cable)
        run_quietly("ip", "netns", "del", self.namespace)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def run_quietly(*words: str) -> None:
    """Run a command whose failure means that there was nothing to do."""
    subprocess.run(words, check=False, capture_output=True)
