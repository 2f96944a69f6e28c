"""The set-up is edited: a second pipeline of the same orders joins late, rests, and may live in a pod
of its own; the first gets another filter; a second shop opens; a rule holds what is dear.

Why: a feed is read once for all of its pipelines, by whichever pod; nobody who joins, rests or dies
while another one reads may miss what was read then.
Must not: write; it only watches, so that what the other one does is judged as ever.
"""

import random
from collections.abc import Sequence

from tests.determ.people import People
from tests.determ.process import Process
from tests.determ.setting import NORTH, WATCHER, Watcher

__all__ = ["Watchers"]


class Watchers(People):
    """What people do to the set-up, but for the mapping."""

    def _living(self) -> list[Process]:
        return [one for one in self.processes if one.alive]

    def do_join(self, a: int, b: int) -> None:
        """Somebody declares the second pipeline: in a pod of its own, or beside the first."""
        if self.watcher is not None:
            return
        is_alone = self.setting.shared and a % 3 > 0
        self.watcher = Watcher(is_alone=is_alone, start="Now" if b % 3 == 0 else "Beginning")
        self._roll_out(b)

    def do_rest(self, a: int, _b: int) -> None:
        """The second pipeline is suspended, or goes on."""
        if self.watcher is not None:
            self.watcher.rests = not self.watcher.rests
            self._roll_out(a)

    def do_pause(self, a: int, _b: int) -> None:
        """The first pipeline is suspended, or goes on."""
        self.paused = not self.paused
        self._roll_out(a)

    def do_filter(self, a: int, _b: int) -> None:
        """The first pipeline gets another filter, or its first one again."""
        self.filtered = not self.filtered
        self._roll_out(a)

    def do_open(self, a: int, b: int) -> None:
        """A second shop opens, which sells into the same ERP under ids of the first one."""
        if NORTH not in self.shops:
            self._open(NORTH, random.Random(f"{a} {b}"))
            self._connect(NORTH)
            self._roll_out(b)

    def do_rule(self, a: int, _b: int) -> None:
        """From now on what is dear waits until somebody lets it pass; or no more."""
        self.ruled = not self.ruled
        self.ruled_all = self.ruled and not any(one.count for one in self.shops.values())
        self._roll_out(a)

    def _roll_out(self, how: int) -> None:
        """Let those end that have another document; who was to begin begins."""
        for one in self._outdated():
            self._end(one.life) if how % 2 or not one.ready else one.stop()
        self.loop.drive(self.loop.time() + 1.0 + how % 10)
        self._fill(self._places())

    def _outdated(self) -> list[Process]:
        rests = self.watcher is not None and self.watcher.rests
        return [
            one
            for one in self._living()
            if one.document is not self._document(one.place) or (one.place == WATCHER and rests)
        ]

    def _places(self) -> list[str]:
        is_alone = self.watcher is not None and self.watcher.is_alone
        first = [f"w{number}" for number in range(self.setting.workers)]
        return [*first, WATCHER] if is_alone else first

    def _fill(self, places: Sequence[str]) -> None:
        """Begin a life at each of these places where none is, unless it is to rest."""
        living = {one.place for one in self._living()}
        for place in places:
            rests = self.watcher is not None and self.watcher.rests
            if place not in living and not (place == WATCHER and rests):
                self._begin(place)

    def _all_at_work(self) -> None:
        """Let both pipelines go on, and see to it that there is somebody for each of them."""
        self.paused = False
        if self.watcher is not None:
            self.watcher.rests = False
        for one in self._outdated():
            self._end(one.life)
        self._somebody_everywhere()

    def _somebody_everywhere(self) -> None:
        if not any(one.place != WATCHER for one in self._living()):
            self._begin("w0")
        if self.watcher is not None and self.watcher.is_alone:
            self._fill([WATCHER])
