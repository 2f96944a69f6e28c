"""A database as the connectors use it: a few connections, each driven by one thread at a time.

Why: the driver blocks, and the engine must not; a thread that waits for a server that has gone is
woken by shutting its socket. Nothing of a transaction lasts unless its COMMIT was answered: what
fails before the first byte of COMMIT is known not to have happened, what fails after it is open.
Must not: repeat anything; the engine does, with state that survives the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from msgspec import Struct

from knect.sdk.errors import ConnectorError
from knect.sdk.exchange import current_recorder
from knect.sdk.http import Egress
from knect.sdk.http.names import Names
from knect.sdk.secret import Secret
from knect.sdk.sql.dial import Login, dial, driver, log_in
from knect.sdk.sql.failures import error_of, not_let_in
from knect.sdk.sql.statement import Kind, Statement
from knect.sdk.sql.wire import Wire
from knect.seams import Clock

__all__ = ["Database", "Login", "Session"]

_T = TypeVar("_T")
#: Seconds an unused connection is kept; firewalls forget silent ones.
_IDLE = 30.0
#: What every connection is told once: a failed statement undoes its transaction, and a lock is
#: not waited for longer than this many milliseconds.
_SETTINGS = "SET XACT_ABORT ON; SET LOCK_TIMEOUT 10000; SET NOCOUNT ON"
_NO_TRACE = "0" * 32

SETTINGS = Statement(name="settings", kind=Kind.BATCH, text=_SETTINGS)
BEGIN = Statement(name="begin", kind=Kind.BATCH, text="BEGIN TRANSACTION")
COMMIT = Statement(name="commit", kind=Kind.BATCH, text="COMMIT TRANSACTION")
ROLLBACK = Statement(
    name="rollback", kind=Kind.BATCH, text="IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"
)


class _Link(Struct, kw_only=True, eq=False):
    """One connection; `trace` is the trace id the server was last told."""

    wire: Wire
    raw: Any
    used_at: float
    trace: str = ""
    broken: bool = False


class Session:
    """One connection for as long as the block of `Database.session` runs."""

    def __init__(self, database: "Database", link: _Link) -> None:
        self._database = database
        self._link = link

    @property
    def trace(self) -> str:
        """Return the trace id the server was told, empty if nobody records calls."""
        return self._link.trace

    async def rows(
        self, statement: Statement, values: Sequence[Any] = (), *, seconds: float | None = None
    ) -> list[dict[str, Any]]:
        """Return all rows a query gives; its parameters have the types in the catalogue's order."""
        types = list(statement.types.values())

        def work(raw: Any) -> list[dict[str, Any]]:
            with raw.cursor() as cursor:
                params = tuple(map(_typed, types, values)) if values else None
                cursor.execute(statement.text, params)
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        return await self._database.send(self._link, statement, work, seconds=seconds)

    async def call(
        self, statement: Statement, values: Mapping[str, Any], *, seconds: float | None = None
    ) -> dict[str, Any]:
        """Call a procedure; return its output parameters by name. None leaves a default."""

        def work(raw: Any) -> dict[str, Any]:
            pytds = driver()
            given: dict[str, Any] = {
                f"@{name}": _typed(statement.types[name], value)
                for name, value in values.items()
                if value is not None
            }
            for name, kind in statement.outputs.items():
                given[f"@{name}"] = pytds.output(param_type=kind)
            with raw.cursor() as cursor:
                answered = cursor.callproc(statement.text, given)
            found = dict(zip(given, answered, strict=True))
            return {name: found[f"@{name}"] for name in statement.outputs}

        return await self._database.send(self._link, statement, work, seconds=seconds)

    async def batch(self, statement: Statement, *, is_final: bool = False) -> None:
        """Send a command without parameters."""
        await self._database.send(self._link, statement, _batch(statement.text), is_final=is_final)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit what the block did, or nothing of it.

        Raises what the block raised, with `could_have_been_seen` False: it was undone. Only an
        error of the COMMIT itself leaves open what became of it.
        """
        try:
            await self.batch(BEGIN)
            yield
        except ConnectorError as error:
            error.could_have_been_seen = False
            await self._undo()
            raise
        except BaseException:
            self._link.broken = True  # the server undoes it when the connection ends
            raise
        try:
            await self.batch(COMMIT, is_final=True)
        except BaseException:
            self._link.broken = True  # also where it was refused: nobody else goes on in it
            raise

    async def _undo(self) -> None:
        if self._link.broken:
            return
        try:
            await self.batch(ROLLBACK)
        except ConnectorError:
            self._link.broken = True


class Database:
    """One database of one server.

    Args:
        login: where.
        user, password: read at each log-in, so that a rotated Secret needs no restart.
        egress: the address guard.
        clock: time.
        connections: how many at most; also how many threads.
        seconds: the deadline of one statement, unless it is given its own.
    """

    def __init__(
        self,
        login: Login,
        *,
        user: Callable[[], Secret],
        password: Callable[[], Secret],
        egress: Egress,
        clock: Clock,
        connections: int = 4,
        seconds: float = 30.0,
    ) -> None:
        self._login = login
        self._names = Names(login.connect_seconds)
        self._user = user
        self._password = password
        self._egress = egress
        self._clock = clock
        self._seconds = seconds
        self._free = asyncio.Semaphore(connections)
        self._idle: list[_Link] = []
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="knect-sql")

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a connection, logged in; it is given back, or closed when it is of no more use.

        What fails before it is lent was not seen: of what is to be asked nothing has left.
        """
        async with self._free:
            with _not_asked_yet():
                link = self._take() or await self._open()
            try:
                with _not_asked_yet():
                    await self._introduce(link)
                yield Session(self, link)
            finally:
                link.used_at = self._clock.monotonic()
                if link.broken:
                    _close(link)
                else:
                    self._idle.append(link)

    async def close(self) -> None:
        """Close all connections."""
        while self._idle:
            _close(self._idle.pop())
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> _Link | None:
        while self._idle:
            link = self._idle.pop()
            if self._clock.monotonic() - link.used_at < _IDLE:
                return link
            _close(link)
        return None

    async def _open(self) -> _Link:
        driver()
        user, password = self._user(), self._password()
        wire = await dial(self._egress, self._login, self._clock, self._names)
        link = _Link(wire=wire, raw=None, used_at=self._clock.monotonic())

        def work(_: Any) -> Any:
            return log_in(self._login, wire, user, password)

        login = Statement(name="login", kind=Kind.BATCH, text="")
        try:
            link.raw = await self.send(link, login, work, seconds=self._login.connect_seconds)
            await self._introduce(link)
            await Session(self, link).batch(SETTINGS)
        except BaseException:
            _close(link)
            raise
        return link

    async def _introduce(self, link: _Link) -> None:
        """Tell the server the trace id of who asks, so that its side can be told apart too."""
        recorder = current_recorder.get()
        if recorder is None:
            return
        trace = recorder.begin(method=Kind.BATCH, template="trace", host=self._login.host).id
        if trace == link.trace:
            return
        link.trace = trace
        text = f"SET CONTEXT_INFO 0x{int(trace, 16):032x}"
        await Session(self, link).batch(Statement(name="trace", kind=Kind.BATCH, text=text))

    async def send(
        self,
        link: _Link,
        statement: Statement,
        work: Callable[[Any], _T],
        *,
        seconds: float | None = None,
        is_final: bool = False,
    ) -> _T:
        """Run `work` on the connection in a thread, bounded and reported."""
        recorder = current_recorder.get()
        exchange = None
        if recorder is not None:
            exchange = recorder.begin(
                method=statement.kind, template=statement.name, host=self._login.host
            )
        started = self._clock.monotonic()
        error: BaseException | None = None
        try:
            link.wire.begin(seconds or self._seconds, is_final=is_final)
            return await self._in_thread(link, work)
        except asyncio.CancelledError as raised:
            error = raised
            link.broken = True
            raise
        except Exception as raised:  # noqa: BLE001 - the driver lets anything through
            seen = link.wire.sent > 0
            error = failure = error_of(self._login.host, statement.name, raised, seen=seen)
            link.broken = link.broken or not failure.answered
            raise failure from None
        finally:
            if recorder is not None and exchange is not None:
                exchange.duration_ms = (self._clock.monotonic() - started) * 1000
                exchange.error = type(error).__name__ if error else None
                exchange.status = _status(error)
                exchange.could_have_been_seen = link.wire.sent > 0
                exchange.request_bytes = link.wire.sent
                exchange.response_bytes = link.wire.received
                recorder.end(exchange)

    async def _in_thread(self, link: _Link, work: Callable[[Any], _T]) -> _T:
        context = copy_context()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, lambda: context.run(work, link.raw))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            link.wire.abort()
            await asyncio.wait([future])  # it is woken by the socket's end
            if not future.cancelled():
                future.exception()
            raise


@contextmanager
def _not_asked_yet() -> Iterator[None]:
    try:
        yield
    except ConnectorError as error:
        raise not_let_in(error) from None


def _status(error: BaseException | None) -> int | None:
    """Return 0 for an answer, the server's error number for a refusal, None for no answer."""
    if error is None:
        return 0
    code = getattr(error, "code", None)
    return int(code) if code and str(code).isdigit() else None


def _batch(text: str) -> Callable[[Any], None]:
    def work(raw: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute(text)

    return work


def _close(link: _Link) -> None:
    link.wire.abort()
    link.wire.close()


def _typed(kind: str, value: Any) -> Any:
    """Return the value with its SQL type, so that the server converts nothing."""
    if value is None:
        return None
    from pytds.tds_base import Param  # noqa: PLC0415 - see `driver`
    from pytds.tds_types import sql_type_by_declaration  # noqa: PLC0415 - see `driver`

    return Param(type=sql_type_by_declaration(kind), value=value)
