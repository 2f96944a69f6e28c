"""Lines that are too many for memory, kept on disk until they are read in another order.

Why: a bulk export of a shop is gigabytes and comes in no order; what a pod may put on its disk is
less. Compressed in blocks it takes about a tenth, and any line is found again by its place.
Must not: know what is in a line, or leave a file behind.
"""

import errno
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Self

import zstandard

from knect.sdk.errors import Fatal

__all__ = ["Spool"]

_BLOCK = 256 * 1024
#: Blocks held inflated: neighbours in time are neighbours in the file for the most part.
_BLOCKS_HELD = 16
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spool:
    """`with Spool() as spool:` `add` lines, then `done`; then ask for `lines` from a place on.

    Raises Fatal where the disk has no room for more.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._packer = zstandard.ZstdCompressor(level=1)
        self._unpacker = zstandard.ZstdDecompressor()
        self._open = bytearray()  # the block that is not written yet
        self._plain = array("Q", [0])  # where each block begins, in lines as they came
        self._packed = array("Q", [0])  # and in the file
        self._held: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._packed[-1]

    def add(self, line: bytes) -> int:
        """Keep a line, which holds no line end; return its place."""
        place = self._plain[-1] + len(self._open)
        self._open += line
        self._open += b"\n"
        if len(self._open) >= _BLOCK:
            self.done()
        return place

    def done(self) -> None:
        """Write what is not written yet; lines can be read then."""
        if not self._open:
            return
        packed = self._packer.compress(bytes(self._open))
        try:
            self._file.write(packed)
            self._file.flush()
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise Fatal(
                f"no room on this machine's disk ({tempfile.gettempdir()}) after"
                f" {self.size // 2**20} MiB of an export; give the worker more ephemeral storage,"
                " or ask for a shorter time at once",
                code="DiskFull",
            ) from None
        self._plain.append(self._plain[-1] + len(self._open))
        self._packed.append(self._packed[-1] + len(packed))
        self._open.clear()

    def lines(self, place: int) -> Iterator[bytes]:
        """Yield the line at a place, and those that came after it."""
        block = bisect_right(self._plain, place) - 1
        start = place - self._plain[block]
        while block < len(self._plain) - 1:
            plain = self._block(block)
            while start < len(plain):
                end = plain.index(b"\n", start)
                yield plain[start:end]
                start = end + 1
            block, start = block + 1, 0

    def _block(self, number: int) -> bytes:
        plain = self._held.pop(number, None)
        if plain is None:
            self._file.seek(self._packed[number])
            packed = self._file.read(self._packed[number + 1] - self._packed[number])
            plain = self._unpacker.decompress(packed)
            if len(self._held) >= _BLOCKS_HELD:
                del self._held[next(iter(self._held))]
        self._held[number] = plain  # the one asked for last is the last to go
        return plain
