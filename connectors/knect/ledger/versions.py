"""Which code may use a ledger, and how a ledger becomes one of this code.

Why: a migration first expands (older code goes on, so that a roll-back works), and only a later
one contracts, which raises `oldest_code` in `meta`; code older than that is refused.
Must not: lock or commit; who calls has the ledger for itself until it commits.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from knect.ledger.errors import LedgerBroken, LedgerNewer
from knect.seams import crash_point

__all__ = ["CODE_VERSION", "bring_up_to_date", "refuse_newer"]

#: Raised with every migration that older code must not write through.
CODE_VERSION = 1

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Where the steps are.
_STEPS = _MIGRATIONS / "versions"


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
    from alembic import command  # noqa: PLC0415 - costs 0.2 s, only writers pay it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    tables = inspect(connection).get_table_names(schema)
    if tables and not {"meta", "alembic_version"}.issubset(tables):
        message = f"{where} holds other tables and no ledger; name another with --ledger"
        raise LedgerBroken(message)
    if tables:
        oldest = connection.execute(
            text("select value from meta where name = 'oldest_code'")
        ).scalar()
        refuse_newer(int(oldest or 0), where)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("version_locations", str(_STEPS))
    config.set_main_option("path_separator", "newline")
    scripts = ScriptDirectory.from_config(config)
    current = (
        connection.execute(text("select version_num from alembic_version")).scalar()
        if "alembic_version" in tables
        else None
    )
    known = {script.revision for script in scripts.walk_revisions()}
    if current == scripts.get_current_head() or (current and current not in known):
        return  # newer code has only added to it, else `oldest_code` would have said so
    config.attributes["connection"] = connection
    config.attributes["before_commit"] = lambda: crash_point("migration.half")
    command.upgrade(config, "head")
