"""Which code may use a ledger, and how a ledger becomes one of this code.

Why: a migration first expands (older code goes on, so that a roll-back works), and only a later
one contracts, which raises `oldest_code` in `meta`; code older than that is refused.
Must not: lock or commit; who calls has the ledger for itself until it commits.
"""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, text

from knect.ledger.schema import meta, metadata
from knect.ledger.store.errors import LedgerBroken, LedgerNewer
from knect.seams import crash_point

__all__ = ["CODE_VERSION", "bring_up_to_date", "climb", "refuse_newer"]

#: Raised with every migration that older code must not write through.
CODE_VERSION = 1

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Where the steps are.
_STEPS = _MIGRATIONS / "versions"
#: Alembic's own table, as it makes it.
_AT_STEP = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)
_COLUMNS_OF_FILE = text(
    "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'"
)
_COLUMNS_OF_SERVER = text(
    "select table_name, column_name from information_schema.columns where table_schema = :schema"
)
_MOST_NAMED = 5


def refuse_newer(oldest: int, where: str) -> None:
    """Raise LedgerNewer if the ledger asks for newer code than this."""
    if oldest > CODE_VERSION:
        message = (
            f"{where} was written by a newer Knect (it asks for code {oldest}, this is "
            f"{CODE_VERSION}); upgrade this one"
        )
        raise LedgerNewer(message)


def bring_up_to_date(connection: Connection, where: str, schema: str | None = None) -> None:
    """Bring the schema up to this code, in the connection's transaction; refuse a newer ledger.

    A new ledger is laid as the newest code wants it; one that exists goes step by step.
    """
    tables = inspect(connection).get_table_names(schema)
    if not tables:
        _lay(connection)
        return
    if not {"meta", "alembic_version"}.issubset(tables):
        message = f"{where} holds other tables and no ledger; name another with --ledger"
        raise LedgerBroken(message)
    oldest = connection.execute(text("select value from meta where name = 'oldest_code'")).scalar()
    refuse_newer(int(oldest or 0), where)
    current = connection.execute(text("select version_num from alembic_version")).scalar()
    if current == _steps()[-1]:
        _refuse_other(connection, where, schema)
    elif current in (None, *_steps()):
        climb(connection)  # else newer code has only added to it, as `oldest_code` says


def _refuse_other(connection: Connection, where: str, schema: str | None) -> None:
    """Raise LedgerBroken if what the last step left is not there.

    Before the first release the first step itself was changed; nothing leads from one to another.
    """
    asked = _COLUMNS_OF_FILE if schema is None else _COLUMNS_OF_SERVER.bindparams(schema=schema)
    there = {(table, column) for table, column in connection.execute(asked)}
    tables = {table for table, _ in there}
    lacks = [
        f"{table.name}.{column.name}" if table.name in tables else table.name
        for table in metadata.sorted_tables
        for column in table.columns
        if (table.name, column.name) not in there
    ]
    if lacks:
        named = sorted(set(lacks))
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        message = (
            f"{where} is no ledger of this Knect: it lacks {', '.join(named[:_MOST_NAMED])}{more}; "
            "it was laid before the first release, or changed by hand, and nothing brings it up "
            "to date: keep it for what it says, and name another with --ledger (in a cluster: "
            "another ?schema= in the Secret knect-ledger)"
        )
        raise LedgerBroken(message)


def climb(connection: Connection) -> None:
    """Take the steps that are left, if any, from the one the ledger is at."""
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("select version_num from alembic_version")).scalar()
    if current == _steps()[-1]:
        return
    from alembic import command  # noqa: PLC0415 - costs 0.1 s, only an upgrade pays it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("version_locations", str(_STEPS))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["before_commit"] = lambda: crash_point("migration.half")
    command.upgrade(config, "head")


def _lay(connection: Connection) -> None:
    """Make every table of a new ledger, and say which step it is at."""
    metadata.create_all(connection, checkfirst=False)
    _AT_STEP.create(connection, checkfirst=False)
    connection.execute(insert(meta).values(name="oldest_code", value=str(CODE_VERSION)))
    connection.execute(insert(_AT_STEP).values(version_num=_steps()[-1]))
    crash_point("migration.half")


def _steps() -> list[str]:
    """Return the numbers of all steps, which their files begin with, in their order."""
    return sorted(path.name.partition("_")[0] for path in _STEPS.glob("*_*.py"))
