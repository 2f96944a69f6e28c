"""Bindings: which record here is which record there, and what we know of our own last write.

Must not: decide who may write; see `knect.ledger.outcomes`.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection, bindparam, func, select

from knect.ledger import schema as s
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of

__all__ = ["BindingWrite", "bindings_of", "is_removed", "without_news", "write_bindings"]


class BindingWrite(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """This record there is that record here.

    `over` is not kept: the version the write found there, None if it made the record.
    """

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
    over: str | None = None


_KEPT = BindingWrite.__struct_fields__[:-1]


def is_removed(binding: BindingWrite | None) -> bool:
    """Tell whether what was delivered last was a removal, which has no content."""
    return binding is not None and binding.applied is not None and binding.hash is None


def bindings_of(
    connection: Connection, destination: str, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], BindingWrite]:
    """Return bindings by (entity, external id)."""
    by_entity: dict[str, list[str]] = {}
    for entity, external_id in dict.fromkeys(names):
        by_entity.setdefault(entity, []).append(external_id)
    return {
        (entity, row.external_id): row
        for entity, external_ids in by_entity.items()
        for row in _BINDINGS_OF.of(
            connection, destination=destination, entity=entity, external_ids=external_ids
        )
    }


_BINDINGS_OF = Rows(
    select(*(s.bindings.c[name] for name in _KEPT)).where(
        s.bindings.c.destination == bindparam("destination"),
        s.bindings.c.entity == bindparam("entity"),
        one_of(s.bindings.c.external_id, "external_ids"),
    ),
    BindingWrite,
)


def write_bindings(connection: Connection, bindings: Sequence[BindingWrite]) -> None:
    """Bind records, or say anew what they are bound to."""
    _BINDINGS.run(connection, [structs.astuple(binding)[:-1] for binding in bindings])


_BINDINGS = InsertMany(
    s.bindings,
    _KEPT,
    unique=("destination", "entity", "external_id"),
    changing="destination_id number token hash applied transaction updated_us".split(),
)


def without_news(connection: Connection, binding: BindingWrite) -> BindingWrite:
    """Take the version away by which our write would be known, if an edit comes back with it.

    That is so if what the write found there was neither read nor written by us.
    """
    if binding.over is None or binding.token is None:
        return binding
    names = {name: getattr(binding, name) for name in ("destination", "entity", "destination_id")}
    ours = _LAST_WRITTEN.run(connection, **names).scalars()
    if binding.over in (known := list(ours)) or binding.token in known:
        return binding
    read = _NEWEST_READ.run(connection, **names).scalar()
    if read is not None and read >= binding.over:
        return binding
    return structs.replace(binding, token=None)


_LAST_WRITTEN = Prepared(
    select(s.bindings.c.token).where(
        s.bindings.c.destination == bindparam("destination"),
        s.bindings.c.entity == bindparam("entity"),
        s.bindings.c.destination_id == bindparam("destination_id"),
    )
)
_NEWEST_READ = Prepared(
    select(func.max(s.versions.c.token)).where(
        s.versions.c.connection == bindparam("destination"),
        s.versions.c.entity == bindparam("entity"),
        s.versions.c.source_id == bindparam("destination_id"),
    )
)
