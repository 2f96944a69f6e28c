"""Serves a simulated system on loopback: in this process, or as one of its own.

Why: test kit, demo and conformance kit at once. The simulated system says what is answered; here
are connections, faults, the request log, and the control routes tests use.
Must not: listen beyond loopback, or know a platform.

Control routes, never met by faults: `GET /_knect/state` (a snapshot), `GET /_knect/faults` (counts
of what was really injected), `POST /_knect/faults` (new rates, or `{"force": [...]}`, null: none),
`GET /_knect/log` (the request log), `POST /_knect/do/ACTION` (what the simulator offers).
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from knect.sdk.testing.faults import Fault, FaultPlan
from knect.sdk.testing.request_log import RequestLog
from knect.sdk.testing.wire import Answer, Request, read_request, render, render_head
from knect.seams import Clock, SystemClock

__all__ = ["RunningSimulator", "Simulator", "running", "serve"]

_CONTROL = "/_knect/"
_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body></body></html>"
_SERVER_ERRORS = (500, 502, 503, 504)


class Simulator(Protocol):
    """A simulated system."""

    def bind(self, url: str) -> None:
        """Learn the URL it is served at."""
        ...

    async def handle(self, request: Request) -> Answer:
        """Answer one request, as the platform would."""
        ...

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return the platform's own answer for a server error or a throttle."""
        ...

    def expire_tokens(self) -> None:
        """Make the access tokens given out so far invalid."""
        ...

    def snapshot(self) -> Any:
        """Return the whole state as JSON-able values, for checkers."""
        ...

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Perform a control action (edit an order, send a webhook). Raises KeyError if unknown."""
        ...


class RunningSimulator:
    """A simulator at work: `url`, and in-process access to its parts."""

    def __init__(
        self, simulator: Simulator, faults: FaultPlan, log: RequestLog, clock: Clock
    ) -> None:
        self.simulator = simulator
        self.faults = faults
        self.log = log
        self.url = ""
        self._clock = clock
        self._late: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.StreamWriter] = set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self._connections.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                if not await self._serve(request, reader, writer):
                    return
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def stop(self) -> None:
        """End late commits and connections."""
        for task in self._late:
            task.cancel()
        for writer in list(self._connections):
            writer.transport.abort()
        await asyncio.gather(*self._late, return_exceptions=True)
        self.log.close()

    async def _serve(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; return whether the connection goes on."""
        if request.path.startswith(_CONTROL):
            await _send(writer, render(await self._control(request)))
            return True
        fault = self.faults.draw(request.path)
        match fault:
            case None | Fault.TOKEN_EXPIRED:
                if fault is Fault.TOKEN_EXPIRED:
                    self.simulator.expire_tokens()
                answer = await self._answered(request, fault)
                await _send(writer, render(answer))
                return request.headers.get("connection", "").lower() != "close"
            case Fault.SERVER_ERROR | Fault.THROTTLED:
                answer = self.simulator.refuse(fault, self.faults.pick(_SERVER_ERRORS))
                self._note(request, answer, fault, status=answer.status)
                await _send(writer, render(answer))
                return True
            case Fault.HTML:
                headers = {"Content-Type": "text/html; charset=utf-8"}
                answer = Answer(body=_PAGE, headers=headers)
                self._note(request, answer, fault, status=200)
                await _send(writer, render(answer))
                return True
            case Fault.LATE_COMMIT:
                self._note(request, None, fault, status=None)
                task = asyncio.create_task(self._commit_late(request))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                writer.transport.abort()
                return False
            case Fault.HANG:
                done = await self.simulator.handle(request) if self.faults.flip() else None
                self._note(request, done, fault, status=None)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), self.faults.hang_seconds)
                return False
            case _:
                answer = await self._answered(request, fault)
                await self._spoil(fault, answer, writer)
                return fault in (Fault.MALFORMED, Fault.SLOW_BODY)

    async def _spoil(self, fault: Fault, answer: Answer, writer: asyncio.StreamWriter) -> None:
        """Send an answer that was worked out, but not as it should be."""
        if fault is Fault.COMMIT_THEN_DROP:
            writer.transport.abort()
        elif fault is Fault.TRUNCATED:
            half = len(answer.body) // 2
            await _send(writer, render_head(answer, length=len(answer.body) + 1))
            await _send(writer, answer.body[:half])
        elif fault is Fault.MALFORMED:
            half = max(1, len(answer.body) // 2)
            body = answer.body[:half] + b'",]\x00' + answer.body[half:]
            await _send(writer, render_head(answer, length=len(body)) + body)
        else:  # a slow body
            await _send(writer, render_head(answer))
            for number in range(len(answer.body)):
                await _send(writer, answer.body[number : number + 1])
                await self._clock.sleep(self.faults.drip_seconds)

    async def _answered(self, request: Request, fault: Fault | None) -> Answer:
        answer = await self.simulator.handle(request)
        is_lost = fault is Fault.COMMIT_THEN_DROP
        self._note(request, answer, fault, status=None if is_lost else answer.status)
        return answer

    async def _commit_late(self, request: Request) -> None:
        await self._clock.sleep(self.faults.late_commit_seconds)
        answer = await self.simulator.handle(request)
        self._note(request, answer, Fault.LATE_COMMIT, status=None)

    def _note(
        self, request: Request, answer: Answer | None, fault: Fault | None, *, status: int | None
    ) -> None:
        self.log.write(self._clock.now(), request, answer, fault=fault, status=status)

    async def _control(self, request: Request) -> Answer:
        route = request.path.removeprefix(_CONTROL)
        try:
            if route == "state":
                return Answer.of_json(self.simulator.snapshot())
            if route == "log":
                return Answer.of_json(self.log.entries)
            if route == "faults":
                if request.method == "POST":
                    wanted = request.json()
                    forced = wanted.pop("force", [])
                    self.faults.force(*(None if one is None else Fault(one) for one in forced))
                    if wanted or not forced:
                        self.faults.set_rates(wanted)
                return Answer.of_json(dict(self.faults.injected))
            if route.startswith("do/"):
                arguments = request.json() if request.body else {}
                return Answer.of_json(await self.simulator.do(route[3:], arguments))
        except (KeyError, ValueError, TypeError, msgspec.DecodeError) as error:
            return Answer.of_json({"error": f"{type(error).__name__}: {error}"}, status=400)
        return Answer.of_json({"error": f"no such control route: {route}"}, status=404)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


@asynccontextmanager
async def running(
    simulator: Simulator,
    *,
    port: int = 0,
    faults: FaultPlan | None = None,
    log_path: Path | None = None,
    clock: Clock | None = None,
    host: str = "127.0.0.1",
    url: str = "",
) -> AsyncIterator[RunningSimulator]:
    """Serve on `host` while the block runs; port 0 takes a free one.

    `url` is how others reach it, for the links in its answers, where that differs.
    """
    state = RunningSimulator(
        simulator, faults or FaultPlan(), RequestLog(log_path), clock or SystemClock()
    )
    server = await asyncio.start_server(state.connect, host, port, limit=2**20, backlog=512)
    state.url = url or f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    simulator.bind(state.url)
    try:
        yield state
    finally:
        server.close()
        await state.stop()


def serve(
    simulator: Simulator,
    *,
    port: int = 0,
    faults: FaultPlan | None = None,
    log_path: Path | None = None,
    host: str = "127.0.0.1",
    url: str = "",
) -> None:
    """Serve until SIGTERM or SIGINT; print `listening on URL` once ready, for a parent process."""

    async def until_told() -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        async with running(
            simulator, port=port, faults=faults, log_path=log_path, host=host, url=url
        ) as state:
            print(f"listening on {state.url}", flush=True)  # noqa: T201 - the parent waits for it
            await told.wait()

    asyncio.run(until_told())
