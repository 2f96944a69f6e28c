"""Who changes our objects back each time: after some rounds Knect waits, and says so.

Why: a second installation, an autoscaler or a policy that wants it differently would be fought at
the speed of watches, and with each round a worker restarts.
Must not: keep back an edit: what is newly rendered is applied at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from knect_operator.store import Key

__all__ = ["Contests", "sentence_of"]

_Object = Mapping[str, Any]
_WINDOW_SECONDS = 300.0
_MOST_CORRECTIONS = 3
_LONGEST_PAUSE_SECONDS = 3600.0


@dataclass(slots=True)
class _Contest:
    """Of one object: what we want of it, when it was put right, and until when we wait."""

    said: str | None
    times: list[float] = field(default_factory=list)
    rounds: int = 0
    until: float = 0.0
    sentence: str = ""


class Contests:
    """Counts corrections by kind and key; `said` is the digest of what is wanted."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[tuple[str, Key], _Contest] = {}

    def told(self, mark: tuple[str, Key], said: str | None) -> str:
        """Return what is to be said of an object while it is left as it is; else nothing."""
        known = self._known.get(mark)
        if known is None or known.said != said or self._monotonic() >= known.until:
            return ""
        return known.sentence

    def applied(self, mark: tuple[str, Key], said: str | None) -> None:
        """Note what was applied; what was applied before was put right."""
        known = self._known.get(mark)
        if known is None or known.said != said:
            self._known[mark] = _Contest(said)
        else:
            known.times.append(self._monotonic())

    def is_last(self, mark: tuple[str, Key], said: str | None) -> bool:
        """Return whether this very state is put right for the last time before it is left."""
        known, now = self._known.get(mark), self._monotonic()
        if known is None or known.said != said:
            return False
        if now - known.until > _LONGEST_PAUSE_SECONDS:
            known.rounds = 0
        known.times = [one for one in known.times if now - one < _WINDOW_SECONDS]
        return len(known.times) + 1 >= (1 if known.rounds else _MOST_CORRECTIONS)

    def open(self, mark: tuple[str, Key], said: str | None, sentence: str) -> None:
        """Leave the object as it is for a while, longer each time, and say this meanwhile.

        Also where our own state is in place by now: the other hand may be as patient.
        """
        known, now = self._known.setdefault(mark, _Contest(said)), self._monotonic()
        pause = min(_LONGEST_PAUSE_SECONDS, _WINDOW_SECONDS * 2.0**known.rounds)
        known.until, known.sentence = now + pause, sentence
        known.rounds, known.times = known.rounds + 1, []

    def forget(self, gone: Callable[[tuple[str, Key]], bool]) -> None:
        """Drop what is known of objects that are gone."""
        for mark in list(filter(gone, self._known)):
            del self._known[mark]


def sentence_of(document: _Object, live: _Object, path: str, *, manager: str, ours: bool) -> str:
    """Return who changes what, and what to do; `ours`: the other hand renders as Knect does."""
    what = f"{document['kind']} {document['metadata']['name']}"
    last: _Object = max(
        (
            one
            for one in live["metadata"].get("managedFields") or ()
            if one.get("manager") != manager and one.get("subresource") != "status"
        ),
        key=lambda one: str(one.get("time", "")),
        default={},
    )
    if ours:
        who = "by another installation of Knect, or one with other settings (helm list -A)"
    elif last:
        who = f"most likely by {last['manager']} at {last.get('time', 'a time unknown')}"
    else:
        who = "by another hand"
    return (
        f"{what} is changed each time Knect puts it right, at {path}, {who}; Knect leaves it as it "
        "is for a while and then tries again: let only one of the two change it, or keep Knect "
        "away by the annotation knect.dev/reconcile=disabled"
    )
