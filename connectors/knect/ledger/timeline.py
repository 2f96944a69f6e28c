"""A transaction's story: what happened to it, when, in which attempt.

Why: the ledger page and the trace are rendered from this one list, also long after the trace, the
pod and the payload are gone. Kept short: the newest events and the very first ones.
Must not: hold payloads, personal data or secrets.
"""

from msgspec import Struct, json

__all__ = ["Event", "decode", "encode"]

_KEEP_FIRST = 8
_KEEP_LAST = 56


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
    """Return the text to store, the middle cut out where it grew too long."""
    if len(events) > _KEEP_FIRST + _KEEP_LAST:
        events = events[:_KEEP_FIRST] + events[-_KEEP_LAST:]
    return _encoder.encode(events).decode()
