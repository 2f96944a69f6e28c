"""The ledger is lost: put back to a copy of it, or begun anew, after all who used it have ended.

Why: neither a restored ledger nor a new one knows that it has forgotten something; nothing may be
made twice for it, and no change may be missed.
Must not: put a ledger back under living workers, or sooner than what was sent has arrived: whoever
restores a database takes longer than that.
"""

from dataclasses import dataclass
from datetime import datetime

from tests.determ.memory import Memory
from tests.determ.process import START
from tests.determ.setting import WATCHER
from tests.determ.stage import Stage

__all__ = ["Copy", "Losses"]


@dataclass
class Copy:
    """A copy of a ledger, and what had been acknowledged by then."""

    rows: bytes
    at: datetime
    acked: set[str]
    memory: Memory


class Losses(Stage):
    """What can happen to the ledger as a whole."""

    _copy: Copy | None = None

    def do_back_up(self, _a: int, _b: int) -> None:
        """Somebody copies the ledger."""
        self._copy = Copy(
            self.database.copied(), self.clock.now(), set(self.acked), self.memory.copied()
        )

    def do_put_back(self, a: int, _b: int) -> None:
        """The ledger is lost, and is put back to its copy; or begun anew, where there is none."""
        for one in self.processes:
            if one.alive:
                self._end(one.life)
        self.loop.drive(self.loop.time() + self.network.latest + self.setting.transit + 1.0)
        copy = self._copy if a % 3 else None
        if copy is None:
            self.database.empty()
        else:
            self.database.put_back(copy.rows)
        self.acked = set(copy.acked) if copy else set()
        self.memory = copy.memory.copied() if copy else Memory()
        self.forgotten.append((copy.at if copy else START, self.clock.now()))
        self.applied_before = {name: len(took) for name, took in self.erp.applied.items()}
        self.doubts()
        for number in range(self.setting.workers):
            self._begin(f"w{number}")
        if self.watcher is not None and self.watcher.is_alone and not self.watcher.rests:
            self._begin(WATCHER)
