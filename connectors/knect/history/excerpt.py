"""What happened to one key, in true order, in one line a person can read.

Must not: show payloads.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from knect.history.evidence import History, Violation, clock_of

__all__ = ["Broken", "by_key", "story_of"]

_MOST_EVENTS = 14


class Broken(Struct, frozen=True, kw_only=True):
    """A key with everything that is wrong with it, and what happened to it."""

    key: str
    violations: Sequence[Violation]
    story: str


def by_key(history: History, violations: Sequence[Violation]) -> list[Broken]:
    """Return violations by key, in the order in which they were found."""
    keys: dict[str, list[Violation]] = {}
    for one in violations:
        keys.setdefault(one.key, []).append(one)
    return [
        Broken(key=key, violations=found, story=story_of(history, key))
        for key, found in keys.items()
    ]


def story_of(history: History, key: str) -> str:
    """Return `14:02:01 create sent (answer lost) · 14:02:09 create sent · …`; empty if nothing is
    known of the key.
    """
    events = sorted(_events(history, key), key=lambda event: event[0])
    shown = [f"{clock_of(at)} {what}" for at, what in events]
    if len(shown) > _MOST_EVENTS:
        left_out = len(shown) - _MOST_EVENTS
        half = _MOST_EVENTS // 2
        shown[half:-half] = [f"({left_out} more)"]
    return " · ".join(shown)


def _events(history: History, key: str) -> Iterator[tuple[int, str]]:
    ours = {one.seq: one for one in history.ledger.transactions if one.key == key}
    externals = {
        effect.external_id for effect in history.ledger.effects if effect.transaction in ours
    } or {key}
    several = len(ours) > 1
    for one in ours.values():
        version = f" (version {one.version})" if several else ""
        for event in one.timeline:
            yield event.at_us, f"{event.what}{version}{'' if event.ok else ' ✗'}"
    for call in history.destination_calls:
        if call.key in externals:
            words = call.words.replace(f" {clock_of(call.time)}", "")
            status = f" {call.status}" if call.status is not None else ""
            yield round(call.time.timestamp() * 1e6), f"{words}{status}"
