"""Inflates an answer's body while counting, so that a small bomb cannot fill the memory.

Must not: produce more than one bounded piece at a time, or accept an encoding we did not ask for.
"""

import zlib
from collections.abc import Iterator

__all__ = ["ACCEPT_ENCODING", "BodyTooLargeError", "EncodingError", "Inflater"]

ACCEPT_ENCODING = "gzip, deflate"

_PIECE = 65_536
_GZIP = 16 + zlib.MAX_WBITS


class EncodingError(ValueError):
    """The body is not what its `Content-Encoding` says, or the encoding is unknown."""


class BodyTooLargeError(ValueError):
    """The body is larger than the cap, as received or inflated."""


class Inflater:
    """Feeds received bytes in, gives inflated bytes out, at most `limit` of either."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding = encoding.strip().lower() or "identity"
        if self._encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            raise EncodingError(f"the answer is encoded as {encoding!r}, which was not asked for")
        self._limit = limit
        self._received = 0
        self._produced = 0
        self._engine = None if self._encoding == "identity" else self._fresh(b"")

    def _fresh(self, start: bytes) -> "zlib._Decompress":
        if self._encoding != "deflate":
            return zlib.decompressobj(_GZIP)
        # "deflate" means zlib's wrapping; some servers send the bare stream. The low nibble of
        # zlib's first byte is 8.
        bare = bool(start) and start[0] & 0x0F != 8
        return zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` inflates to, in pieces of at most 64 KiB."""
        self._count("_received", len(data))
        if self._engine is None:
            self._count("_produced", len(data))
            yield data
            return
        if self._received == len(data):
            self._engine = self._fresh(data)
        while data:
            if self._engine.eof:  # a further gzip member
                self._engine = self._fresh(data)
            try:
                piece = self._engine.decompress(data, _PIECE)
            except zlib.error as error:
                raise EncodingError(f"the body is no valid {self._encoding}: {error}") from error
            data = self._engine.unconsumed_tail or self._engine.unused_data
            self._count("_produced", len(piece))
            if piece:
                yield piece

    def finish(self) -> Iterator[bytes]:
        """Yield what is left; raise if the stream ends too early."""
        if self._engine is None or self._received == 0:
            return
        while not self._engine.eof:
            piece = self._engine.decompress(self._engine.unconsumed_tail, _PIECE)
            if not piece:
                raise EncodingError(f"the {self._encoding} body ends too early")
            self._count("_produced", len(piece))
            yield piece

    def _count(self, counter: str, size: int) -> None:
        total = getattr(self, counter) + size
        setattr(self, counter, total)
        if total > self._limit:
            raise BodyTooLargeError(f"the answer is larger than {self._limit} bytes")
