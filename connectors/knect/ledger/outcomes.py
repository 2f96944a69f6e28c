"""What comes of transactions in hand: effects ahead and after, bindings, fates, business keys.

Why: outcome, binding, applied version and the release of keys commit together, and only by the
holder of the newest fencing number; whoever lost its lease changes nothing.
Must not: call out; decide fates.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, select

from knect.ledger import schema as s
from knect.ledger.bindings import BindingWrite, without_news, write_bindings
from knect.ledger.business_keys import free_keys, take_keys
from knect.ledger.claims import wake
from knect.ledger.commitments import Commitment, commit_stock, release_stock
from knect.ledger.counterparts import wanted_by
from knect.ledger.effects import (
    UNCERTAIN,
    EffectWrite,
    OlderTry,
    effects_of,
    older_tries,
    write_effects,
)
from knect.ledger.fates import HOLDING, OPEN, Fate
from knect.ledger.payload import Packed, store_payloads
from knect.ledger.store.bulk import UpdateMany
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.supersede import is_overtaken, is_replaceable, let_arrive, supersede

__all__ = ["Ahead", "Transition", "settle", "write_ahead"]


class Transition(Struct, frozen=True, kw_only=True, gc=False):
    """The new state of a transaction in hand. It is released: nobody holds it afterwards."""

    seq: int
    fence: int
    fate: str
    stage: str
    attempt: int
    since_us: int
    timeline: str
    next_us: int | None = None
    waits_for: str | None = None
    reason: str | None = None
    field: str | None = None
    value: str | None = None
    message: str | None = None
    acts: str | None = None
    destination_id: str | None = None
    destination_number: str | None = None
    mapping: int | None = None
    document: str | None = None
    hidden: str | None = None


class Ahead(NamedTuple):
    """What came of writing ahead, by row id of the transactions.

    A request may be sent for the `ready` ones only. The `lost` belong to another worker now. Of
    some an `older` try may have changed the record, or may yet; the rest wait for another
    transaction's key.
    """

    ready: set[int]
    lost: set[int]
    older: dict[int, OlderTry]


def write_ahead(
    connection: Connection,
    *,
    fences: Mapping[int, int],
    ids: Mapping[int, str],
    effects: Sequence[EffectWrite],
    now_us: int,
    arrives_us: int,
) -> Ahead:
    """Lease the business keys and write the effects ahead of their requests, in one commit.

    `fences` and `ids` are by row id of the transactions; what left before `arrives_us` without an
    answer has arrived by now, or never will.
    """
    held = _still_held(connection, fences)
    candidates = [effect for effect in effects if effect.transaction in held]
    had = take_keys(connection, [(e.key, ids[e.transaction]) for e in candidates], now_us)
    mine = [e for e in candidates if (e.key, ids[e.transaction]) in had]
    older = older_tries(connection, mine, arrives_us)
    late = {seq for seq, one in older.items() if one.left_us > arrives_us}
    ready = [e for e in mine if e.transaction not in late]
    # what waits with nothing of its own under way may never need its key: it holds none
    under_way = _under_way(connection, late)
    idle = [e for e in mine if e.transaction in late and (e.transaction, e.name) not in under_way]
    free_keys(connection, [(e.key, ids[e.transaction]) for e in idle])
    write_effects(connection, ready)
    return Ahead({effect.transaction for effect in ready}, set(fences) - held, older)


def _under_way(connection: Connection, transactions: Collection[int]) -> set[tuple[int, str]]:
    """Return (transaction, name) of effects whose outcome is not known."""
    if not transactions:
        return set()
    rows = effects_of(connection, sorted(transactions))
    return {(row.transaction, row.name) for row in rows if row.state in UNCERTAIN}


def settle(
    connection: Connection,
    *,
    fences: Mapping[int, int],
    ids: Mapping[int, str],
    effects: Sequence[EffectWrite] = (),
    bindings: Sequence[BindingWrite] = (),
    transitions: Sequence[Transition] = (),
    documents: Sequence[Packed] = (),
    commitments: Sequence[Commitment] = (),
    now_us: int,
) -> set[int]:
    """Write outcomes, bindings and new states in one commit; free the keys of ended effects.

    Returns the transactions that are no longer the caller's; nothing was written for them.
    """
    held = _still_held(connection, fences)
    mine = [effect for effect in effects if effect.transaction in held]
    write_effects(connection, mine)
    made = [without_news(connection, b) for b in bindings if b.transaction in held]
    write_bindings(connection, made)
    _wake_children(connection, made, now_us)
    free_keys(connection, [(e.key, ids[e.transaction]) for e in mine if e.state in _SETTLED])
    store_payloads(connection, documents, now_us)
    moved = [x for x in transitions if x.seq in held]
    if moved:
        _MOVE.run(connection, [structs.astuple(x) for x in moved])
        open_ones = [x.seq for x in moved if x.fate in OPEN]
        # what waits for something else than its answer stands in nobody's way meanwhile
        let_arrive(connection, [x.seq for x in moved if x.fate == Fate.WAITING], now_us)
        commit_stock(connection, [c for c in commitments if c.transaction in held], now_us)
        left = [x.seq for x in moved if x.fate not in HOLDING]
        # what a newer version speaks for already holds nothing, though it was still in hand then
        refused = [x.seq for x in moved if x.fate == Fate.REJECTED]
        release_stock(connection, [*left, *_overtaken(connection, refused, _REFUSED)], now_us)
        supersede(connection, _overtaken(connection, open_ones, _OPEN), now_us)
    return set(fences) - held


_SETTLED = ("done", "failed")

#: A fence that is written again stays what it is: only rows whose fence is ours are moved.
_MOVE = UpdateMany(
    s.transactions,
    Transition.__struct_fields__,
    fixed="holder = null, lease_us = null, stalled = false",
)


def _overtaken(connection: Connection, seqs: Sequence[int], query: Prepared) -> list[int]:
    """Return those for whose record a newer version is recorded, if that one speaks for them."""
    return list(query.run(connection, seqs=seqs).scalars()) if seqs else []


def _overtaken_ones(which: ColumnElement[bool]) -> Prepared:
    t = s.transactions
    return Prepared(select(t.c.seq).where(one_of(t.c.seq, "seqs"), is_overtaken(t), which))


_OPEN = _overtaken_ones(is_replaceable(s.transactions))
_REFUSED = _overtaken_ones(
    ~select(s.effects.c.seq)
    .where(s.effects.c.transaction == s.transactions.c.seq, s.effects.c.state.in_(UNCERTAIN))
    .exists()
)


def _still_held(connection: Connection, fences: Mapping[int, int]) -> set[int]:
    """Return the transactions whose newest fencing number is the caller's; nobody else takes
    them until the commit.
    """
    rows = _HELD.of(connection, seqs=list(fences))
    return {seq for seq, fence in rows if fences[seq] == fence}


_HELD = Rows(
    select(s.transactions.c.seq, s.transactions.c.fence)
    .where(one_of(s.transactions.c.seq, "seqs"), s.transactions.c.holder.is_not(None))
    .order_by(s.transactions.c.seq)
    .with_for_update(),
    tuple[int, int],
)


def _wake_children(connection: Connection, bindings: Sequence[BindingWrite], now_us: int) -> None:
    """Let go on what waits for one of these records to be there."""
    wanted = [
        what
        for b in bindings
        if b.applied is not None and b.source_id is not None
        for what in wanted_by(
            source=b.source,
            destination=b.destination,
            entity=b.entity,
            source_id=b.source_id,
            destination_id=b.destination_id,
        )
    ]
    if wanted:
        wake(connection, wanted, now_us=now_us)
