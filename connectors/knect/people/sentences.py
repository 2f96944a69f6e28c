"""What people are told about a transaction: the sentence, who acts, what to type next.

Why: this sentence is the product. It is made here from values alone, the same for CLI, API and
console. Must not: show what is masked (the ledger has it masked already), or use our jargon.
"""

import shlex
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from knect.api.reasons import Reason
from knect.gateway.answers import Done, Mapped, Mapping
from knect.ledger.fates import OPEN, Fate, Stage
from knect.ledger.instants import from_us, to_us
from knect.ledger.questions.queries import Coverage, Summary
from knect.ledger.questions.unattended import LATE_US, Unattended
from knect.ledger.schema import FIGURES
from knect.ledger.timeline import decode
from knect.model import RECORD_TYPES, is_a_field
from knect.people.times import clock

__all__ = [
    "Told",
    "can_be_edited",
    "can_be_mapped",
    "culprit_path",
    "deed",
    "headline",
    "meaning",
    "never_seen",
    "next_steps",
    "nobody_takes",
    "read_until",
    "reading_fails",
    "story",
    "why",
]

_NOUNS = {
    "contacts": "Contact",
    "customers": "Customer",
    "inventory": "Stock of",
    "orders": "Order",
    "payments": "Payment",
    "prices": "Price of",
    "products": "Product",
    "refunds": "Refund",
    "shipments": "Shipment",
}

#: Events of a timeline in people's words; stages and fates speak for themselves.
_SAID = {
    "in_flight": "put off",
    "interrupted": "worker died",
    "approve": "let pass",
    "edit": "edited",
    "retry": "retry asked for",
}

_DID = {
    "discovered": "Since it was discovered nothing was done with it",
    "extracted": "Mapping it",
    "mapped": "Finding what it refers to",
    "resolved": "Writing it",
    "delivering": "Writing it",
}


class Told(Struct, frozen=True, kw_only=True):
    """One thing that happened, in people's words; `at_us` is its end."""

    began_us: int
    at_us: int
    what: str
    ok: bool
    note: str


def named(one: Summary) -> str:
    """Return `Order #1001`."""
    mark = "#" if one.entity == "orders" else ""
    return f"{_NOUNS.get(one.entity, one.entity)} {mark}{one.key}"


def headline(one: Summary) -> str:
    """Return the first line: what, from where, and how it stands."""
    what = f"{named(one)} ({one.source})"
    number = one.destination_number or one.destination_id
    where = f"{one.destination}" if one.destination else "the destination"
    match one.fate:
        case Fate.DELIVERED:
            return f"{what} is in {where}" + (f" as {number}." if number else ".")
        case Fate.UNCHANGED:
            return f"{what} is in {where} already; this change made no difference there."
        case Fate.SKIPPED:
            return f"{what} was left out on purpose."
        case Fate.SUPERSEDED:
            return f"{what} was overtaken by a newer version of itself."
        case Fate.ECHO:
            return f"{what} is our own write coming back; there was nothing to do."
        case Fate.REJECTED:
            return f"{what} was rejected."
        case Fate.WAITING:
            return f"{what} is waiting."
        case Fate.UNKNOWN:
            by_itself = one.acts in (None, "itself")
            ends = "Knect is finding out" if by_itself else "nobody could find out yet"
            return f"{what} may or may not be in {where}; {ends}."
        case _:
            return f"{what} is stalled." if one.stalled else f"{what} is on its way."


def why(one: Summary, now: datetime) -> str | None:
    """Return the second line: which step, since when, because of which field and value."""
    since = clock(one.since_us, now)
    message = (one.message or "").rstrip(".")
    culprit = f" [{one.field} = {one.value}]" if one.field and one.value else ""
    if not culprit and one.field:
        culprit = f" [{one.field}]"
    match one.fate:
        case Fate.DELIVERED:
            return f"Delivered {since}."
        case Fate.UNCHANGED | Fate.SKIPPED | Fate.SUPERSEDED | Fate.ECHO:
            return f"{message[:1].upper()}{message[1:]} ({since})." if message else None
        case Fate.REJECTED | Fate.WAITING | Fate.UNKNOWN:
            step = _DID.get(one.stage, one.stage)
            times = f" {one.attempt} times" if one.attempt > 1 else ""
            return f"{step} stopped{times} at {since}: {message}{culprit}"
        case _:
            if one.message:
                return f"{_DID.get(one.stage, one.stage)} is tried again: {message}{culprit}"
            return f"Last finished step: {one.stage}, since {since}."


#: What is waited for and is no value that could be mapped to another one.
_UNMAPPABLE = ("", "reason", "mode")


def next_steps(one: Summary, others: int, now: datetime) -> list[str]:
    """Return what happens or is to be done next, as sentences and commands."""
    steps: list[str] = []
    kind, value = _waits_for(one)
    if one.reason == Reason.PARENT_NOT_DELIVERED:
        steps.append(
            f"It goes on by itself as soon as that is there:  knect find {shlex.quote(value)}"
        )
    elif one.reason == Reason.NEEDS_APPROVAL:
        steps.append(
            f"If it is meant:  knect approve {shlex.quote(one.key)} --reason …   "
            f"If not: correct it at {one.source}"
        )
    elif can_be_mapped(one):
        steps.append(
            f"You can: add {kind} {value} in {one.destination}, or map it:  "
            f"knect unmapped set {shlex.quote(kind)} {shlex.quote(f'{value}=OTHER')}"
        )
    elif one.fate == Fate.REJECTED:
        steps.append(
            f"You can: correct it at {one.source}; the change is picked up by itself. "
            f"Or after a repair elsewhere:  knect retry {shlex.quote(one.key)}"
        )
        if can_be_edited(one):
            steps.append(
                f"If it cannot be corrected there:  knect edit {shlex.quote(one.key)} "
                f"--set {shlex.quote(culprit_path(one) or 'PATH')}=… --reason …"
            )
    elif one.fate in (Fate.WAITING, Fate.UNKNOWN) and one.acts not in (None, "itself"):
        steps.append(f"{_person(one.acts)} can act, then:  knect retry {shlex.quote(one.key)}")
        if one.reason == Reason.CHANGED_AT_DESTINATION:
            steps.append(
                "If somebody deleted it there, and it is to be there again:  "
                f"knect replay {shlex.quote(one.key)}"
            )
    steps += _soon(one, to_us(now))
    if others:
        noun = "transaction waits" if others == 1 else "transactions wait"
        steps.append(f"{others} other {noun} for the same.")
    return steps


def can_be_mapped(one: Summary) -> bool:
    """Tell whether saying what a value means would let it go on."""
    kind = _waits_for(one)[0]
    return (
        one.fate == Fate.WAITING
        and one.acts != "itself"
        and one.reason not in (Reason.PARENT_NOT_DELIVERED, Reason.NEEDS_APPROVAL)
        and one.stage == Stage.MAPPED
        and kind not in _UNMAPPABLE
    )


def can_be_edited(one: Summary) -> bool:
    """Tell whether somebody may set something in its record: of a figure the next one comes."""
    return one.entity not in FIGURES


def culprit_path(one: Summary) -> str:
    """Return the field that stops it, where that is one of its record's; else nothing."""
    kind, path = RECORD_TYPES.get(one.entity), one.field
    if kind is None or path is None or not is_a_field(kind, path):
        return ""  # it is named as the source or the destination does
    return path


def _waits_for(one: Summary) -> tuple[str, str]:
    """Return what it waits for: the kind and the value, both empty if for nothing of a system."""
    kind, _, value = (one.waits_for or "").rpartition("@")[0].partition(":")
    return kind, value


def _soon(one: Summary, now_us: int) -> list[str]:
    """Return who has it, or when it is tried; a time that is long over is no promise."""
    if one.fate not in OPEN:
        return []
    now = from_us(now_us)
    if one.lease_us is not None:
        if one.lease_us >= now_us:
            return ["A worker has it in hand."]
        return ["The worker that had it in hand is gone; the next one to look takes it over."]
    if one.next_us is None:
        return []
    if one.next_us < now_us - LATE_US:
        return [
            f"It is due since {clock(one.next_us, now)}, and was not taken: no worker runs, its "
            "pipeline is suspended or no longer declared, or much is before it."
        ]
    return [f"Next try {clock(one.next_us, now)} by itself."]


def _person(acts: str | None) -> str:
    return {
        "engineer": "An integration engineer",
        "merchant": "The merchant",
        "operations": "Operations",
    }.get(acts or "", "Somebody")


def story(one: Summary) -> list[Told]:
    """Return what happened to it, oldest first."""
    return [
        Told(
            began_us=event.at_us,
            at_us=event.at_us + event.duration_us,
            what=_SAID.get(
                event.what, event.what.replace("effect:", "wrote " if event.ok else "writing ")
            ),
            ok=event.ok,
            note=event.note,
        )
        for event in decode(one.timeline)
    ]


def read_until(feed: Coverage, until: str, now: datetime) -> str:
    """Return from when until when a feed's reads are complete, in one sentence.

    The beginning is what tells a ledger that was laid anew from the one that was lost.
    """
    begins = f"from {clock(feed.start_us, now)} " if feed.start_us else ""
    told = (
        f"reads are complete {begins}until {until}" if feed.is_read else "no read is complete yet"
    )
    return f"{feed.connection} {feed.entity}: {told}"


def reading_fails(feed: Coverage, since: str) -> str:
    """Return since when (`3 min ago`) reading fails, and why."""
    return f"reading has failed for {since.removesuffix(' ago')}: {feed.failure}"


def nobody_takes(one: Unattended, now: datetime) -> str:
    """Say that what a pipeline has to do is not being done, and what that can come from."""
    are, them = ("is", "it") if one.count == 1 else ("are", "them")
    others = " …" if one.count > len(one.examples) else ""
    return (
        f"{one.pipeline}: {one.count} {are} due since {clock(one.since_us, now)}, and nobody takes "
        f"{them} up ({' '.join(one.examples)}{others}): no worker runs, or the pipeline is "
        "suspended or no longer declared."
    )


def never_seen(
    key: str,
    feeds: Sequence[Coverage],
    now: datetime,
    forgotten: int = 0,
    like: Sequence[str] = (),
) -> list[str]:
    """Return what is known about something that was never seen.

    `forgotten` transactions were removed by retention; `like` are names that were seen.
    """
    lines = [f"{key} was never seen."]
    if forgotten:
        noun = "transaction was" if forgotten == 1 else "transactions were"
        lines = [
            f"{key} was never seen, or it is among what ended long ago: {forgotten} {noun} "
            "forgotten by retention."
        ]
    if like:
        names = ", ".join(like)
        lines.append(f"  Like it there is {names}:  knect find {shlex.quote(like[0])}")
    if not feeds:
        return [*lines, "Nothing has been read yet: run a pipeline first (knect run -f DIR)."]
    for feed in feeds:
        line = f"  {read_until(feed, clock(feed.complete_until_us, now), now)}"
        if feed.failing_since_us is not None:
            line += f"; failing since {clock(feed.failing_since_us, now)}: {feed.failure}"
        lines.append(line)
    lines.append(
        "If it is older than that and not older than the pipeline's start, its source never "
        "listed it: check the number, and the filter and permissions there."
    )
    return lines


_DONE = {
    "retry": "due now; `knect run` or the living worker takes them",
    "approve": "let pass and due now; `knect run` or the living worker takes them",
    "edit": "edited; `knect run` or the living worker takes them",
    "replay": "delivered anew by `knect run` or the living worker",
    "skip": "ended for good",
}


def deed(verb: str, done: Done, *, dry_run: bool = False) -> str:
    """Return what a wish did, or would do."""
    noun = "transaction" if done.count == 1 else "transactions"
    said = " would be affected" if dry_run else f": {_DONE[verb]}"
    return f"{done.count} {noun}{said}"


def meaning(wish: Mapping, done: Mapped) -> str:
    """Return what a value means now, and who goes on."""
    return (
        f"{wish.kind} {wish.value} is {wish.mapped} at {done.destination}; {done.woke} waiting go "
        "on with the next run"
    )
