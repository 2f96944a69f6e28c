"""What a failure of the driver, or an error number of the server, means for the engine.

Must not: know a connector; one that knows better looks at `code`, which is the error number.
"""

from typing import Any

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    Refused,
    RetryLater,
    ScopeMissing,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)
from knect.sdk.sql.wire import NotTheProtocolError, TooLateError

__all__ = ["DEADLOCK", "DUPLICATE_KEY", "LOCK_TIMEOUT", "error_of", "not_let_in"]

#: Codes of errors connectors look for.
DEADLOCK = "1205"
DUPLICATE_KEY = "2627"
LOCK_TIMEOUT = "1222"

_LOGIN = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
_NO_DATABASE = frozenset({911, 916, 4060, 4064})
_NO_PERMISSION = frozenset({229, 230, 262, 297, 300, 15247})
_NO_OBJECT = frozenset({201, 207, 208, 2812, 8144, 8145})
_BUSY = frozenset({8645, 10928, 10929, 17809, 40501, 49918, 49919, 49920})
#: The database or its server is not there for anybody: restored, recovered, offline, moving to a
#: replica; shut down, paused, starting, being upgraded, for one administrator only.
_AWAY = frozenset({
    922, 924, 926, 927, 942, 945, 952, 976, 978, 979, 981, 982, 983, 988,
    6005, 17142, 17187, 17188, 17197, 18401, 18461,
})  # fmt: skip
_UNDONE = frozenset({1204, 1205, 1222, 3960, 3961})
_DUPLICATE = frozenset({2601, 2627})
#: Seconds a server that has no room is left alone.
_PAUSE = 10.0
#: From this severity on it is the server that failed, and not what it was asked.
_SERVERS_OWN = 17
_ENDED = 20


def error_of(host: str, name: str, failure: BaseException, *, seen: bool) -> ConnectorError:
    """Return the error for a statement that failed; `seen`: a byte of it had left."""
    where = f"{host}: {name}"
    if isinstance(failure, ConnectorError):
        return failure
    if isinstance(failure, TooLateError):
        return Unreachable(
            f"{where}: it was too late to send it; nothing has left", could_have_been_seen=False
        )
    if isinstance(failure, NotTheProtocolError):
        return UnexpectedAnswer(
            f"{where} was answered with something that is no SQL Server's; check host and port",
            could_have_been_seen=seen,
        )
    number = int(getattr(failure, "number", 0) or 0)
    if number:
        return _of_number(where, number, failure)
    if isinstance(failure, TimeoutError):
        return Unreachable(f"{where}: no complete answer in time", could_have_been_seen=seen)
    if isinstance(failure, OSError) or type(failure).__name__ in (
        "ClosedConnectionError",
        "SysCallError",
    ):
        text = getattr(failure, "strerror", None) or "the connection broke"
        return Unreachable(f"{where}: {text}", could_have_been_seen=seen)
    if "SSL" in type(failure).__module__ or "ertificate" in str(failure):
        return Fatal(
            f"{where}: the encrypted connection could not be made: {_words(failure)};"
            " see config.encryption and config.certificateAuthority",
            path="config.encryption",
            could_have_been_seen=False,
        )
    if "ncryption" in str(failure):
        return Fatal(
            f"{where}: {_words(failure)}; encryption is on unless config.encryption says Plain",
            path="config.encryption",
            could_have_been_seen=False,
        )
    return UnexpectedAnswer(
        f"{where} was answered with something the driver cannot read ({type(failure).__name__})",
        could_have_been_seen=seen,
    )


def not_let_in(error: ConnectorError) -> ConnectorError:
    """Return the error for a connection that was not made: nothing of a record has left, and what
    the server refuses is the log-in and no record.
    """
    if isinstance(error, Refused):
        error = Unreachable(f"{error.message}; it is tried until it lets Knect in", code=error.code)
    error.could_have_been_seen = False
    return error


def _of_number(where: str, number: int, failure: Any) -> ConnectorError:
    text, code = _words(failure), str(number)
    said = f"{where}: SQL Server says {number}: {text}"
    if number in _LOGIN:
        return CredentialsRejected(f"{where}: SQL Server does not accept the login", code=code)
    if number in _NO_DATABASE:
        return ScopeMissing(f"{said}; correct config.database or let the login use it", code=code)
    if number in _NO_PERMISSION:
        return ScopeMissing(f"{said}; run install.sql as README.md tells", code=code)
    if number in _NO_OBJECT:
        return Fatal(f"{said}; run install.sql of this version of Knect", code=code)
    if number in _BUSY:
        return Throttled(said, retry_after=_PAUSE, code=code)
    if number in _AWAY:
        return _answered(Unreachable(f"{said}; it goes on once that is over", code=code))
    if number in _UNDONE:
        return _answered(RetryLater(said, code=code))
    if number in _DUPLICATE:
        return Refused(said, code=DUPLICATE_KEY)
    severity = int(getattr(failure, "severity", 0) or 0)
    if severity >= _ENDED:
        return Unreachable(f"{said} (and ended the connection)", code=code)
    if severity >= _SERVERS_OWN:
        return UnexpectedAnswer(said, code=code)
    return Refused(said, code=code)


def _answered(error: ConnectorError) -> ConnectorError:
    error.answered = True  # the server undid it, and says so
    return error


def _words(failure: Any) -> str:
    return " ".join(str(getattr(failure, "text", None) or failure).split())[:300]
