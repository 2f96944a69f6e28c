"""One transaction in hand: what is known of it while it is worked on.

Must not: outlive the claim, or be shared between claims.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import json, structs

from knect.api.reasons import Reason
from knect.engine.bounds.lease import Taken
from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.deciding.editing import Edits
from knect.engine.deciding.goods import pieces_of
from knect.engine.deciding.mapper import Extracted, Mapped
from knect.engine.deciding.masking import HIDDEN, is_masked, mask_payload, without
from knect.engine.deciding.policy import DELIVERED, ENGINEER, Verdict
from knect.engine.reading.fresh import Read
from knect.ledger.bindings import BindingWrite
from knect.ledger.claims import Claimed
from knect.ledger.commitments import Commitment, commitments_of
from knect.ledger.effects import EffectRow, EffectWrite, OlderTry
from knect.ledger.fates import HOLDING, Fate, Stage
from knect.ledger.outcomes import Transition
from knect.ledger.timeline import Event, extend
from knect.model import Order
from knect.model.record import is_cancelled
from knect.sdk.contract import Effect, Found
from knect.sdk.errors import ConnectorError

__all__ = ["Job"]

_GOOD = frozenset((Fate.DELIVERED, Fate.UNCHANGED))
_HOLDING = frozenset(HOLDING)
_DISCOVERED = Stage.DISCOVERED


@dataclass(slots=True, init=False, eq=False)
class Job:
    """A claimed transaction on its way; `verdict` ends it, and is set by `judge` alone."""

    claimed: Claimed
    clock: LedgerClock
    worker: str
    taken: Taken
    mask: frozenset[str]
    seq: int  # the row id
    attempt: int  # the number of this attempt, from 1
    taken_us: int
    external_id: str  # under which the destination keeps the record
    stage: Stage
    verdict: Verdict | None  # what became of it in this attempt; None while it is worked on
    read: Read | None
    payload: bytes | None  # packed, where it is not read already
    edits: Edits | None  # what a person set in its record
    extracted: Extracted | None
    mapped: Mapped | None
    previous: Mapping[str, Any] | None
    tried: Sequence[Mapping[str, Any]]
    effects: list[Effect]
    position: int
    effect: Effect | None  # the next one to write, None when all are
    given: dict[str, str]
    written: dict[str, EffectRow]
    bound: BindingWrite | None
    found: Found | None  # what the effect before the next one came to
    primary: Found | None
    resolved: dict[tuple[str, str], str]
    not_there: bool  # the destination said so of the next effect, in this attempt
    doubted: bool  # the destination may have another content than the binding says
    gone: str | None  # what it was bound to, where the destination has that no more
    anew: bool  # it is made once more, with all its parts: now, or earlier in this transaction
    looked: str  # what came of looking for what a person wants anew
    unvouched: bool  # a ledger that is gone may have made what the next effect makes
    held: Verdict | None  # what becomes of it, if nothing of it is there: rules let it in no more
    lost: bool
    stalled: bool
    earlier: str | None  # hash of what an earlier try wrote, if it is another document
    older: OlderTry | None  # of another transaction, at what the next effect makes
    pending_effects: list[EffectWrite]
    pending_bindings: list[BindingWrite]
    _events: list[Event]  # of this attempt
    _last_us: int
    _judged_us: int

    def __init__(  # by hand: a generated one asks nine factories, for each of the records
        self,
        claimed: Claimed,
        *,
        clock: LedgerClock,
        worker: str,
        taken: Taken,
        taken_us: int,
        external_id: str,
        mask: frozenset[str] = frozenset(),
    ) -> None:
        self.claimed, self.clock, self.worker, self.taken = claimed, clock, worker, taken
        self.seq, self.attempt, self.external_id = claimed.seq, claimed.attempt + 1, external_id
        self.mask = mask
        self.stage = _DISCOVERED
        self.verdict = self.read = self.payload = self.extracted = self.mapped = None
        self.edits = None
        self.previous = self.bound = self.found = self.primary = self.earlier = self.older = None
        self.held = None
        self.tried = ()
        self.effects, self.position, self.effect = [], 0, None
        self.given, self.written, self.resolved = {}, {}, {}
        self.not_there = self.doubted = self.lost = self.stalled = False
        self.unvouched = False
        self.gone, self.anew, self.looked = None, False, ""
        self.pending_effects, self.pending_bindings = [], []
        self._events = []
        self.taken_us = self._last_us = self._judged_us = taken_us

    def judge(self, verdict: Verdict, now_us: int | None = None) -> None:
        """Say what became of it in this attempt; now, if no other instant is known."""
        self.verdict = verdict
        self._judged_us = self.clock.now_us() if now_us is None else now_us

    @property
    def effect_name(self) -> str:
        """The name of the next effect; there must be one."""
        assert self.effect is not None
        return self.effect.name

    def plan(self, effects: Sequence[Effect]) -> None:
        """Take what is to be written, in this order."""
        self.effects, self.position = list(effects), 0
        self.effect = effects[0] if effects else None

    def write_instead(self, effect: Effect) -> None:
        """Put another effect in the place of the next one."""
        self.effects[self.position] = self.effect = effect

    def go_on(self) -> None:
        """Turn to the next effect."""
        self.position += 1
        self.effect = self.effects[self.position] if self.position < len(self.effects) else None

    @property
    def written_document(self) -> str | None:
        """The hash of the document the destination has, once every effect is written."""
        return self.earlier or (self.mapped.hash if self.mapped else None)

    @property
    def is_cancelled(self) -> bool:
        """Tell whether it is an order that was cancelled: of it nothing is written but that."""
        return self.mapped is not None and is_cancelled(self.mapped.record)

    def now_us(self) -> int:
        """Return the clock's instant as the ledger writes it."""
        return self.clock.now_us()

    def note(
        self,
        what: str,
        now_us: int | None = None,
        *,
        ok: bool = True,
        text: str = "",
        reason: str = "",
    ) -> None:
        """Add an event that began when the last one ended, and ends now if no instant is given."""
        began, now = self._last_us, self.clock.now_us() if now_us is None else now_us
        self._last_us = now
        text = self._without_masked(text, None) if text and self.mask else text
        took = now - began if now > began else 0
        self._events.append(Event(self.attempt, what, began, took, ok, text, self.worker, reason))

    def reach(self, stage: Stage, now_us: int | None = None, *, text: str = "") -> None:
        """Finish a stage."""
        self.stage = stage
        self.note(stage, now_us, text=text)

    def cannot_be_held(self, sentence: str, next_in: float) -> None:
        """Say that the ledger cannot hold what came of it: what was written is looked up again."""
        was_sent = bool(self.pending_effects or self.written)
        self.pending_effects.clear()
        self.pending_bindings.clear()
        self.primary = None
        self.judge(
            Verdict(
                fate=Fate.UNKNOWN if was_sent else Fate.WAITING,
                reason=Reason.OUTCOME_UNKNOWN if was_sent else Reason.FATAL,
                message=f"{sentence}: the ledger cannot hold what came of it",
                acts=ENGINEER,
                next_in=next_in,
                counts=False,
            )
        )

    def transition(self, mapping: int | None, now_us: int) -> Transition:
        """Return the row's new state from the verdict."""
        assert self.verdict is not None
        verdict = self.masked(self.verdict)
        claimed, is_good = self.claimed, verdict.fate in _GOOD
        if not is_good:
            text, reason = verdict.message or "", verdict.reason or ""
            self.note(verdict.fate, self._judged_us, ok=False, text=text or reason, reason=reason)
        same = verdict.fate == claimed.fate and verdict.reason == claimed.reason
        still_busy = same and verdict.reason == Reason.KEY_BUSY  # five times a second: told once
        primary, extracted = self.primary, self.extracted
        moved = Transition(
            seq=claimed.seq,
            fence=claimed.fence,
            fate=str(verdict.fate),
            stage=str(self.stage),
            attempt=self.attempt if verdict.counts or is_good else claimed.attempt,
            since_us=claimed.since_us if same else now_us,
            timeline=claimed.timeline if still_busy else extend(claimed.timeline, self._events),
            destination_id=primary.destination_id if primary else None,
            destination_number=primary.number if primary else None,
            mapping=mapping if claimed.as_then is None else claimed.as_then,
            document=self.written_document,
            hidden=_listed(extracted.hidden) if extracted else None,
        )
        if verdict is DELIVERED:
            return moved
        return structs.replace(
            moved,
            next_us=None if verdict.next_in is None else now_us + int(verdict.next_in * 1_000_000),
            waits_for=verdict.waits_for,
            reason=verdict.reason,
            field=verdict.field,
            value=verdict.value,
            message=verdict.message,
            acts=verdict.acts,
        )

    def shown(self, error: ConnectorError) -> str:
        """Return an error's sentence without the value of a field nobody is to be shown."""
        is_hidden = error.value and self._is_hidden(error.path, error.value)
        return self._without_masked(error.message, error.value if is_hidden else None)

    def masked(self, verdict: Verdict) -> Verdict:
        """Return the verdict without the value of a field nobody is to be shown."""
        if not self.mask:
            return verdict
        is_hidden = self._is_hidden(verdict.field, verdict.value)
        message = verdict.message and self._without_masked(
            verdict.message, verdict.value if is_hidden else None
        )
        value = verdict.value
        if value is not None:
            value = HIDDEN if is_hidden else self._without_masked(value, None)
        return structs.replace(verdict, value=value, message=message)

    def _without_masked(self, sentence: str, value: str | None) -> str:
        """Return a sentence, which may be a remote's, without what is masked, and without value."""
        masked = self.extracted.masked if self.extracted else frozenset()
        return without(sentence, masked if value is None else masked | {value})

    def _is_hidden(self, path: str | None, value: str | None) -> bool:
        """Tell whether a mask names the field, or the value under whatever name a system has.

        Of a record that cannot be read nobody knows which of its values a mask means: any may be.
        """
        if self.extracted is None:
            return bool(self.mask)
        if path is not None and is_masked(path, self.mask):
            return True
        return value is not None and mask_payload(value, self.extracted.hidden) != value

    def commitments(self, erp: str) -> list[Commitment]:
        """Return the goods an order takes, as long as the ERP does not know of it."""
        record = self.extracted.record if self.extracted else None
        return commitments_of(pieces_of(record), connection=erp, transaction=self.seq)

    @property
    def holds(self) -> bool:
        """Whether it ends so that, if it is an order, it holds its goods."""
        return self.verdict is not None and self.verdict.fate in _HOLDING

    def skus_newly_taken_or_left(self) -> Collection[str]:
        """Return the SKUs of an order that begins to wait, or that ends after it waited."""
        waited = self.claimed.reason is not None
        record = self.extracted.record if self.extracted else None
        if waited == self.holds or not isinstance(record, Order):
            return ()
        return {line.sku for line in record.lines if line.sku and line.quantity}

    def add_stage_seconds(self, took: Mapping[str, list[float]]) -> None:
        """Add how long this attempt was in each of the stages asked for, in seconds."""
        for event in self._events:
            seconds = took.get(event.what)
            if seconds is not None:
                seconds.append(event.duration_us / 1e6)

    def describe(self) -> dict[str, Any]:
        """Return what a log line says of it."""
        fate = self.verdict.fate if self.verdict else self.claimed.fate
        return {
            "knect.transaction": self.claimed.id,
            "trace_id": self.claimed.id,
            "knect.pipeline": self.claimed.pipeline,
            "knect.key": self.claimed.key,
            "knect.stage": self.stage,
            "knect.fate": fate,
            "knect.reason": self.verdict.reason if self.verdict else None,
        }


def _listed(texts: tuple[str, ...]) -> str:
    return json.encode(texts).decode() if texts else "[]"
