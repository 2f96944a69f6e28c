"""I7, I8: whose call it was, and how far a transaction really came.

Trace ids are written ahead of the first call: in `windows.trace_id`, in `transactions.calls`, on
the `interrupted` mark of a transaction that somebody took over from the dead, and in `lives.calls`
for what a worker asks for itself (checks, subscriptions, audits).
Must not: need the exchanges of a dead process; those died with it.
"""

from collections.abc import Iterator

from knect.history.dump import Transaction
from knect.history.evidence import History, Violation

__all__ = ["calls_have_owners", "stages_are_true"]

#: Stages that leave an event of their own name; a timeline this long may have lost its middle.
_TOLD = ("extracted", "mapped", "resolved", "delivered")
_LONG = 60


def calls_have_owners(history: History) -> Iterator[Violation]:
    """I7: every call at either end belongs to an exchange, a claim, a window or a life."""
    ledger = history.ledger
    known = {one.trace_id for one in ledger.windows} | {one.trace_id for one in ledger.exchanges}
    known |= {one.calls for one in ledger.transactions if one.calls}
    known |= {one.calls for one in ledger.lives}
    for one in ledger.transactions:
        for event in one.timeline:
            if event.what == "interrupted" and event.note:
                known.add(event.note.rpartition(" ")[2])
    for end, calls in (
        ("source", history.source_calls),
        ("destination", history.destination_calls),
    ):
        for call in calls:
            if call.trace_id is None or call.trace_id not in known:
                name = history.name_of(call.key) if call.key else f"{call.method} {call.path}"
                what = f"trace {call.trace_id}" if call.trace_id else "no trace id"
                yield Violation(
                    invariant="I7",
                    key=name,
                    excerpt=f"{name}: {call.words} at the {end} with {what}, "
                    "which no window, claim, exchange or life of the ledger accounts for",
                )
    windows = {one.seq for one in ledger.windows}
    for exchange in ledger.exchanges:
        if exchange.served == 0 and (exchange.window is None or exchange.window not in windows):
            yield Violation(
                invariant="I7",
                key=f"{exchange.method} {exchange.template}",
                excerpt=f"{exchange.method} {exchange.template} ({exchange.trace_id}): an exchange "
                "that names neither a window nor a transaction",
            )


def stages_are_true(history: History) -> Iterator[Violation]:
    """I8: a recorded stage happened; what is called written was committed at the destination."""
    committed = {call.key for call in history.destination_calls if call.committed}
    effects: dict[int, list[str]] = {}
    for effect in history.ledger.effects:
        effects.setdefault(effect.transaction, []).append(effect.state)
        owner = history.by_seq.get(effect.transaction)
        if owner is None or effect.state != "done" or effect.adopted:
            continue
        if history.destination_calls and effect.external_id not in committed:
            yield Violation(
                invariant="I8",
                key=owner.key,
                excerpt=f"{owner.key}: the ledger says {effect.name} was written as "
                f"{effect.destination_id}; the destination never committed {effect.external_id}",
            )
    written = {
        history.origin_of(owner)
        for effect in history.ledger.effects
        if effect.state == "done" and (owner := history.by_seq.get(effect.transaction))
    }
    for one in history.ledger.transactions:
        is_written = history.origin_of(one) in written
        wrong = _forged(one, effects.get(one.seq, []), is_written=is_written)
        if wrong:
            yield Violation(invariant="I8", key=one.key, excerpt=f"{one.key}: {wrong}")


def _forged(one: Transaction, effects: list[str], *, is_written: bool) -> str | None:
    if one.fate == "delivered" and one.stage != "delivered":
        return f"its fate is delivered, its stage {one.stage}"
    if one.stage == "delivering" and not effects:
        return "it is said to be delivering, and no effect was written ahead"
    if one.fate == "delivered" and not is_written:
        return "it is said to be delivered, and no effect of its record is done"
    happened = {event.what for event in one.timeline}
    if one.stage in _TOLD and one.stage not in happened and len(one.timeline) < _LONG:
        return f"its stage is {one.stage}, and its timeline has no such step"
    return None
