"""Effects: what was written at a destination, ahead of each request and after its answer.

Must not: decide who may write; see `knect.ledger.outcomes`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, structs
from sqlalchemy import Connection, bindparam, func, or_, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.sets import Rows, one_of

__all__ = [
    "UNCERTAIN",
    "EffectRow",
    "EffectWrite",
    "OlderTry",
    "effects_of",
    "older_tries",
    "unsure_since",
    "write_effects",
]


#: States of an effect that may have been carried out, or may yet be.
UNCERTAIN = ("ahead", "unknown")


class EffectRow(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An effect as the ledger knows it."""

    transaction: int
    name: str
    state: str  # ahead unknown done failed
    ahead_us: int
    tries: int
    destination_id: str | None
    number: str | None
    document: str | None
    unsure_us: int | None = None
    ended_us: int | None = None


class EffectWrite(Struct, frozen=True, kw_only=True, gc=False):
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
    document: str | None = None
    unsure_us: int | None = None


class OlderTry(NamedTuple):
    """A try of another transaction at the same record, which nobody answered.

    `left_us` is the last moment it may have left, `document` the content hash of what it sent.
    """

    left_us: int
    document: str | None


def effects_of(connection: Connection, transactions: Sequence[int]) -> list[EffectRow]:
    """Return the effects written so far."""
    return _EFFECTS_OF.of(connection, transactions=transactions)


_EFFECTS_OF = Rows(
    select(*(s.effects.c[name] for name in EffectRow.__struct_fields__))
    .where(one_of(s.effects.c.transaction, "transactions"))
    .order_by(s.effects.c.transaction, s.effects.c.position),
    EffectRow,
)


def older_tries(
    connection: Connection, effects: Sequence[EffectWrite], arrives_us: int
) -> dict[int, OlderTry]:
    """Return the last try of another transaction at each record that may still arrive, or whose
    transaction ended without having it.
    """
    keys = [effect.key for effect in effects]
    found: dict[int, OlderTry] = {}
    for key, transaction, *rest in _UNSURE.of(connection, keys=keys, arrives_us=arrives_us):
        one = OlderTry(*rest)
        for effect in effects:
            if effect.key == key and effect.transaction != transaction:
                before = found.get(effect.transaction, one)
                found[effect.transaction] = max(before, one, key=lambda x: x.left_us)
    return found


_UNSURE = Rows(
    select(
        s.effects.c.key, s.effects.c.transaction, s.effects.c.unsure_us, s.effects.c.document
    ).where(
        one_of(s.effects.c.key, "keys"),
        s.effects.c.unsure_us.is_not(None),
        or_(s.effects.c.unsure_us > bindparam("arrives_us"), s.effects.c.state == "failed"),
    ),
    tuple[str, int, int, str | None],
)


_EARLIER = s.transactions.alias("earlier")
#: Each transaction beside what those before it wrote of its record.
_WROTE_BEFORE = s.transactions.join(
    _EARLIER,
    (_EARLIER.c.pipeline == s.transactions.c.pipeline)
    & (_EARLIER.c.source_id == s.transactions.c.source_id)
    & (_EARLIER.c.seq < s.transactions.c.seq),
).join(s.effects, s.effects.c.transaction == _EARLIER.c.seq)


def unsure_since(connection: Connection, after: Mapping[int, int]) -> dict[int, int]:
    """Return the transactions before which another one of their record made a try that nobody can
    tell of, with the last moment such a one may have left. `after` is by transaction; only what
    came after that one counts.
    """
    t, earlier, e = s.transactions, _EARLIER, s.effects
    rows = connection.execute(
        select(
            t.c.seq,
            func.max(earlier.c.seq).label("last"),
            func.max(func.coalesce(e.c.unsure_us, e.c.ahead_us)).label("left_us"),
        )
        .select_from(_WROTE_BEFORE)
        .where(
            one_of(t.c.seq, after),
            e.c.state != "done",
            e.c.unsure_us.is_not(None) | (e.c.state != "failed"),
        )
        .group_by(t.c.seq)
    )
    return {row.seq: row.left_us for row in rows if row.last > after[row.seq]}


def sent_since(connection: Connection, after: Mapping[int, int]) -> dict[int, list[str]]:
    """Return, by transaction, hashes of the documents that others of its record sent since and did
    not deliver: what they brought may be there. `after` is as above.
    """
    if not after:
        return {}
    t, earlier, e = s.transactions, _EARLIER, s.effects
    rows = connection.execute(
        select(t.c.seq, earlier.c.seq.label("other"), e.c.document)
        .select_from(_WROTE_BEFORE)
        .where(
            one_of(t.c.seq, after),
            earlier.c.seq > min(after.values()),
            earlier.c.fate != Fate.DELIVERED,
            e.c.document.is_not(None),
            or_(e.c.state != "failed", e.c.unsure_us.is_not(None)),
        )
        .order_by(e.c.seq)
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        if row.other > after[row.seq]:
            found.setdefault(row.seq, []).append(row.document)
    return found


def write_effects(connection: Connection, effects: Sequence[EffectWrite]) -> None:
    """Write effects; of those that are there already, what came of them."""
    _EFFECTS.run(connection, [structs.astuple(effect) for effect in effects])


_EFFECTS = InsertMany(
    s.effects,
    EffectWrite.__struct_fields__,
    unique=("transaction", "name"),
    changing=(
        "state ahead_us ended_us tries destination_id number adopted error document unsure_us"
    ).split(),
)
