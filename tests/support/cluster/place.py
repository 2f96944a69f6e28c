"""Where a control plane lives: its folder, its address, its ports, its network namespace.

Why: the same etcd and API server run on loopback for quick tests and inside the sealed network
namespace of a node. Must not: listen anywhere else than the place says.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.support.real.ports import free_ports

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """`namespace` None is the machine itself; there the address is a loopback address."""

    folder: Path
    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    namespace: str | None = None

    @classmethod
    def on_loopback(cls, folder: Path) -> "Place":
        """Return a place on 127.0.0.1 with ports nobody uses now."""
        api, etcd, peer = free_ports(3)
        return cls(folder, "127.0.0.1", api, etcd, peer)

    @classmethod
    def inside(cls, folder: Path, *, namespace: str, address: str) -> "Place":
        """Return a place in a network namespace, where all ports are free."""
        return cls(folder, address, 6443, 2379, 2380, namespace)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.address}:{self.api_port}"

    @property
    def etcd(self) -> str:
        """The URL of etcd, always on loopback."""
        return f"http://127.0.0.1:{self.etcd_port}"
