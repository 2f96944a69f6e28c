"""What went wrong with the database, since when, and what that means for a unit of work.

Why: a restart, a fail-over or a deadlock must cost time and nothing else; who waits for the ledger
and who is asked how it does need the same answer. Must not: connect, or hold values of rows.
"""

import asyncio
import logging
from enum import Enum, auto

from msgspec import Struct
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from knect.ledger.instants import to_us
from knect.ledger.store.errors import LedgerUnreachable, sentence_of, translate
from knect.seams import Clock

__all__ = ["Kind", "Trouble", "TroubleLog", "kind_of", "sqlstate_of"]

_log = logging.getLogger("knect.ledger")

#: The transaction was rolled back by the server for the sake of others: try it again at once.
_CONFLICTS = frozenset(("40001", "40P01", "55P03", "57014", "23505", "0A000"))
#: The server, or our place on it, is gone for now.
_GONE = frozenset(
    ("57P01", "57P02", "57P03", "57P05", "25P03", "25006", "53300", "53200", "28P01", "28000")
)
#: Connections, the system under the server, the server itself.
_GONE_CLASSES = frozenset(("08", "58", "XX"))
#: What a PgBouncer says of settings made while connecting.
_REFUSED_SETTING = "08P01"


class Kind(Enum):
    """What may be done about an error."""

    GONE = auto()  # connect again, later
    CONFLICT = auto()  # the same again, at once
    OURS = auto()  # the unit itself is wrong, or a person is needed


class Trouble(Struct, frozen=True, kw_only=True):
    """What is wrong with the ledger now. `since_us` is by this machine's clock."""

    sentence: str
    since_us: int


def sqlstate_of(error: BaseException) -> str | None:
    """Return PostgreSQL's five letters, wherever the layers above the driver have put them."""
    seen: BaseException | None = error
    while seen is not None:
        state = getattr(seen, "sqlstate", None)
        if isinstance(state, str):
            return state
        seen = seen.orig if isinstance(seen, DBAPIError) else seen.__cause__
    return None


def kind_of(error: BaseException) -> Kind:
    """Tell what may be done. SQLite's errors are always `OURS`: it is a file on this machine."""
    state = sqlstate_of(error)
    if state is not None:
        if state in _CONFLICTS:
            return Kind.CONFLICT
        gone = state in _GONE or (state[:2] in _GONE_CLASSES and state != _REFUSED_SETTING)
        return Kind.GONE if gone else Kind.OURS
    if isinstance(error, OSError | asyncio.TimeoutError | PoolTimeout):
        return Kind.GONE
    if isinstance(error, DBAPIError) and not hasattr(error.orig, "sqlite_errorname"):
        gone = error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
        return Kind.GONE if gone else Kind.OURS
    return Kind.GONE if type(error).__module__.startswith("asyncpg") else Kind.OURS


class TroubleLog:
    """The trouble of one open ledger: noted by whoever meets it, over with the next success.

    `patience` is how long units are tried again, in seconds, from when the trouble began; with
    0 every trouble is told at once.
    """

    def __init__(self, where: str, clock: Clock, *, patience: float) -> None:
        self.where = where
        self.patience = patience
        self.current: Trouble | None = None
        self._clock = clock
        self._began = 0.0

    def note(self, error: BaseException) -> LedgerUnreachable:
        """Remember an error of the kind `GONE`; return its sentence as an error."""
        sentence = sentence_of(error, sqlstate_of(error), self.where)
        if self.current is None:
            self._began = self._clock.monotonic()
            self.current = Trouble(sentence=sentence, since_us=to_us(self._clock.now()))
            _log.warning("the ledger is away", extra={"reason": sentence})
        else:
            self.current = Trouble(sentence=sentence, since_us=self.current.since_us)
        return LedgerUnreachable(sentence)

    def told(self, error: Exception) -> Exception:
        """Return the sentence of an error of any kind, or the error if it is a defect of ours."""
        state = sqlstate_of(error)
        if isinstance(error, DBAPIError) or state is not None:
            return translate(error, self.where, state) or error
        return error

    def over(self) -> None:
        """Say that the ledger answered."""
        if self.current is not None:
            self.current = None
            seconds = round(self._clock.monotonic() - self._began, 1)
            _log.warning("the ledger is back", extra={"seconds": seconds})

    @property
    def patient(self) -> bool:
        """Tell whether it is still worth waiting."""
        if self.current is None:
            return self.patience > 0
        return self._clock.monotonic() - self._began < self.patience
