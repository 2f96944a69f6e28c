"""Which code may use a ledger, and how a ledger becomes one of this code.

Why: a migration first expands (older code goes on, so that a roll-back works), and only a later
one contracts, which raises `oldest_code` in `meta`; code older than that is refused.
Must not: lock or commit; who calls has the ledger for itself until it commits.
"""

from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    text,
)
from sqlalchemy.schema import CreateTable

from knect.ledger.errors import LedgerBroken, LedgerNewer
from knect.ledger.schema import meta, metadata
from knect.seams import crash_point

__all__ = ["CODE_VERSION", "bring_up_to_date", "refuse_newer"]

#: Raised with every migration that older code must not write through.
CODE_VERSION = 1
#: What a new ledger asks for: the number that the last contracting migration has written.
_OLDEST_CODE = 1

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Where the steps are.
_STEPS = _MIGRATIONS / "versions"

#: Where alembic keeps the last step that was taken.
_alembic_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def refuse_newer(oldest: int, where: str) -> None:
    """Raise LedgerNewer if the ledger asks for newer code than this."""
    if oldest > CODE_VERSION:
        message = (
            f"{where} was written by a newer Knect (it asks for code {oldest}, this is "
            f"{CODE_VERSION}); upgrade this one"
        )
        raise LedgerNewer(message)


def bring_up_to_date(connection: Connection, where: str, schema: str | None = None) -> None:
    """Bring the schema up to this code, in the connection's transaction; refuse a newer ledger."""
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
    known = _revisions()
    if current == known[-1] or (current and current not in known):
        return  # newer code has only added to it, else `oldest_code` would have said so
    _take_steps(connection)


def _revisions() -> list[str]:
    """Return what the steps are called, in order: each file's name begins with its revision."""
    return sorted(path.name.partition("_")[0] for path in _STEPS.glob("[0-9]*.py"))


def _lay(connection: Connection) -> None:
    """Make a new ledger, at once as all steps would make it: taking them costs 0.1 s."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(meta).values(name="oldest_code", value=str(_OLDEST_CODE)))
    connection.execute(CreateTable(_alembic_version))
    connection.execute(insert(_alembic_version).values(version_num=_revisions()[-1]))
    crash_point("migration.half")


def _take_steps(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - costs 0.1 s, and steps are seldom taken
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("version_locations", str(_STEPS))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["before_commit"] = lambda: crash_point("migration.half")
    command.upgrade(config, "head")
