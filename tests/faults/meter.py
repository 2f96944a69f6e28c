"""What a worker takes of the machine while it works: memory, open files, and the ledger's size.

Must not: slow what it measures; it reads /proc and file sizes, and asks a server for a size seldom.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from msgspec import Struct

__all__ = ["Meter", "Sample"]

_EVERY = 0.5
_SIZE_EVERY = 10.0
_MIB = 1024 * 1024


class Sample(Struct, frozen=True, kw_only=True):
    """One look. `at` is seconds since the start; sizes in MiB, `rss` of the process alone."""

    at: float
    rss: float
    files: int
    wal: float
    ledger: float


class Meter:
    """`with Meter(ledger, size) as meter: meter.pid = …`; `samples` grows by two a second."""

    def __init__(self, ledger: Path, size: Callable[[], float] | None = None) -> None:
        self.pid: int | None = None
        self.samples: list[Sample] = []
        self._ledger = ledger
        self._size = size
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began, asked, size = time.monotonic(), float("-inf"), 0.0
        while not self._stop.wait(_EVERY):
            now = time.monotonic()
            if self._size is not None and now - asked > _SIZE_EVERY:
                asked = now
                try:
                    size = self._size()
                except RuntimeError:
                    continue  # the server is away
            try:
                rss, files = _process(self.pid)
            except OSError:
                continue  # between two lives
            self.samples.append(
                Sample(
                    at=now - began,
                    rss=rss,
                    files=files,
                    wal=_mib(Path(f"{self._ledger}-wal")),
                    ledger=size if self._size is not None else _mib(self._ledger),
                )
            )


def _process(pid: int | None) -> tuple[float, int]:
    if pid is None:
        raise ProcessLookupError
    folder = Path(f"/proc/{pid}")
    lines = (folder / "status").read_text().splitlines()
    rss = next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), None)
    if rss is None:
        raise ProcessLookupError  # a zombie
    return rss, len(list((folder / "fd").iterdir()))


def _mib(path: Path) -> float:
    try:
        return path.stat().st_size / _MIB
    except OSError:
        return 0.0
