"""One connection to the simulated server: log-in, statements, transactions, faults.

Statements are answered by their text, which must be one of the catalogue's; besides those only
what a driver needs for its own cursor and transactions. One session at a time is in a transaction:
the others wait, as they would for locks, and give up after the lock time-out.
Must not: listen; `server` does.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from knect_connectors.dynamics_gp.procedures import PROCEDURES
from knect_connectors.dynamics_gp.queries import QUERIES
from knect_connectors.dynamics_gp.simulator import tds
from knect_connectors.dynamics_gp.simulator.books import scaled, sql_time
from knect_connectors.dynamics_gp.simulator.company import DuplicateKeyError
from knect_connectors.dynamics_gp.simulator.dialect import to_sqlite
from knect_connectors.dynamics_gp.simulator.tables import COLUMNS, KINDS
from knect_connectors.dynamics_gp.simulator.values import Column

if TYPE_CHECKING:
    from knect_connectors.dynamics_gp.simulator.server import Server

__all__ = ["Reply", "Session"]

_SP_EXECUTESQL = "10"
#: Batches a driver sends for itself; all but the first two do nothing here.
_BEGIN = re.compile(r"^\s*BEGIN TRAN", re.IGNORECASE)
_COMMIT = re.compile(r"^\s*(IF @@TRANCOUNT > 0 )?COMMIT\b", re.IGNORECASE)
_ROLLBACK = re.compile(r"^\s*(IF @@TRANCOUNT > 0 )?ROLLBACK\b", re.IGNORECASE)
_QUIET = re.compile(r"^\s*(SET|USE)\b", re.IGNORECASE)
_TRACE = re.compile(r"CONTEXT_INFO 0x([0-9a-f]{32})", re.IGNORECASE)
_AND_BEGIN = re.compile(r"BEGIN TRAN\w*\s*;?\s*$", re.IGNORECASE)


def _numbered(text: str, count: int) -> str:
    return text % tuple(f"@P{number + 1}" for number in range(count)) if count else text


#: The text as the driver sends it -> (name, SQLite's text).
_BY_TEXT: Mapping[str, tuple[str, str]] = {
    _numbered(one.text, len(one.types)): (
        one.name,
        to_sqlite(_numbered(one.text, len(one.types))),
    )
    for one in QUERIES.values()
}


class Reply:
    """An answer: tokens, and what the request log says of it."""

    def __init__(self, tokens: bytes, *, status: int = 200, committed: bool = False) -> None:
        self.tokens = tokens
        self.status = status
        self.committed = committed

    @classmethod
    def refusal(cls, number: int, text: str, *, severity: int = 16, rpc: bool = False) -> "Reply":
        """Return an error of the server's."""
        tokens = tds.error(number, text, severity=severity)
        return cls(tokens + tds.done(failed=True, in_procedure=rpc), status=number)


class Session:
    """See the module. `key` is the external id the running transaction writes."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._books = server.company.books
        self._number = 0
        self.trace = ""
        self.key: str | None = None
        self.kind = "other"

    @property
    def traceparent(self) -> str | None:
        """Return what the client said of who asks."""
        return f"00-{self.trace}-{secrets.token_hex(8)}-01" if self.trace else None

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open."""
        return self._number > 0

    async def end(self) -> None:
        """The connection has gone: what was not committed is undone."""
        self._rollback()

    def handed_over(self) -> "Session":
        """Return a session that has this one's transaction, which goes on without a client."""
        other = Session(self._server)
        other.trace, other.key, other.kind = self.trace, self.key, self.kind
        other._number, self._number = self._number, 0
        if self._server.writer is self:
            self._server.writer = other
        return other

    # ------------------------------------------------------------ requests

    @staticmethod
    def name_of(message: int, body: bytes) -> tuple[str, str]:
        """Return method and name of a request, for log and faults."""
        if message == tds.Message.TRANSACTION:
            kind, _ = tds.read_transaction(body)
            names = {5: ("BATCH", "begin"), 7: ("COMMIT", "commit"), 8: ("BATCH", "rollback")}
            return names.get(kind, ("BATCH", "transaction"))
        if message == tds.Message.BATCH:
            text = tds.read_batch(body)
            if _COMMIT.match(text):
                return "COMMIT", "commit"
            for pattern, name in ((_BEGIN, "begin"), (_ROLLBACK, "rollback"), (_TRACE, "trace")):
                if pattern.search(text):
                    return "BATCH", name
            if text in _BY_TEXT:
                return "QUERY", _BY_TEXT[text][0]
            return "BATCH", "settings" if _QUIET.match(text) else "foreign"
        rpc = tds.read_rpc(body)
        if rpc.name == _SP_EXECUTESQL:
            found = _BY_TEXT.get(str(rpc.values.get("@1")))
            return "QUERY", found[0] if found else "foreign"
        return "CALL", rpc.name.rpartition(".")[2]

    async def answer(self, message: int, body: bytes) -> Reply:
        """Answer one request."""
        if message == tds.Message.TRANSACTION:
            kind, again = tds.read_transaction(body)
            if kind == tds.Transaction.BEGIN:
                return self._begin()
            return self._end(committed=kind == tds.Transaction.COMMIT, again=again)
        if message == tds.Message.BATCH:
            return await self._batch(tds.read_batch(body))
        rpc = tds.read_rpc(body)
        if rpc.name == _SP_EXECUTESQL:
            values = [v for name, v in rpc.values.items() if name not in ("@1", "@2")]
            return await self._query(str(rpc.values.get("@1")), values, rpc=True)
        return await self._call(rpc)

    def listen(self, message: int, body: bytes) -> None:
        """Take the trace id from a request that tells one, whatever becomes of the request."""
        if message == tds.Message.BATCH and (found := _TRACE.search(tds.read_batch(body))):
            self.trace = found[1].lower()

    async def _batch(self, text: str) -> Reply:
        if _BEGIN.match(text):
            return self._begin()
        if _COMMIT.match(text):
            return self._end(committed=True, again=bool(_AND_BEGIN.search(text)))
        if _ROLLBACK.match(text):
            return self._end(committed=False, again=bool(_AND_BEGIN.search(text)))
        if _QUIET.match(text):
            return Reply(tds.done())
        return await self._query(text, [])

    async def _query(self, text: str, values: Sequence[Any], *, rpc: bool = False) -> Reply:
        found = _BY_TEXT.get(text)
        if found is None:
            return Reply.refusal(
                229, "The permission was denied: the statement is not in the catalogue.", rpc=rpc
            )
        if not await self._locked():
            return _lock_timeout(rpc=rpc)
        try:
            given = {f"P{i + 1}": _sqlite(value) for i, value in enumerate(values)}
            cursor = self._books.db.execute(found[1], given)
            names = [item[0] for item in cursor.description]
            data = cursor.fetchall()
        finally:
            self._unlocked()
        columns = [_column(name) for name in names]
        rows = [[row[name] for name in names] for row in data]
        ends = tds.done(count=len(rows), in_procedure=rpc)
        return Reply(tds.rows(columns, rows) + ends)

    async def _call(self, rpc: tds.Rpc) -> Reply:
        schema, _, name = rpc.name.rpartition(".")
        known = PROCEDURES.get(name) if schema == "knect" else None
        if known is None:
            return Reply.refusal(2812, f"Could not find stored procedure '{rpc.name}'.", rpc=True)
        given = {key.removeprefix("@"): value for key, value in rpc.values.items()}
        unknown = set(given) - set(known.types) - set(known.outputs)
        if unknown:
            text = f"@{min(unknown)} is not a parameter for procedure {name}."
            return Reply.refusal(8145, text, rpc=True)
        if not await self._locked():
            return _lock_timeout(rpc=True)
        try:
            outputs = self._server.company.call(name, given)
        except DuplicateKeyError:
            self._rollback()
            change = tds.transaction_change(1, begins=False)
            text = "Violation of PRIMARY KEY constraint 'pk_knect_delivery'."
            reply = Reply.refusal(2627, text, severity=14, rpc=True)
            reply.tokens = change + reply.tokens
            return reply
        finally:
            self._unlocked()
        if name in ("claim", "renew"):
            self.key = str(given["external_id"])
            self.kind = "document" if given.get("SOPNUMBE") else "customer"
        order = list(rpc.values)
        answered = [
            (order.index(f"@{key}"), _column(f"@{key}", known.outputs[key]), value)
            for key, value in outputs.items()
            if f"@{key}" in rpc.outputs
        ]
        status = int(outputs.get("error") or 0)
        tokens = tds.returned(answered, status) + tds.done(in_procedure=True)
        return Reply(tokens, committed=not self.in_transaction and name == "next_number")

    # ------------------------------------------------------------ transactions

    def _begin(self) -> Reply:
        self._number = self._server.next_transaction()
        self.key, self.kind = None, "other"
        return Reply(tds.transaction_change(self._number, begins=True) + tds.done())

    def _end(self, *, committed: bool, again: bool) -> Reply:
        number, has_written = self._number, self._server.writer is self
        if committed and has_written:
            self._books.db.execute("COMMIT")
            self._server.release(self)
        else:
            self._rollback()
        self._number = 0
        tokens = (
            tds.transaction_change(number, begins=False, committed=committed) if number else b""
        )
        if again:
            tokens += self._begin().tokens
        else:
            tokens += tds.done()
        return Reply(tokens, committed=committed and has_written)

    def _rollback(self) -> None:
        if self._server.writer is self:
            self._books.db.execute("ROLLBACK")
            self._server.release(self)
        self._number = 0

    async def _locked(self) -> bool:
        """Become the one who reads or writes now; False when it took too long."""
        if self._server.writer is self:
            return True
        try:
            async with asyncio.timeout(self._server.lock_seconds):
                await self._server.acquire(self)
        except TimeoutError:
            self._rollback()
            return False
        self._books.db.execute("BEGIN")
        return True

    def _unlocked(self) -> None:
        """Outside of a transaction every statement is one of its own."""
        if not self.in_transaction and self._server.writer is self:
            self._books.db.execute("COMMIT")
            self._server.release(self)

    def deadlock(self, *, rpc: bool) -> Reply:
        """Return what the victim of a deadlock is told; its transaction is undone."""
        number = self._number or 1
        self._rollback()
        text = "Transaction (Process ID 51) was deadlocked on lock resources with another process."
        reply = Reply.refusal(1205, text, severity=13, rpc=rpc)
        reply.tokens = tds.transaction_change(number, begins=False) + reply.tokens
        return reply


def _lock_timeout(*, rpc: bool) -> Reply:
    return Reply.refusal(1222, "Lock request time out period exceeded.", rpc=rpc)


def _column(name: str, declared: str = "") -> Column:
    kind = declared or KINDS.get(name.upper()) or COLUMNS[name.upper()]
    base, _, size = kind.partition("(")
    if base in ("char", "varchar"):
        return Column(name=name, kind=base, size=int(size.rstrip(")")))
    return Column(name=name, kind=base if base in ("numeric", "datetime") else "int")


def _sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return sql_time(value)
    if isinstance(value, Decimal):
        return scaled(value)
    return value.rstrip(" ") if isinstance(value, str) else value
