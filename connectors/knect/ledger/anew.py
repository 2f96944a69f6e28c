"""What people have delivered anew, as it was read or with fields set by hand.

Why: what has ended is never opened again; a new transaction is made, linked to the old. What has
not ended goes on instead, for a new one would stand behind it.
Must not: be called while another process writes a SQLite ledger, or make what is not counted.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from knect.ledger import schema as s
from knect.ledger.actions import end_by_person, in_nobodys_hands, note_action, set_going
from knect.ledger.again import deliver_again
from knect.ledger.commitments import Commitment
from knect.ledger.fates import OPEN
from knect.ledger.goods import Goods, Heirs, goods_of, pass_on
from knect.ledger.payload import content_hash, pack, payloads_of, store_payloads, unpack
from knect.ledger.store.sets import one_of
from knect.ledger.store.upserts import alone_with_versions
from knect.ledger.supersede import supersede_idle
from knect.model import Edit, decode_edits, encode_json, paths_of
from knect.seams import IdSource

__all__ = ["Replayed", "edit", "replay"]


class Replayed(NamedTuple):
    """How many are delivered anew, and the ids of those that are new."""

    many: int
    ids: list[str]


def replay(
    connection: Connection,
    seqs: Sequence[int],
    *,
    new_id: IdSource,
    selector: str,
    actor: str,
    reason: str | None,
    now_us: int,
    as_then: bool = False,
) -> Replayed:
    """Make a new transaction for the version of each that has ended, linked to it.

    What has not ended is tried again instead: a new one would stand behind it. But a figure is to
    be set whatever is known of it, and takes the place of what does not move. New ones are counted
    as seen by a window of their own, so the equation holds. `as_then`: by the mapping of that time.
    """
    alone_with_versions(connection)
    rows = _of_versions(connection, seqs)
    going_on = [x.seq for x in rows if x.fate in OPEN and x.entity not in s.FIGURES]
    count = set_going(connection, "replay", going_on, actor=actor, now_us=now_us)
    anew = [x for x in rows if x.fate not in OPEN or x.entity in s.FIGURES]
    standing: dict[str, list[str]] = {}
    for x in anew:
        if x.fate in OPEN:
            standing.setdefault(x.pipeline, []).append(x.source_id)
    for pipeline, names in standing.items():
        supersede_idle(connection, [pipeline], names, now_us)
    goods = goods_of(connection, [x.seq for x in anew])
    made = _made_anew(
        connection,
        anew,
        goods,
        kind="replay",
        note=f"replay by {actor}{', as then' if as_then else ''}",
        new_id=new_id,
        now_us=now_us,
        as_then=as_then,
    )
    count += len(made)
    note_action(
        connection, verb="replay", selector=selector, actor=actor, reason=reason, count=count,
        now_us=now_us,
    )  # fmt: skip
    return Replayed(count, made)


def edit(
    connection: Connection,
    seqs: Sequence[int],
    *,
    edits: Sequence[Edit],
    as_read: bool,
    new_id: IdSource,
    selector: str,
    actor: str,
    reason: str,
    now_us: int,
) -> Replayed:
    """Set fields of the records of these transactions, and deliver them so.

    What has not ended goes on with it; of what has, a new transaction is made, linked to it. So it
    is of what is half written, which ends here: its effects are named by what the record was. It
    holds for these versions only: the next one is taken as it was read. What was set before stays,
    unless `as_read`; the new ones come after it. Whoever let it pass had not seen them.
    """
    alone_with_versions(connection)
    rows = _of_versions(connection, seqs)
    free = in_nobodys_hands(connection, [x.seq for x in rows if x.fate in OPEN])
    begun = _begun(connection, list(free))
    going_on = [x for x in rows if x.seq in free and x.seq not in begun]
    anew = [x for x in rows if x.fate not in OPEN or x.seq in begun]
    names = _kept_edits(connection, [*going_on, *anew], edits, as_read=as_read, now_us=now_us)
    says = f": {paths_of(edits) or 'as it was read'}"
    count = set_going(
        connection, "edit", [x.seq for x in going_on], actor=actor, now_us=now_us, says=says
    )
    for name in set(names.values()):
        of_it = [x.seq for x in going_on if names[x.seq] == name]
        connection.execute(
            update(s.transactions)
            .where(one_of(s.transactions.c.seq, of_it))
            .values(edits=name, approved=None)
        )
    goods = goods_of(connection, [x.seq for x in anew])
    end_by_person(connection, list(begun), f"edited by {actor}{says}", now_us)
    made = _made_anew(
        connection, anew, goods, kind="edit", note=f"edit by {actor}{says}", new_id=new_id,
        now_us=now_us, edits=names,
    )  # fmt: skip
    count += len(made)
    note_action(
        connection, verb="edit", selector=selector, actor=actor, reason=reason, count=count,
        now_us=now_us,
    )  # fmt: skip
    return Replayed(count, made)


def _begun(connection: Connection, seqs: Sequence[int]) -> set[int]:
    """Return those of which something is written, or was to be."""
    of_it = s.effects.c.transaction
    return set(connection.execute(select(of_it).where(one_of(of_it, seqs))).scalars())


def _kept_edits(
    connection: Connection,
    rows: Sequence[Row[*tuple[Any, ...]]],
    edits: Sequence[Edit],
    *,
    as_read: bool,
    now_us: int,
) -> dict[int, str | None]:
    """Store what is set in each row's record by now; return the names, by row id."""
    before = {x.edits for x in rows if x.edits} if not as_read else set[str]()
    stored = {
        name: decode_edits(unpack(body)) for name, body in payloads_of(connection, before).items()
    }
    named: dict[str | None, str | None] = {}
    bodies: dict[str, bytes] = {}
    paths = {one.path for one in edits}
    for name in {x.edits for x in rows}:
        earlier = stored.get(name, ()) if name else ()
        both = [*(one for one in earlier if one.path not in paths), *edits]
        body = encode_json(both)
        named[name] = content_hash(body) if both else None
        if both:
            bodies[content_hash(body)] = body
    store_payloads(connection, pack(bodies), now_us)
    return {x.seq: named[x.edits] for x in rows}


def _of_versions(connection: Connection, seqs: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what identifies transactions, and the feeds of their versions, oldest first."""
    t, v = s.transactions, s.versions
    named = (
        t.c.id,
        t.c.pipeline,
        t.c.entity,
        t.c.source_id,
        t.c.key,
        t.c.version,
        t.c.edits,
        t.c.mapping,
    )
    return connection.execute(
        select(t.c.seq, t.c.fate, *named, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(one_of(t.c.seq, seqs))
        .order_by(t.c.seq)
    ).all()


def _made_anew(
    connection: Connection,
    rows: Sequence[Row[*tuple[Any, ...]]],
    goods: Sequence[Goods],
    *,
    kind: str,
    note: str,
    new_id: IdSource,
    now_us: int,
    edits: Mapping[int, str | None] | None = None,
    as_then: bool = False,
) -> list[str]:
    """Make new transactions that take what the old ones held, the `goods`; return their ids."""
    made = deliver_again(
        connection, rows, kind=kind, note=note, new_id=new_id, now_us=now_us, edits=edits,
        as_then=as_then,
    )  # fmt: skip
    pass_on(connection, goods, _heirs(connection, goods, made), new_id=new_id, now_us=now_us)
    return made


def _heirs(connection: Connection, goods: Sequence[Goods], made: Sequence[str]) -> Heirs:
    """Return what each of the transactions that were `made` takes: what the one before it held."""
    if not goods:
        return {}
    held: dict[tuple[str, str], list[Goods]] = {}
    for one in goods:
        held.setdefault((one.pipeline, one.source_id), []).append(one)
    t = s.transactions.c
    rows = connection.execute(
        select(t.seq, t.pipeline, t.source_id).where(one_of(t.id, made))
    ).all()
    return {
        (row.pipeline, row.source_id): [
            Commitment(
                sku=one.sku, location=one.location, quantity=one.quantity,
                connection=one.connection, transaction=row.seq,
            )
            for one in held.get((row.pipeline, row.source_id), ())
        ]
        for row in rows
    }  # fmt: skip
