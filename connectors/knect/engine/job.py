"""One transaction in hand: what is known of it while it is worked on.

Must not: outlive the claim, or be shared between claims.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import json, structs

from knect.api.reasons import Reason
from knect.engine.fresh import Read
from knect.engine.keys import normalise
from knect.engine.lease import Taken
from knect.engine.ledger_clock import LedgerClock
from knect.engine.mapper import Extracted, Mapped
from knect.engine.masking import HIDDEN, is_masked, mask_payload, without
from knect.engine.policy import Verdict
from knect.ledger.claims import Claimed
from knect.ledger.commitments import Commitment
from knect.ledger.fates import HOLDING, Fate, Stage
from knect.ledger.outcomes import BindingWrite, EffectRow, EffectWrite, OlderTry, Transition
from knect.ledger.timeline import Event, decode, encode
from knect.model import Order
from knect.sdk.contract import Effect, Found
from knect.sdk.errors import ConnectorError

__all__ = ["Job"]

_GOOD = frozenset((Fate.DELIVERED, Fate.UNCHANGED))


@dataclass(slots=True)
class Job:
    """A claimed transaction on its way; `verdict` ends it."""

    claimed: Claimed
    clock: LedgerClock
    worker: str
    taken: Taken
    read: Read | None = None
    payload: bytes | None = None  # packed, where it is not read already
    extracted: Extracted | None = None
    mapped: Mapped | None = None
    previous: Mapping[str, Any] | None = None
    effects: list[Effect] = field(default_factory=list)
    position: int = 0
    effect: Effect | None = None  # the next one to write, None when all are
    given: dict[str, str] = field(default_factory=dict)
    written: dict[str, EffectRow] = field(default_factory=dict)
    bound: BindingWrite | None = None
    found: Found | None = None  # what the effect before the next one came to
    primary: Found | None = None
    resolved: dict[tuple[str, str], str] = field(default_factory=dict)
    wrote: bool = False
    not_there: bool = False  # the destination said so of the next effect, in this attempt
    lost: bool = False
    earlier: str | None = None  # hash of what an earlier try wrote, if it is another document
    older: OlderTry | None = None  # of another transaction, at what the next effect makes
    mask: frozenset[str] = frozenset()
    _verdict: Verdict | None = None
    _verdict_us: int = 0
    stage: Stage = Stage.DISCOVERED
    pending_effects: list[EffectWrite] = field(default_factory=list)
    pending_bindings: list[BindingWrite] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _last_us: int = 0
    stalled: bool = False
    seq: int = field(init=False)  # the row id
    attempt: int = field(init=False)  # the number of this attempt, from 1
    taken_us: int = field(init=False)

    def __post_init__(self) -> None:
        self.seq = self.claimed.seq
        self.attempt = self.claimed.attempt + 1
        self._events = decode(self.claimed.timeline)
        self._last_us = self.taken_us = self.clock.now_us()

    @property
    def verdict(self) -> Verdict | None:
        """What became of it in this attempt; None while it is worked on."""
        return self._verdict

    @verdict.setter
    def verdict(self, verdict: Verdict | None) -> None:
        self._verdict = verdict
        if verdict is not None:
            self._verdict_us = self.clock.now_us()

    @property
    def is_fresh(self) -> bool:
        """True if nothing came of it in any attempt before; one that stopped says why."""
        return self.claimed.stage == Stage.DISCOVERED and self.claimed.reason is None

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

    def now_us(self) -> int:
        """Return the clock's instant as the ledger writes it."""
        return self.clock.now_us()

    def note(self, what: str, *, ok: bool = True, text: str = "", reason: str = "") -> None:
        """Add an event that began when the last one ended."""
        self._note(what, self.clock.now_us(), ok=ok, text=text, reason=reason)

    def _note(self, what: str, now: int, *, ok: bool, text: str, reason: str) -> None:
        began, self._last_us = self._last_us, now
        text = self._without_masked(text, None) if text and self.mask else text
        took = now - began if now > began else 0
        self._events.append(Event(self.attempt, what, began, took, ok, text, self.worker, reason))

    def reach(self, stage: Stage, text: str = "") -> None:
        """Finish a stage."""
        self.stage = stage
        self._note(stage, self.clock.now_us(), ok=True, text=text, reason="")

    def transition(self, mapping: int | None) -> Transition:
        """Return the row's new state from the verdict."""
        assert self.verdict is not None
        verdict = self.masked(self.verdict)
        claimed, now = self.claimed, self.clock.now_us()
        if verdict.fate not in _GOOD:
            text, reason = verdict.message or "", verdict.reason or ""
            self._note(verdict.fate, self._verdict_us, ok=False, text=text or reason, reason=reason)
        same = (verdict.fate, verdict.reason) == (claimed.fate, claimed.reason)
        still_busy = same and verdict.reason == Reason.KEY_BUSY  # five times a second: told once
        counted = verdict.counts or verdict.fate in _GOOD
        return Transition(
            seq=claimed.seq,
            fence=claimed.fence,
            fate=str(verdict.fate),
            stage=str(self.stage),
            attempt=claimed.attempt + (1 if counted else 0),
            since_us=claimed.since_us if same else now,
            timeline=claimed.timeline if still_busy else encode(self._events),
            next_us=None if verdict.next_in is None else now + int(verdict.next_in * 1_000_000),
            waits_for=verdict.waits_for,
            reason=verdict.reason,
            field=verdict.field,
            value=verdict.value,
            message=verdict.message,
            acts=verdict.acts,
            destination_id=self.primary.destination_id if self.primary else None,
            destination_number=self.primary.number if self.primary else None,
            mapping=mapping,
            document=self.written_document,
            hidden=_listed(self.extracted.hidden) if self.extracted else None,
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
        value = HIDDEN if is_hidden and verdict.value is not None else verdict.value
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
        if not isinstance(record, Order) or record.cancelled_at is not None:
            return []
        return [
            Commitment(
                connection=erp,
                sku=line.sku,
                location=line.location,
                quantity=str(line.quantity),
                transaction=self.seq,
            )
            for line in record.lines
            if line.sku and normalise(line.sku) and line.quantity
        ]

    def skus_newly_taken_or_left(self) -> Iterator[str]:
        """Yield the SKUs of an order that begins to wait, or that ends after it waited."""
        record = self.extracted.record if self.extracted else None
        if self.verdict is None or not isinstance(record, Order):
            return
        waited, waits = self.claimed.reason is not None, self.verdict.fate in HOLDING
        if waited != waits:
            yield from {line.sku for line in record.lines if line.sku and line.quantity}

    def add_stage_seconds(self, took: Mapping[str, list[float]]) -> None:
        """Add how long this attempt was in each of the stages asked for, in seconds."""
        attempt = self.attempt
        for event in self._events:
            if event.what in took and event.attempt == attempt:
                took[event.what].append(event.duration_us / 1e6)

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
