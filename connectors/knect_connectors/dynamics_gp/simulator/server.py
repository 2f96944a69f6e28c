"""The simulated SQL Server: connections, encryption inside of TDS, faults, the request log.

Must not: know a statement; `session` does.
"""

import asyncio
import contextlib
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from knect.sdk.testing import Answer, Fault, FaultPlan, Request
from knect.sdk.testing.request_log import RequestLog
from knect.seams import Clock, SystemClock
from knect_connectors.dynamics_gp.simulator import tds
from knect_connectors.dynamics_gp.simulator.channel import Channel
from knect_connectors.dynamics_gp.simulator.company import Company
from knect_connectors.dynamics_gp.simulator.session import Reply, Session

__all__ = ["Server", "running"]

_SLOW_SECONDS = 1.0
#: Refusals that can be planned: what a login without grants, or without our schema, is told, and a
#: number that is taken.
_REFUSED = {
    "deny": (229, "The SELECT permission was denied on the object."),
    "missing": (208, "Invalid object name."),
    "duplicate": (2627, "Violation of PRIMARY KEY constraint 'PKSOP10100'."),
}
#: DONE with "attention acknowledged".
_CANCELLED = bytes.fromhex("fd200000000000000000000000")
_PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><title>Just a moment</title>"
)


class Server:
    """See the module.

    Args:
        company: whose books it serves.
        faults: which request meets what.
        user, password: the one log-in there is.
        tls: certificate and key; None: no encryption, as some old servers have it.
        lock_seconds: how long a statement waits for another's transaction.
    """

    def __init__(
        self,
        company: Company,
        *,
        faults: FaultPlan | None = None,
        log: RequestLog | None = None,
        clock: Clock | None = None,
        user: str = "knect",
        password: str = "simulated",  # noqa: S107 - a simulated password
        tls: ssl.SSLContext | None = None,
        lock_seconds: float = 5.0,
    ) -> None:
        self.company = company
        self.faults = faults or FaultPlan()
        self.log = log or RequestLog()
        self.user, self.password = user, password
        self.lock_seconds = lock_seconds
        self.writer: Session | None = None
        self.counts: Counter[str] = Counter()
        #: Name of a statement -> what its next requests meet: deadlock, lock, hang, reset …
        self.planned: dict[str, deque[str]] = {}
        self._clock = clock or SystemClock()
        self._tls = tls
        self._lock = asyncio.Lock()
        self._transactions = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._late: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ for sessions

    def next_transaction(self) -> int:
        """Return a number for a transaction."""
        self._transactions += 1
        return self._transactions

    async def acquire(self, session: Session) -> None:
        """Wait until nobody else is in a transaction."""
        await self._lock.acquire()
        self.writer = session

    @asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[None]:
        """Wait until nobody is in a transaction, and let nobody begin one: what people do is a
        transaction of its own, and is not undone with somebody else's.
        """
        async with self._lock:
            yield

    def release(self, session: Session) -> None:
        """Let the next one in."""
        assert self.writer is session
        self.writer = None
        self._lock.release()

    # ------------------------------------------------------------ connections

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self._writers.add(writer)
        session = Session(self)
        channel = Channel(reader, writer)
        try:
            if await self._log_in(channel):
                while (message := await channel.receive()) is not None:
                    if not await self._serve(session, channel, *message):
                        break
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, ValueError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            await session.end()
            writer.close()

    async def stop(self) -> None:
        """End all connections."""
        for task in self._late:
            task.cancel()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._late, return_exceptions=True)
        self.log.close()

    async def _log_in(self, channel: Channel) -> bool:
        message = await channel.receive()
        if message is None or message[0] != tds.Message.PRELOGIN:
            return False
        wanted = tds.read_prelogin(message[1])
        encrypts = self._tls is not None and wanted != tds.Encryption.NOT_SUPPORTED
        says = tds.Encryption.NOT_SUPPORTED
        if self._tls is not None:
            says = tds.Encryption.ON if encrypts else tds.Encryption.REQUIRED
        await channel.send(tds.packets(tds.Message.REPLY, tds.prelogin_answer(says)))
        if self._tls is not None:
            if not encrypts:
                return False
            await channel.encrypt(self._tls)
        message = await channel.receive()
        if message is None or message[0] != tds.Message.LOGIN:
            return False
        login = tds.read_login(message[1])
        if (login.user, login.password) != (self.user, self.password):
            tokens = tds.error(18456, f"Login failed for user '{login.user}'.", severity=14)
            await channel.send(tds.packets(tds.Message.REPLY, tokens + tds.done(failed=True)))
            return False
        await channel.send(tds.packets(tds.Message.REPLY, tds.login_answer(login.database)))
        return True

    async def _serve(self, session: Session, channel: Channel, kind: int, body: bytes) -> bool:
        """Answer one request; return whether the connection goes on."""
        if kind == tds.Message.ATTENTION:
            await channel.send(tds.packets(tds.Message.REPLY, _CANCELLED))
            return True
        session.listen(kind, body)
        method, name = session.name_of(kind, body)
        self.counts[name] += 1
        planned = self.planned.get(name)
        if planned:
            return await self._planned(session, channel, kind, body, planned.popleft())
        fault = self.faults.draw(f"/{name}")
        rpc = kind == tds.Message.RPC
        match fault:
            case None | Fault.TOKEN_EXPIRED:
                await self._send(channel, await self._answered(session, kind, body, fault))
                return True
            case Fault.SERVER_ERROR:
                reply = Reply.refusal(
                    802,
                    "There is insufficient memory available in the buffer pool.",
                    severity=17,
                    rpc=rpc,
                )
                self._note(session, method, name, body, reply, fault)
                await self._send(channel, reply)
                return True
            case Fault.THROTTLED:
                reply = Reply.refusal(
                    10928, "Resource ID: 1. The request limit is reached.", rpc=rpc
                )
                self._note(session, method, name, body, reply, fault)
                await self._send(channel, reply)
                return True
            case Fault.HTML:
                self._note(session, method, name, body, None, fault)
                await channel.send(_PAGE, raw=True)
                return False
            case Fault.LATE_COMMIT:
                self._late_commit(session, kind, body)
                channel.abort()
                return False
            case Fault.HANG:
                if self.faults.flip():
                    await self._answered(session, kind, body, fault, lost=True)
                else:
                    self._note(session, method, name, body, None, fault)
                await channel.gone(self.faults.hang_seconds)
                return False
            case _:
                return await self._spoil(session, channel, kind, body, fault)

    async def _spoil(
        self, session: Session, channel: Channel, kind: int, body: bytes, fault: Fault
    ) -> bool:
        """Do what is asked, and answer as it should not be."""
        lost = fault in (Fault.COMMIT_THEN_DROP, Fault.TRUNCATED)
        reply = await self._answered(session, kind, body, fault, lost=lost)
        data = tds.packets(tds.Message.REPLY, reply.tokens)
        if fault is Fault.TRUNCATED:
            await channel.send(data[: max(9, len(data) // 2)])
        if fault is Fault.MALFORMED:
            await channel.send(tds.packets(tds.Message.REPLY, b"\x07" + reply.tokens))
            return True
        if fault is Fault.SLOW_BODY:
            for number in range(len(data)):
                await channel.send(data[number : number + 1])
                await self._clock.sleep(self.faults.drip_seconds)
            return True
        channel.abort()
        return False

    async def _planned(
        self, session: Session, channel: Channel, kind: int, body: bytes, what: str
    ) -> bool:
        """Meet what was asked for by name; nothing, where its turn has not come."""
        if what in ("", "slow"):
            if what:
                await self._clock.sleep(_SLOW_SECONDS)
            await self._send(channel, await self._answered(session, kind, body, what or None))
            return True
        method, name = session.name_of(kind, body)
        rpc = kind == tds.Message.RPC
        if what == "after":  # done, and the connection is reset
            await self._answered(session, kind, body, what, lost=True)
            channel.abort()
            return False
        reply = None
        if what == "deadlock":
            reply = session.deadlock(rpc=rpc)
        elif what in _REFUSED:
            number, text = _REFUSED[what]
            reply = Reply.refusal(number, text, severity=14, rpc=rpc)
        elif what == "lock":
            reply = Reply.refusal(1222, "Lock request time out period exceeded.", rpc=rpc)
        self._note(session, method, name, body, reply, what)
        if reply is not None:
            await self._send(channel, reply)
            return True
        if what == "hang":
            await channel.gone(self.faults.hang_seconds)
        channel.abort()
        return False

    def _late_commit(self, session: Session, kind: int, body: bytes) -> None:
        method, name = session.name_of(kind, body)
        if name != "commit":
            self._note(session, method, name, body, None, Fault.LATE_COMMIT)
            return

        async def commit() -> None:
            await self._clock.sleep(self.faults.late_commit_seconds)
            await self._answered(other, kind, body, Fault.LATE_COMMIT, lost=True)

        other = session.handed_over()
        task = asyncio.create_task(commit())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _answered(
        self, session: Session, kind: int, body: bytes, fault: str | None, *, lost: bool = False
    ) -> Reply:
        method, name = session.name_of(kind, body)
        key, what = session.key, session.kind
        reply = await session.answer(kind, body)
        if name != "commit":
            key = session.key
        self._note(session, method, f"{what}s" if name == "commit" else name, body, reply, fault,
                   key=key, lost=lost)  # fmt: skip
        return reply

    async def _send(self, channel: Channel, reply: Reply) -> None:
        await channel.send(tds.packets(tds.Message.REPLY, reply.tokens))

    def _note(
        self,
        session: Session,
        method: str,
        name: str,
        body: bytes,
        reply: Reply | None,
        fault: str | None,
        *,
        key: str | None = None,
        lost: bool = False,
    ) -> None:
        headers = {"traceparent": session.traceparent} if session.traceparent else {}
        request = Request(method=method, path=f"/{name}", query={}, headers=headers, body=body)
        answer = None
        if reply is not None:
            answer = Answer(status=reply.status, key=key or session.key, committed=reply.committed)
        status = reply.status if reply is not None and not lost else None
        self.log.write(self._clock.now(), request, answer, fault=fault, status=status)


@asynccontextmanager
async def running(server: Server, *, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve while the block runs; yield the port."""
    listening = await asyncio.start_server(server.connect, host, port, limit=2**20, backlog=512)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await server.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listening.wait_closed(), 5)
