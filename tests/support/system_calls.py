"""What a process really asked of the disk and the network, in order, by strace.

Why: "it is on disk before it is answered" is a claim about system calls, and only they prove it.
Must not: know what a ledger is; it tells of files and sockets.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from tests.support.real.debian import ensure_packages

__all__ = ["Event", "read_events", "strace"]

_CALLS = (
    "openat,creat,pwrite64,pwritev,pwritev2,write,writev,fdatasync,fsync,sync_file_range,"
    "ftruncate,fallocate,unlink,unlinkat,rename,renameat2,sendto,sendmsg,recvfrom,recvmsg"
)
#: No single write of a ledger's is longer, nor a request of a test's.
_LONGEST = 300_000
_LINE = re.compile(rb"^(\d+)\s+(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_PLACE = re.compile(rb"^\d+<((?:->|[^>\\]|\\x[0-9a-f]{2})*)>")
_RESULT = re.compile(rb"\)\s+= (-?\d+)")
_NUMBERS = re.compile(rb", (\d+), (\d+)\s*\)\s+=")


class Event(Struct, frozen=True, kw_only=True):
    """One call that succeeded: `place` is the file's path or the socket's two ends."""

    call: str
    place: str
    data: bytes = b""
    offset: int = 0


def strace(to: Path) -> Sequence[str]:
    """Return the words to put before a command. Raises Unavailable.

    The command stays the child of whoever starts it; the tracer is its grandchild.
    """
    ensure_packages({"strace": "strace"})
    return (
        *("strace", "-D", "-f", "-yy", "-xx", "-qq", "-s", str(_LONGEST)),
        *("-e", "signal=none", "-e", f"trace={_CALLS}", "-o", str(to)),
    )


def read_events(path: Path) -> Iterator[Event]:
    """Yield the calls in the order they ended. Raises ValueError for what cannot be read."""
    begun: dict[bytes, bytes] = {}
    with path.open("rb") as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                if b"<unfinished" in line or b"+++" in line or b"---" in line:
                    continue
                raise ValueError(f"not a line of strace: {line[:200]!r}")
            process, resumed, name, rest = found.groups()
            if rest.endswith(b"<unfinished ...>"):
                begun[process] = rest.removesuffix(b"<unfinished ...>")
                continue
            if resumed is not None:
                rest, name = begun.pop(process) + rest, resumed
            event = _event(name.decode(), rest)
            if event is not None:
                yield event


def _event(call: str, rest: bytes) -> Event | None:
    result = _RESULT.search(rest)
    if result is None or int(result[1]) < 0:
        return None  # it failed, or the process ended in it
    texts = _TEXT.findall(rest)
    if any(cut for _, cut in texts):
        raise ValueError(f"{call}: longer than {_LONGEST} bytes")
    data = _bytes(texts[-1][0]) if texts else b""
    if call in ("openat", "creat", "unlink", "unlinkat"):
        return Event(call=call, place=data.decode())
    place = _PLACE.match(rest)
    if place is None:
        return None
    offset = 0
    if call == "pwrite64":
        numbers = _NUMBERS.search(rest)
        assert numbers is not None
        offset = int(numbers[2])
        data = data[: int(result[1])]
    elif call == "ftruncate":
        offset = int(rest.rpartition(b")")[0].rpartition(b", ")[2])
    return Event(call=call, place=_bytes(place[1]).decode(), data=data, offset=offset)


def _bytes(text: bytes) -> bytes:
    """Return what `\\x41\\x42` stands for; what is written plainly stays."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), text)
