"""What can be wrong with a ledger, as sentences for people.

    LedgerError
     ├─ LedgerFull        the disk or quota is full: nothing was lost, work waits
     ├─ LedgerReadOnly    the file or database cannot be written
     ├─ LedgerNewer       written by a newer Knect than this
     ├─ LedgerOlder       last written by an older Knect, and only read by this one
     ├─ LedgerBusy        another process writes this SQLite file
     ├─ LedgerMissing     there is none where one was expected
     ├─ LedgerMisnamed    the DSN is wrong, or names the ledger of another namespace
     ├─ LedgerUnreachable the database does not answer now; what was asked may be asked again
     └─ LedgerBroken      the file is no ledger, or is damaged

Must not: contain the DSN (it may hold a password); paths of SQLite files are fine.
"""

import errno
import socket
import ssl

from sqlalchemy.exc import DBAPIError

__all__ = [
    "LedgerBroken",
    "LedgerBusy",
    "LedgerError",
    "LedgerFull",
    "LedgerMisnamed",
    "LedgerMissing",
    "LedgerNewer",
    "LedgerOlder",
    "LedgerReadOnly",
    "LedgerUnreachable",
    "sentence_of",
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


class LedgerMisnamed(LedgerError):
    """Its address is wrong, or it is somebody else's."""


class LedgerUnreachable(LedgerError):
    """The database does not answer now."""


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
        "the ledger is damaged; keep the file, restore a backup, and start again: what was "
        "delivered since is looked for at the destinations",
    ),
}


_BY_STATE: dict[str, tuple[type[LedgerError], str]] = {
    "53100": (
        LedgerFull,
        "the disk of the database is full; nothing was lost: free some space, work goes on by "
        "itself",
    ),
    "42501": (
        LedgerReadOnly,
        "the role may not do that; grant it the schema (usage, create) and its tables",
    ),
    "3D000": (LedgerMissing, "there is no such database on that server; create it, or fix the DSN"),
    "3F000": (LedgerMissing, "there is no such schema, and the role may not create it"),
    "42P01": (LedgerOlder, "a table this Knect needs is not there"),
    "42703": (LedgerOlder, "a column this Knect needs is not there"),
    "40P01": (LedgerBusy, "others want the same rows again and again; it is tried again later"),
    "40001": (LedgerBusy, "others change the same rows again and again; it is tried again later"),
    "55P03": (LedgerBusy, "others hold the rows for too long; it is tried again later"),
    "57014": (LedgerBusy, "the database took too long; it is tried again later"),
    "08P01": (LedgerMisnamed, "settings are refused on the way"),
    "26000": (LedgerMisnamed, "prepared statements get lost on the way"),
    "42P05": (LedgerMisnamed, "prepared statements get mixed up on the way"),
}
_HINTS: dict[type[LedgerError], str] = {
    LedgerOlder: "; another version of Knect changed the ledger: start the worker of this version, "
    "or use the version that changed it",
    LedgerMisnamed: "; a PgBouncer stands before the database: add pgbouncer=true to the DSN",
}
#: Why a database cannot be used now, for the states in which it will be again.
_AWAY: dict[str, str] = {
    "57P01": "the server ended the connection (it is restarted, or an administrator did)",
    "57P02": "the server crashed and recovers",
    "57P03": "the server is starting up, shutting down or recovering",
    "25P03": "the server ended a transaction that was idle for too long",
    "25006": "it is read-only: a standby, or a fail-over is under way",
    "53300": "it has no connection left for us; raise max_connections or run fewer workers",
    "53200": "the server is out of memory",
    "28P01": "it refuses the password; put the right one into the DSN",
    "28000": "it refuses the user; look at the DSN and at pg_hba.conf",
}


_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH)


def sentence_of(error: BaseException, state: str | None, where: str) -> str:
    """Return why a database cannot be used now. Never the driver's words: they may name values."""
    if state in _AWAY:
        return f"{where}: {_AWAY[state]}"
    if isinstance(error, TimeoutError):
        return f"{where}: no answer in time"
    if isinstance(error, socket.gaierror):
        return f"{where}: the host's name is not known (DNS)"
    if isinstance(error, ssl.SSLError):
        return f"{where}: no TLS as sslmode wants it ({error.reason or 'certificate refused'})"
    if isinstance(error, ConnectionRefusedError):
        return f"{where}: the connection is refused; is the server up, and the port right?"
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return f"{where}: no way leads there from here (network or host unreachable)"
    return f"{where}: the connection was lost"


def translate(error: Exception, where: str, state: str | None = None) -> LedgerError | None:
    """Return the sentence for a driver's error, or None if it is a defect of ours.

    `state` is PostgreSQL's code of the error, None for SQLite.
    """
    if state is not None:
        known = _BY_STATE.get(state)
        return known[0](f"{where}: {known[1]}{_HINTS.get(known[0], '')}") if known else None
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
