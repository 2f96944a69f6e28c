"""Speaking to a SQL Server: guarded, bounded, recorded, and never in doubt without saying so.

Why: an in-house ERP is often a database whose vendor's procedures are its API. What holds for HTTP
holds here: the address guard, total deadlines, the permit at the first byte of what cannot be
taken back, one error of `knect.sdk.errors` per failure, every call reported as an exchange.
Must not: know a connector or its statements; only this package imports the driver.
"""

from knect.sdk.sql.database import Database, Login, Session
from knect.sdk.sql.failures import DEADLOCK, DUPLICATE_KEY, LOCK_TIMEOUT
from knect.sdk.sql.statement import Kind, Statement

__all__ = [
    "DEADLOCK",
    "DUPLICATE_KEY",
    "LOCK_TIMEOUT",
    "Database",
    "Kind",
    "Login",
    "Session",
    "Statement",
]
