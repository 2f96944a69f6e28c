"""What the working side writes: claims, fates, effects, bindings, leases of business keys.

Why: outcome, binding, applied version and the release of leases commit together, and only by the
holder of the newest fencing number; whoever lost its lease changes nothing.
Must not: call out; decide fates.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from knect.ledger import schema as s
from knect.ledger.discovery import supersede
from knect.ledger.fates import OPEN, Fate
from knect.ledger.marks import NEXT_STAGE, add_mark
from knect.ledger.payload import StoredPayload, store_payloads
from knect.ledger.timeline import Event
from knect.ledger.upserts import insert_ignore, insert_or_update
from knect.seams import crash_point

__all__ = [
    "BindingWrite",
    "Claimed",
    "EffectRow",
    "EffectWrite",
    "Transition",
    "bindings_of",
    "claim",
    "effects_of",
    "next_due",
    "reclaim",
    "renew",
    "settle",
    "wake",
    "write_ahead",
]


class Claimed(Struct, frozen=True, kw_only=True):
    """A transaction in hand, with the version it is about."""

    seq: int
    id: str
    pipeline: str
    entity: str
    source_id: str
    key: str
    fate: str
    stage: str
    attempt: int
    fence: int
    created_us: int
    since_us: int
    reason: str | None
    message: str | None
    timeline: bytes
    mapping: int | None
    replay_of: str | None
    version: int
    token: str
    hash: str
    deleted: bool
    payload: bytes | None  # packed


class Transition(Struct, frozen=True, kw_only=True):
    """The new state of a transaction in hand. It is released: nobody holds it afterwards."""

    seq: int
    fence: int
    fate: str
    stage: str
    attempt: int
    since_us: int
    timeline: bytes
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


class EffectRow(Struct, frozen=True, kw_only=True):
    """An effect as the ledger knows it."""

    transaction: int
    name: str
    state: str  # ahead unknown done failed
    ahead_us: int
    tries: int
    destination_id: str | None
    number: str | None


class EffectWrite(Struct, frozen=True, kw_only=True):
    """An effect to write: ahead of its request, or after its answer."""

    transaction: int
    position: int
    name: str
    write: str
    entity: str
    key: str
    external_id: str
    state: str
    ahead_us: int
    ended_us: int | None = None
    tries: int = 1
    destination_id: str | None = None
    number: str | None = None
    adopted: bool = False
    error: str | None = None


class BindingWrite(Struct, frozen=True, kw_only=True):
    """This record there is that record here."""

    destination: str
    entity: str
    external_id: str
    destination_id: str
    number: str | None
    source: str
    source_id: str | None
    token: str | None
    hash: str | None
    applied: str | None
    transaction: int
    updated_us: int


_SHOWN = [
    s.transactions.c[name]
    for name in (
        "seq id pipeline entity source_id key fate stage attempt fence created_us since_us reason "
        "message timeline mapping replay_of version"
    ).split()
]


def claim(
    connection: Connection,
    *,
    pipeline: str,
    holder: str,
    calls: str,
    now_us: int,
    lease_us: int,
    limit: int,
) -> list[Claimed]:
    """Take up to `limit` transactions that are due, oldest first, at most one per source record.

    An older transaction of the same record that is still open goes first. `calls` is the trace id
    under which remote calls for them will be made: written ahead of the first call.
    """
    t, older = s.transactions, s.transactions.alias("older")
    blocked = select(older.c.seq).where(
        older.c.pipeline == t.c.pipeline,
        older.c.source_id == t.c.source_id,
        older.c.seq < t.c.seq,
        older.c.fate.in_(OPEN),
    )
    due = (
        select(*_SHOWN, s.versions.c.token, s.versions.c.hash, s.versions.c.deleted)
        .add_columns(s.payloads.c.body.label("payload"))
        .join(s.versions, s.versions.c.seq == t.c.version)
        .outerjoin(s.payloads, s.payloads.c.hash == s.versions.c.hash)
        .where(
            t.c.pipeline == pipeline,
            t.c.fate.in_(OPEN),
            t.c.next_us <= now_us,
            or_(t.c.holder.is_(None), t.c.lease_us < now_us),
            ~blocked.exists(),
        )
        .order_by(t.c.next_us, t.c.seq)
        .limit(limit)
    )
    if connection.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True, of=t)
    rows = connection.execute(due).mappings().all()
    if not rows:
        return []
    connection.execute(
        update(t)
        .where(t.c.seq.in_([row["seq"] for row in rows]))
        .values(holder=holder, lease_us=now_us + lease_us, fence=t.c.fence + 1, calls=calls)
    )
    return [Claimed(**{**row, "fence": row["fence"] + 1}) for row in rows]


def next_due(connection: Connection, pipeline: str, fates: Sequence[Fate] = OPEN) -> int | None:
    """Return when the next transaction of these fates becomes due by itself, None if none will."""
    t = s.transactions
    return connection.execute(
        select(func.min(t.c.next_us)).where(t.c.pipeline == pipeline, t.c.fate.in_(fates))
    ).scalar()


def renew(connection: Connection, *, holder: str, now_us: int, lease_us: int) -> int:
    """Extend every lease this worker still has; an expired one is not revived."""
    crash_point("lease.renew")
    t = s.transactions
    result = connection.execute(
        update(t)
        .where(t.c.holder == holder, t.c.lease_us >= now_us)
        .values(lease_us=now_us + lease_us)
    )
    return int(result.rowcount)


def reclaim(connection: Connection, *, worker: str, holder: str, now_us: int) -> list[int]:
    """Free what an earlier life of the same worker had in hand, and mark it as interrupted.

    A holder is `worker#incarnation`; only one incarnation lives at a time. Returns the row ids.
    """
    t = s.transactions
    held = connection.execute(
        select(t.c.seq, t.c.attempt, t.c.stage, t.c.calls, t.c.since_us).where(
            t.c.holder.like(f"{worker}#%"), t.c.holder != holder
        )
    ).all()
    for row in held:
        note = f"{NEXT_STAGE.get(row.stage, row.stage)} {row.calls}"
        add_mark(
            connection,
            row.seq,
            Event(row.attempt + 1, "interrupted", now_us, ok=False, note=note, worker=holder),
        )
    seqs = [row.seq for row in held]
    if seqs:
        connection.execute(
            update(t)
            .where(t.c.seq.in_(seqs))
            .values(holder=None, lease_us=None, fence=t.c.fence + 1, next_us=now_us)
        )
    return seqs


def effects_of(connection: Connection, transactions: Sequence[int]) -> list[EffectRow]:
    """Return the effects written so far."""
    e = s.effects
    rows = connection.execute(
        select(*(e.c[name] for name in EffectRow.__struct_fields__))
        .where(e.c.transaction.in_(transactions))
        .order_by(e.c.transaction, e.c.position)
    )
    return [EffectRow(**row) for row in rows.mappings()]


def bindings_of(
    connection: Connection, destination: str, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], BindingWrite]:
    """Return bindings by (entity, external id)."""
    b = s.bindings
    wanted = list(dict.fromkeys(names))
    by_entity: dict[str, list[str]] = {}
    for entity, external_id in wanted:
        by_entity.setdefault(entity, []).append(external_id)
    found: dict[tuple[str, str], BindingWrite] = {}
    for entity, external_ids in by_entity.items():
        rows = connection.execute(
            select(*(b.c[name] for name in BindingWrite.__struct_fields__)).where(
                b.c.destination == destination,
                b.c.entity == entity,
                b.c.external_id.in_(external_ids),
            )
        )
        for row in rows.mappings():
            found[entity, row["external_id"]] = BindingWrite(**row)
    return found


def wake(connection: Connection, waits_for: Sequence[str], *, now_us: int) -> int:
    """Make everything that waits for one of these things due now; return how many."""
    t = s.transactions
    result = connection.execute(
        update(t).where(t.c.waits_for.in_(waits_for), t.c.fate.in_(OPEN)).values(next_us=now_us)
    )
    return int(result.rowcount)


def write_ahead(
    connection: Connection,
    *,
    fences: Mapping[int, int],
    ids: Mapping[int, str],
    effects: Sequence[EffectWrite],
    now_us: int,
) -> tuple[set[int], set[int]]:
    """Lease the business keys and write the effects ahead of their requests, in one commit.

    `fences` and `ids` are by row id of the transactions. Returns (ready, lost): a request may be
    sent for the ready ones only; the lost belong to another worker now; the rest wait for a key.
    """
    held = _still_held(connection, fences)
    candidates = [effect for effect in effects if effect.transaction in held]
    had = _take_keys(connection, [(e.key, ids[e.transaction]) for e in candidates], now_us)
    ready = [e for e in candidates if (e.key, ids[e.transaction]) in had]
    _write_effects(connection, ready)
    return {effect.transaction for effect in ready}, set(fences) - held


def settle(
    connection: Connection,
    *,
    fences: Mapping[int, int],
    ids: Mapping[int, str],
    effects: Sequence[EffectWrite] = (),
    bindings: Sequence[BindingWrite] = (),
    transitions: Sequence[Transition] = (),
    documents: Sequence[StoredPayload] = (),
    now_us: int,
) -> set[int]:
    """Write outcomes, bindings and new states in one commit; free the keys of ended effects.

    Returns the transactions that are no longer the caller's; nothing was written for them.
    """
    held = _still_held(connection, fences)
    mine = [effect for effect in effects if effect.transaction in held]
    _write_effects(connection, mine)
    _write_bindings(connection, [b for b in bindings if b.transaction in held])
    _free_keys(connection, [(e.key, ids[e.transaction]) for e in mine if e.state in _SETTLED])
    store_payloads(connection, documents, now_us)
    moved = [x for x in transitions if x.seq in held]
    if moved:
        connection.execute(_MOVE, [_move_row(x) for x in moved])
        open_ones = [x.seq for x in moved if x.fate in (Fate.WAITING, Fate.IN_FLIGHT)]
        supersede(connection, _overtaken(connection, open_ones), now_us)
    return set(fences) - held


_SETTLED = ("done", "failed")

_MOVE = (
    update(s.transactions)
    .where(s.transactions.c.seq == bindparam("b_seq"))
    .values(
        holder=None,
        lease_us=None,
        stalled=False,
        **{
            name: bindparam(f"b_{name}")
            for name in Transition.__struct_fields__
            if name not in ("seq", "fence")
        },
    )
)


def _move_row(transition: Transition) -> dict[str, object]:
    row = {f"b_{name}": getattr(transition, name) for name in transition.__struct_fields__}
    del row["b_fence"]
    return row


def _overtaken(connection: Connection, seqs: Sequence[int]) -> list[int]:
    """Return those for whose record a newer version is recorded, and that wrote nothing whose
    outcome is open.
    """
    if not seqs:
        return []
    t, newer, e = s.transactions, s.transactions.alias("newer"), s.effects
    later = select(newer.c.seq).where(
        newer.c.pipeline == t.c.pipeline, newer.c.source_id == t.c.source_id, newer.c.seq > t.c.seq
    )
    uncertain = select(e.c.seq).where(
        e.c.transaction == t.c.seq, e.c.state.in_(("ahead", "unknown"))
    )
    rows = connection.execute(
        select(t.c.seq).where(t.c.seq.in_(seqs), later.exists(), ~uncertain.exists())
    )
    return [row.seq for row in rows]


def _still_held(connection: Connection, fences: Mapping[int, int]) -> set[int]:
    """Return the transactions whose newest fencing number is the caller's."""
    t = s.transactions
    rows = connection.execute(
        select(t.c.seq, t.c.fence).where(t.c.seq.in_(list(fences)), t.c.holder.is_not(None))
    )
    return {row.seq for row in rows if fences[row.seq] == row.fence}


def _take_keys(
    connection: Connection, names: Sequence[tuple[str, str]], now_us: int
) -> set[tuple[str, str]]:
    """Lease business keys: (name, transaction id). Returns those had.

    The transaction, not the process, holds a key: whoever takes the transaction over has it. It
    is free again once the effect has a known outcome, or the transaction has ended.
    """
    if not names:
        return set()
    connection.execute(
        insert_ignore(connection, s.leases),
        [{"name": name, "holder": who, "fence": 1, "expires_us": now_us} for name, who in names],
    )
    rows = connection.execute(
        select(s.leases.c.name, s.leases.c.holder).where(
            s.leases.c.name.in_([name for name, _ in names])
        )
    )
    holders = {row.name: row.holder for row in rows}
    for name, who in names:
        if holders[name] != who and _has_ended(connection, holders[name]):
            connection.execute(update(s.leases).where(s.leases.c.name == name).values(holder=who))
            holders[name] = who
    return {(name, who) for name, who in names if holders[name] == who}


def _has_ended(connection: Connection, transaction_id: str) -> bool:
    fate = connection.execute(
        select(s.transactions.c.fate).where(s.transactions.c.id == transaction_id)
    ).scalar()
    return fate not in OPEN


def _free_keys(connection: Connection, names: Sequence[tuple[str, str]]) -> None:
    if names:
        connection.execute(
            delete(s.leases).where(
                s.leases.c.name == bindparam("b_name"), s.leases.c.holder == bindparam("b_who")
            ),
            [{"b_name": name, "b_who": who} for name, who in names],
        )


def _write_effects(connection: Connection, effects: Sequence[EffectWrite]) -> None:
    if not effects:
        return
    statement = insert_or_update(
        connection,
        s.effects,
        unique=("transaction", "name"),
        changing=("state ahead_us ended_us tries destination_id number adopted error".split()),
    )
    connection.execute(statement, [structs.asdict(effect) for effect in effects])


def _write_bindings(connection: Connection, bindings: Sequence[BindingWrite]) -> None:
    if not bindings:
        return
    statement = insert_or_update(
        connection,
        s.bindings,
        unique=("destination", "entity", "external_id"),
        changing="destination_id number token hash applied transaction updated_us".split(),
    )
    connection.execute(statement, [structs.asdict(binding) for binding in bindings])
