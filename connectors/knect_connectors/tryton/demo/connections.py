"""Connections to SQLite that trytond keeps, as it keeps those to PostgreSQL.

Why: trytond opens three for a call, and a fresh one first reads the whole schema, which has
hundreds of tables: more than half of what a small call took. Named in trytond's configuration,
which lets anybody put a class before its own.
Must not: give a connection to two at once, or one with a transaction still open.
"""

from collections import defaultdict, deque
from threading import Lock
from typing import Any, ClassVar

from trytond.backend.sqlite import database

__all__ = ["KeptConnections"]

#: More at once are rare; the oldest above that is closed.
_MOST = 8


class _ForAnyThread(database.SQLiteConnection):  # type: ignore[misc]  # trytond has no types
    """A connection that one thread may use after another: each call has a thread of its own."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **{**named, "check_same_thread": False})


database.SQLiteConnection = _ForAnyThread


class KeptConnections:
    """Stands before trytond's own class of databases, of which each transaction makes one."""

    _idle: ClassVar[defaultdict[str, deque[Any]]] = defaultdict(lambda: deque(maxlen=_MOST))
    _lock: ClassVar[Lock] = Lock()
    _conn: Any
    _users = 0
    name: str

    def connect(self) -> Any:
        """Take a kept connection, else make one."""
        if self._conn is None:
            with self._lock:
                idle = self._idle[self.name]
                self._conn = idle.pop() if idle else None
        trytond: Any = super()
        return trytond.connect()

    def get_connection(self, *words: Any, **named: Any) -> Any:
        """Count who has it: what is asked for within a transaction is the transaction's own."""
        trytond: Any = super()
        connection = trytond.get_connection(*words, **named)
        self._users += 1
        return connection

    def put_connection(self, connection: Any = None) -> None:
        """Keep it once nobody has it any more."""
        trytond: Any = super()
        trytond.put_connection(connection)
        self._users -= 1
        if self._users == 0 and self._conn is not None and self.name != ":memory:":
            kept, self._conn = self._conn, None
            kept.rollback()
            with self._lock:
                self._idle[self.name].append(kept)
