"""What was learnt a moment ago, for the one write that follows it.

Why: a look-up before a write, and the write itself, ask Tryton the same; so do making a sale and
confirming it. The second one may use the first one's answer if it comes at once, and only once: a
write that is sent again is preceded by a look-up of its own, which always asks. And only within one
transaction: an edit that overtakes an unconfirmed sale would be judged by the total before it.
Must not: answer a look-up, serve two writes, or hold anything longer than `seconds`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from knect.seams import Clock

__all__ = ["Lately"]

_K = TypeVar("_K")
_V = TypeVar("_V")

#: Between a look-up and its write are two commits of the ledger.
_SECONDS = 5.0
#: Of a look-up that no write follows.
_MOST = 1_000


class Lately(Generic[_K, _V]):
    """Answers by key, each for one taker."""

    def __init__(self, clock: Clock, seconds: float = _SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._known: dict[_K, tuple[float, _V]] = {}

    def keep(self, answers: Mapping[_K, _V] | Iterable[tuple[_K, _V]]) -> None:
        """Keep answers for who asks within `seconds`."""
        if len(self._known) > _MOST:
            self._known.clear()
        now = self._clock.monotonic()
        self._known.update({key: (now, value) for key, value in dict(answers).items()})

    def take(self, keys: Sequence[_K]) -> dict[_K, _V] | None:
        """Return the answers for all keys, or None if one is missing or too old; forget them."""
        taken = {key: self._known.pop(key, None) for key in keys}
        oldest = self._clock.monotonic() - self._seconds
        fresh = {key: one[1] for key, one in taken.items() if one is not None and one[0] >= oldest}
        return fresh if len(fresh) == len(taken) else None
