"""A wire between two processes that fails by one seed, and counts what it really did.

Why: this kernel has no netem, and what a network does to a request (not sent, sent and not
answered, answered by half) decides whether a write may be tried again. A wire draws once for each
turn: the first bytes from the client after an answer. Must not: know a protocol, or be counted for
a fault that did not happen.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from enum import StrEnum
from functools import partial
from random import Random
from typing import Any, Self, TypeVar

__all__ = ["Trouble", "Wire", "Wires"]

T = TypeVar("T")
_CHUNK = 65_536
_PAUSE = 0.1  # seconds between two bytes of a drip


class Trouble(StrEnum):
    """What can happen to a turn, or to the wire."""

    REFUSE = "refuse"  # reset as soon as the connection is made
    RESET_BEFORE = "reset-before"  # read, never passed on, reset
    RESET_AFTER = "reset-after"  # passed on and answered; the answer is lost in a reset
    HALF_CLOSE = "half-close"  # half of the answer's first part, then the end
    SILENCE = "silence"  # passed on, then nothing comes back and nobody closes
    DRIP = "drip"  # the answer, byte by byte
    DELAY = "delay"  # the answer, late
    CUT = "cut"  # nobody listens for a while and every connection is reset
    STALL = "stall"  # for a while connections are taken and nothing flows


class Wire:
    """One listening port before one target. Made and used in the loop of `Wires`."""

    def __init__(self, rates: Mapping[str, float], seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.turns = 0
        self.port = 0
        self.target: tuple[str, int] = ("127.0.0.1", 0)
        self._dice = Random(seed)
        self._rates: dict[Trouble, float] = {}
        self._next: list[Trouble] = []
        self.set_rates(rates)
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: set[socket.socket] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._one_cut = asyncio.Lock()

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Use these probabilities per turn (per connection for `refuse`) from now on."""
        self._rates = {Trouble(name): rate for name, rate in rates.items()}
        if {Trouble.CUT, Trouble.STALL} & self._rates.keys():
            raise ValueError("a wire is cut and stalled by call, not by chance")

    def force(self, trouble: str) -> None:
        """Let this happen to the next turn (for `refuse`: connection), however the dice fall."""
        self._next.append(Trouble(trouble))

    # ------------------------------------------------------------ the wire as a whole

    def listen(self) -> None:
        """Take connections from now on; keeps its port over cuts."""
        if self._listener is None:
            self._bind()
        assert self._listener is not None
        self._listener.listen(128)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _bind(self) -> None:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", self.port))
        one.setblocking(False)
        self.port = int(one.getsockname()[1])
        self._listener = one

    async def cut(self, seconds: float) -> None:
        """Reset everything and refuse connections for so long. The port stays ours: bound, deaf."""
        async with self._one_cut:
            self.counts[Trouble.CUT] += 1
            await self._deafen()
            self._bind()
            await asyncio.sleep(seconds)
            self.listen()

    async def stall(self, seconds: float) -> None:
        """Let nothing flow for so long; who is patient enough goes on then."""
        self.counts[Trouble.STALL] += 1
        self._flows.clear()
        await asyncio.sleep(seconds)
        self._flows.set()

    async def close(self) -> None:
        """End with every connection."""
        self._flows.set()
        await self._deafen()

    async def _deafen(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for one in self._sockets:
            _will_reset(one)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ one connection

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # it left again
        forced = Trouble.REFUSE in self._next
        if forced:
            self._next.remove(Trouble.REFUSE)
        if forced or self._dice.random() < self._rates.get(Trouble.REFUSE, 0.0):
            self.counts[Trouble.REFUSE] += 1
            _will_reset(client)
            client.close()
            return
        self._sockets.add(client)
        task = asyncio.create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(partial(self._served, client))

    def _served(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        """Close what was accepted, also if its task never began."""
        self._tasks.discard(task)
        self._sockets.discard(client)
        client.close()

    async def _serve(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = socket.socket()
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets.add(server)
        try:
            await self._flows.wait()
            await loop.sock_connect(server, self.target)
            await _Connection(self, client, server).run()
        except OSError:
            _will_reset(client)
        finally:
            self._sockets.discard(server)
            server.close()

    def draw(self) -> Trouble | None:
        """Return what happens to the turn that begins."""
        self.turns += 1
        if forced := next((one for one in self._next if one is not Trouble.REFUSE), None):
            self._next.remove(forced)
            return forced
        number = self._dice.random()
        for trouble, rate in self._rates.items():
            if trouble is Trouble.REFUSE:
                continue
            if number < rate:
                return trouble
            number -= rate
        return None

    def delay(self) -> float:
        """Return how late a late answer is, in seconds."""
        return self._dice.uniform(0.3, 1.5)

    async def flowing(self) -> None:
        """Wait while the wire is stalled."""
        await self._flows.wait()


class _Connection:
    """Two directions; the trouble of the turn is decided by the client's and done to the answer."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self._wire = wire
        self._client = client
        self._server = server
        self._trouble: Trouble | None = None
        self._turn_begins = True

    async def run(self) -> None:
        up = asyncio.create_task(self._up())
        down = asyncio.create_task(self._down())
        try:
            done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        for task in done:
            task.result()

    async def _up(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._client, _CHUNK):
            await self._wire.flowing()
            if self._turn_begins and self._trouble is not Trouble.SILENCE:
                self._turn_begins = False
                self._trouble = self._wire.draw()
            if self._trouble is Trouble.RESET_BEFORE:
                self._wire.counts[Trouble.RESET_BEFORE] += 1
                _will_reset(self._client)
                return
            await loop.sock_sendall(self._server, data)

    async def _down(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._server, _CHUNK):
            await self._wire.flowing()
            self._turn_begins = True
            trouble = self._trouble
            if trouble not in (None, Trouble.SILENCE, Trouble.DRIP):
                self._trouble = None
            if trouble is not None and not await self._spoil(trouble, data):
                return
            if trouble in (None, Trouble.DELAY):
                await loop.sock_sendall(self._client, data)

    async def _spoil(self, trouble: Trouble, data: bytes) -> bool:
        """Do it, counted once a turn; return whether the connection goes on."""
        loop = asyncio.get_running_loop()
        self._wire.counts[trouble] += 1
        match trouble:
            case Trouble.RESET_AFTER:
                _will_reset(self._client)
                return False
            case Trouble.HALF_CLOSE:
                with contextlib.suppress(OSError):
                    await loop.sock_sendall(self._client, data[: len(data) // 2])
                return False
            case Trouble.SILENCE:
                while await loop.sock_recv(self._server, _CHUNK):
                    pass  # until the client has enough: then both ends are closed
                await asyncio.Event().wait()
            case Trouble.DRIP:
                for number in range(len(data)):
                    await loop.sock_sendall(self._client, data[number : number + 1])
                    await asyncio.sleep(_PAUSE)
                self._trouble = None
            case _:
                await asyncio.sleep(self._wire.delay())
        return True


def _will_reset(one: socket.socket) -> None:
    """Let the end of a connection be a reset instead of an orderly one."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Wires:
    """Wires by name, in a thread of their own: `with Wires(seed) as wires`."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._wires: dict[str, Wire] = {}
        self._acts: list[Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self._wires.values():
            self._do(wire.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __contains__(self, name: str) -> bool:
        return name in self._wires

    def lay(self, name: str, rates: Mapping[str, float] | None = None, port: int = 0) -> int:
        """Lay a wire to `port` (0: `lead` says later where to); return the port to connect to."""

        async def laid() -> int:
            wire = Wire(rates or {}, self._seed + len(self._wires))
            wire.target = ("127.0.0.1", port)
            wire.listen()
            self._wires[name] = wire
            return wire.port

        return self._do(laid())

    def port(self, name: str) -> int:
        """Return the port to connect to."""
        return self._wires[name].port

    def lead(self, name: str, port: int) -> None:
        """Let a wire lead to `port`."""
        self._wires[name].target = ("127.0.0.1", port)

    def force(self, name: str, trouble: str) -> None:
        """Let this happen on a wire as soon as it can."""
        self._loop.call_soon_threadsafe(self._wires[name].force, trouble)

    def cut(self, name: str, seconds: float, *, wait: bool = False) -> None:
        """Cut a wire for so long; `wait`: return when it is whole again."""
        self._act(self._wires[name].cut(seconds), wait=wait)

    def stall(self, name: str, seconds: float, *, wait: bool = False) -> None:
        """Let nothing flow on a wire for so long."""
        self._act(self._wires[name].stall(seconds), wait=wait)

    def set_rates(self, name: str, rates: Mapping[str, float]) -> None:
        """Let a wire fail with these probabilities from now on."""

        async def changed() -> None:
            self._wires[name].set_rates(rates)

        self._do(changed())

    def calm(self) -> None:
        """Let no wire fail from now on; return when cuts and stalls are over."""

        async def calmed() -> None:
            for wire in self._wires.values():
                wire.set_rates({})

        for act in self._acts:
            act.result()
        self._acts.clear()
        self._do(calmed())

    def counts(self, name: str) -> Counter[str]:
        """Return what a wire really did, by kind."""
        return Counter({str(kind): count for kind, count in self._wires[name].counts.items()})

    def turns(self, name: str) -> int:
        """Return how many turns a wire saw."""
        return self._wires[name].turns

    @property
    def names(self) -> list[str]:
        """Return the names of the wires, in the order they were laid."""
        return list(self._wires)

    def _act(self, act: Coroutine[Any, Any, None], *, wait: bool) -> None:
        future = asyncio.run_coroutine_threadsafe(act, self._loop)
        if wait:
            future.result()
        else:
            self._acts.append(future)

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(60)
