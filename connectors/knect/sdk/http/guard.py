"""Which addresses may be connected to, decided at the moment of connecting.

Why: a Connection's URL, a redirect, a `next` link or a DNS answer may point into the private
network or at a cloud's metadata service. Only the resolved address tells; names, odd spellings
(`0x7f.1`) and DNS that changes between look-up and connect all end up there.
Must not: look at text to decide; every decision is on the address a socket is about to use.
"""

import socket
from collections.abc import Iterable
from contextvars import ContextVar
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from aiohappyeyeballs import AddrInfoType

__all__ = ["AddressForbiddenError", "Egress"]

#: Public by Python's tables, but answered by a cloud's own machinery inside its network.
_METADATA = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
_NAT64 = ip_network("64:ff9b::/96")

_host: ContextVar[str] = ContextVar("_host", default="")


class AddressForbiddenError(OSError):
    """The host resolves to an address nobody allowed.

    Attributes:
        address: the address, in its plain spelling.
    """

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is at {address}, which is not a public address")
        self.address = address


class Egress:
    """The addresses a process may connect to: public ones, and what was allowed by name.

    Args:
        allow: host names (`erp.acme.internal`), addresses, or networks (`10.1.0.0/16`).
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in allow:
            try:
                self._networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._hosts.add(entry.lower().rstrip("."))

    def is_named(self, host: str) -> bool:
        """Tell whether `host` was allowed as written, which also allows plain `http://`."""
        host = host.lower().rstrip(".").strip("[]")
        if host in self._hosts:
            return True
        try:
            return self._is_listed(ip_address(host))
        except ValueError:
            return False

    def is_allowed(self, host: str, address: str) -> bool:
        """Tell whether a socket for `host` may connect to `address`."""
        target = ip_address(address.partition("%")[0])
        if host.lower().rstrip(".") in self._hosts or self._is_listed(target):
            return True
        return all(map(_is_public, _faces(target)))

    def _is_listed(self, target: IPv4Address | IPv6Address) -> bool:
        return any(face in network for face in _faces(target) for network in self._networks)

    def entering(self, host: str) -> None:
        """Note for which host this task is about to connect."""
        _host.set(host)

    def socket_for(self, info: AddrInfoType) -> socket.socket:
        """Make the socket for one resolved address, or refuse (aiohttp's socket factory)."""
        family, kind, protocol, _, sockaddr = info
        address = str(sockaddr[0])
        host = _host.get()
        if not self.is_allowed(host, address):
            raise AddressForbiddenError(host, address)
        return socket.socket(family=family, type=kind, proto=protocol)


def _faces(target: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return the address and every IPv4 address it carries inside."""
    faces: list[IPv4Address | IPv6Address] = [target]
    if isinstance(target, IPv6Address):
        inner = [target.ipv4_mapped, target.sixtofour, *(target.teredo or ())]
        if target in _NAT64 or int(target) >> 32 == 0:  # NAT64, and the old ::a.b.c.d form
            inner.append(IPv4Address(int(target) & 0xFFFFFFFF))
        faces += [face for face in inner if face is not None]
        if target.ipv4_mapped or target in _NAT64:
            faces = faces[1:]  # the wrapping is not an address of its own
    return faces


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    is_metadata = any(address in network for network in _METADATA)
    return address.is_global and not address.is_multicast and not is_metadata
