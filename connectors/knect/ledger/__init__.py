"""The ledger: the durable store of every transaction, and the only truth about it.

Why: one schema and one code path on SQLite and PostgreSQL; see design section 5. The modules here
write what happens; `questions` reads it for those who ask, `store` is where it is kept. Functions
that take a `Connection` run inside `Ledger.read` or `Ledger.write` and must not call out.
Must not: know connectors, the engine, or how a fate is decided.
"""

from sqlalchemy import Connection

from knect.ledger.fates import ENDED, OPEN, Fate, Stage
from knect.ledger.store.database import Ledger, open_ledger
from knect.ledger.store.errors import LedgerError

__all__ = ["ENDED", "OPEN", "Connection", "Fate", "Ledger", "LedgerError", "Stage", "open_ledger"]
