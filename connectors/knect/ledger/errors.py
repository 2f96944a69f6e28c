"""What can be wrong with a ledger, as sentences for people.

    LedgerError
     ├─ LedgerFull        the disk or quota is full: nothing was lost, work waits
     ├─ LedgerReadOnly    the file or database cannot be written
     ├─ LedgerNewer       written by a newer Knect than this
     ├─ LedgerOlder       last written by an older Knect, and only read by this one
     ├─ LedgerBusy        another process writes this SQLite file
     ├─ LedgerMissing     there is none where one was expected
     └─ LedgerBroken      the file is no ledger, or is damaged

Must not: contain the DSN (it may hold a password); paths of SQLite files are fine.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError

__all__ = [
    "LedgerBroken",
    "LedgerBusy",
    "LedgerError",
    "LedgerFull",
    "LedgerMissing",
    "LedgerNewer",
    "LedgerOlder",
    "LedgerReadOnly",
    "translate",
]


class LedgerError(Exception):
    """The root: the ledger cannot do what was asked."""


class LedgerFull(LedgerError):
    """No space left."""


class LedgerReadOnly(LedgerError):
    """It cannot be written."""


class LedgerNewer(LedgerError):
    """It was written by a newer Knect."""


class LedgerOlder(LedgerError):
    """It was last written by an older Knect."""


class LedgerBusy(LedgerError):
    """Another process writes it."""


class LedgerMissing(LedgerError):
    """There is none."""


class LedgerBroken(LedgerError):
    """It is no ledger, or damaged."""


_BY_CODE: dict[str, tuple[type[LedgerError], str]] = {
    "SQLITE_FULL": (
        LedgerFull,
        "the disk that holds the ledger is full; nothing was lost: free some space, work goes on "
        "by itself",
    ),
    "SQLITE_READONLY": (
        LedgerReadOnly,
        "the ledger cannot be written: make the file and its folder writable for this user",
    ),
    "SQLITE_CANTOPEN": (
        LedgerReadOnly,
        "the ledger cannot be opened: make the file and its folder readable and writable",
    ),
    "SQLITE_IOERR": (LedgerFull, "the disk that holds the ledger fails; see the system's log"),
    "SQLITE_BUSY": (LedgerBusy, "another process writes this ledger; SQLite allows one at a time"),
    "SQLITE_NOTADB": (LedgerBroken, "the file is no SQLite database; name another with --ledger"),
    "SQLITE_CORRUPT": (
        LedgerBroken,
        "the ledger is damaged; keep the file, restore a backup, then run a full read",
    ),
}


def translate(error: DBAPIError | sqlite3.Error, where: str) -> LedgerError | None:
    """Return the sentence for a driver's error, or None if it is a defect of ours."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", "") or ""
    if name == "SQLITE_ERROR" and str(cause).startswith(("no such column", "no such table")):
        return LedgerOlder(
            f"{where}: the ledger was last written by an older Knect; start the worker, or "
            "`knect run` once: it brings the ledger up to date"
        )
    for code, (kind, sentence) in _BY_CODE.items():
        if name.startswith(code):
            return kind(f"{where}: {sentence}")
    return None
