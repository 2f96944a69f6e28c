"""All invariants over one history, and their findings as text.

Must not: stop at the first finding; a person wants to see all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from knect.history.accounts import balance, nothing_hangs, nothing_lost
from knect.history.evidence import History, Violation
from knect.history.traces import calls_have_owners, stages_are_true
from knect.history.writes import (
    final_content,
    made_once,
    money_adds_up,
    never_back,
    second_read_is_silent,
)

__all__ = ["INVARIANTS", "check", "meaning_of", "render"]

#: Name -> the check. What each says is the first line of its docstring.
INVARIANTS: Mapping[str, Callable[[History], Iterator[Violation]]] = {
    "I1": balance,
    "I2": nothing_lost,
    "I3": made_once,
    "I4": final_content,
    "I5": never_back,
    "I6": money_adds_up,
    "I7": calls_have_owners,
    "I8": stages_are_true,
    "I9": nothing_hangs,
    "I10": second_read_is_silent,
}


def check(history: History) -> list[Violation]:
    """Return every violation, in the order of the invariants."""
    return [found for judge in INVARIANTS.values() for found in judge(history)]


def meaning_of(invariant: str) -> str:
    """Return what an invariant says, in a sentence."""
    return (INVARIANTS[invariant].__doc__ or "").partition(": ")[2].strip().splitlines()[0]


def render(violations: Sequence[Violation], *, limit: int = 20) -> str:
    """Return the findings as lines for a person, at most `limit` per invariant."""
    if not violations:
        return "no violation"
    lines: list[str] = []
    for name, group in groupby(violations, key=lambda one: one.invariant):
        found = list(group)
        lines.append(f"{name} {meaning_of(name)} ({len(found)} broken)")
        lines += [f"  {one.excerpt}" for one in found[:limit]]
        if len(found) > limit:
            lines.append(f"  and {len(found) - limit} more")
    return "\n".join(lines)
