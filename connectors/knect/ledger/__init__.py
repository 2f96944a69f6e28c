"""The ledger: the durable store of every transaction, and the only truth about it.

Why: one schema and one code path on SQLite and PostgreSQL; see design section 5. Functions that
take a `Connection` run inside `Ledger.read` or `Ledger.write` and must not call out.
Must not: know connectors, the engine, or how a fate is decided.
"""

from sqlalchemy import Connection

from knect.ledger.database import Ledger, open_ledger
from knect.ledger.errors import LedgerError
from knect.ledger.fates import ENDED, OPEN, Fate, Stage

__all__ = ["ENDED", "OPEN", "Connection", "Fate", "Ledger", "LedgerError", "Stage", "open_ledger"]
