"""The socket below the driver: counts bytes, keeps the deadline, and asks before the last step.

Why: the driver knows no total deadline (it even takes away its own while it commits), and no
driver tells whether a byte of a request had left. Here both are facts.
Must not: understand what it carries, beyond telling that an answer cannot be the protocol's.
"""

import socket
from typing import Any

from knect.sdk.permit import may_leave
from knect.seams import Clock, crash_point

__all__ = ["NotTheProtocolError", "TooLateError", "Wire"]

#: First bytes of what a SQL Server sends: a reply, a log-in message, TLS records.
_KNOWN = frozenset({0x04, 0x12, 0x15, 0x16, 0x17})


class TooLateError(Exception):
    """The permit had ended when the first byte would have left; nothing has."""


class NotTheProtocolError(Exception):
    """What answers is no SQL Server."""


class Wire:
    """A connected socket as the driver wants one.

    Attributes:
        sent: bytes handed to the network since `begin`.
        received: bytes read since `begin`.
    """

    def __init__(self, connected: socket.socket, clock: Clock) -> None:
        self._socket = connected
        self._clock = clock
        self._wish: float | None = None
        self._until = self._clock.monotonic()
        self._is_final = False
        self._starts = True
        self.sent = 0
        self.received = 0

    def begin(self, seconds: float, *, is_final: bool = False) -> None:
        """Start a call that has so many seconds in all; `is_final`: it cannot be taken back."""
        self._until = self._clock.monotonic() + seconds
        self._is_final = is_final
        self.sent = self.received = 0

    def abort(self) -> None:
        """Wake whoever waits for this socket; it is of no use afterwards."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was closed already

    # ------------------------------------------------------------ what the driver calls

    def setsockopt(self, *options: Any) -> None:
        """Pass a socket option on."""
        self._socket.setsockopt(*options)

    def settimeout(self, seconds: float | None) -> None:
        """Note the driver's wish; the deadline stands whatever it is."""
        self._wish = seconds

    def gettimeout(self) -> float | None:
        """Return the driver's wish."""
        return self._wish

    def sendall(self, data: bytes | bytearray, flags: int = 0) -> None:
        """Send all of it, if it may still leave."""
        is_first = self._is_final and not self.sent
        if is_first and not may_leave():
            raise TooLateError
        self._bound()
        self.sent += len(data)
        if is_first:
            crash_point("send.first_byte")
        self._socket.sendall(data, flags)
        self._starts = True
        if self._is_final:
            crash_point("send.complete")

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read up to `size` bytes."""
        self._bound()
        data = self._socket.recv(size, flags)
        self._look(data[:1])
        self.received += len(data)
        return data

    def recv_into(self, buffer: bytearray | memoryview, size: int = 0, flags: int = 0) -> int:
        """Read into `buffer`."""
        self._bound()
        count = self._socket.recv_into(buffer, size, flags)
        self._look(bytes(buffer[: min(count, 1)]))
        self.received += count
        return count

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _bound(self) -> None:
        left = self._until - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("no complete answer in time")
        self._socket.settimeout(left)

    def _look(self, first: bytes) -> None:
        if self._starts and first:
            self._starts = False
            if first[0] not in _KNOWN:
                raise NotTheProtocolError
