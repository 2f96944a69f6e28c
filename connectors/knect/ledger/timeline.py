"""A transaction's story: what happened to it, when, in which attempt.

Why: the ledger page and the trace are rendered from this one list, also long after the trace, the
pod and the payload are gone. Kept short: the newest events and the very first ones; of those in
between an interruption is kept longest, for nothing else names the calls that were made then.
Must not: hold payloads, personal data or secrets.
"""

from msgspec import Struct, json

__all__ = ["INTERRUPTED", "Event", "decode", "encode", "extend"]

#: Who had it in hand died, or gave it back; the note has the trace id of the calls.
INTERRUPTED = "interrupted"
_KEEP_FIRST = 8
_KEEP_BETWEEN = 16
_KEEP_LAST = 40
_MOST = _KEEP_FIRST + _KEEP_BETWEEN + _KEEP_LAST
#: No event takes less of the text: `[1,"x",1,0,true,"","",""],`.
_LEAST_LENGTH = 26


class Event(Struct, array_like=True, omit_defaults=True, gc=False):
    """One thing that happened. `what` is a stage, an effect (`effect:party`), or a mark
    (`webhook`, `stalled`, `interrupted`, `woken`, `retry`, `replay`).
    """

    attempt: int
    what: str
    at_us: int
    duration_us: int = 0
    ok: bool = True
    note: str = ""
    worker: str = ""
    reason: str = ""


_decoder = json.Decoder(list[Event])
_encoder = json.Encoder()


def decode(text: str) -> list[Event]:
    """Return the events, oldest first."""
    return _decoder.decode(text)


def encode(events: list[Event]) -> str:
    """Return the text to store, the middle thinned out where it grew too long."""
    if len(events) > _MOST:
        between = _thinned(events[_KEEP_FIRST:-_KEEP_LAST])
        events = [*events[:_KEEP_FIRST], *between, *events[-_KEEP_LAST:]]
    return _encoder.encode(events).decode()


def _thinned(events: list[Event]) -> list[Event]:
    """Return so many of these that may stay: without the oldest, interruptions last."""
    numbers = sorted(range(len(events)), key=lambda i: (events[i].what == INTERRUPTED, i))
    kept = set(numbers[-_KEEP_BETWEEN:])
    return [event for i, event in enumerate(events) if i in kept]


def extend(text: str, events: list[Event]) -> str:
    """Return a stored text with more events; it is read only where it may grow too long."""
    most = len(text) // _LEAST_LENGTH + len(events)
    if text == "[]" or most > _MOST:
        return encode([*decode(text), *events])
    return f"{text[:-1]},{_encoder.encode(events).decode()[1:]}" if events else text
