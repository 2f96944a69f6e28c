"""The network between a worker and both ends: latency, loss, lies of timing; every call logged.

Why: the engine's promises are about calls whose fate it does not know, so each way a call can end
is drawn here, in simulated time: refused, 5xx before or after the work, 429, answer lost, worked on
late, never answered, cut short. Must not: be kinder to whom it serves than TCP is; what has left
reaches the other end though its sender is dead.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.determ.ends import SimErp, SimShop
from tests.determ.loop import LIFE, Life, SimLoop

from knect import history
from knect.sdk import errors
from knect.sdk.contract import (
    Call,
    Change,
    CheckReport,
    Delivered,
    Delivery,
    Effect,
    Found,
    Operation,
    Outcome,
    Page,
    Reference,
    Removal,
    Window,
)
from knect.sdk.exchange import current_recorder
from knect.sdk.permit import may_leave
from knect.seams import Clock, crash_point

__all__ = ["FAULTS", "Network", "WireDestination", "WireSource"]

T = TypeVar("T")

#: The HTTP client's total deadline, in seconds.
_DEADLINE = 30.0
#: What can happen to a call, for reads and writes.
FAULTS = (
    "refused", "5xx", "5xx-after", "429", "commit-then-drop", "late-commit", "hang", "truncated",
    "slow",
)  # fmt: skip


@dataclass
class Network:
    """What all calls share. `rates` are probabilities by fault; `calm` stops them."""

    loop: SimLoop
    clock: Clock
    dice: random.Random
    rates: Mapping[str, float]
    latest: float  # seconds after sending at which a late commit may land
    transit: float  # longest way of a request, seconds
    calm: bool = False
    source_calls: list[history.Call] = field(default_factory=list)
    destination_calls: list[history.Call] = field(default_factory=list)
    injected: dict[str, int] = field(default_factory=dict)
    sending: Callable[[Life | None, Sequence[Call]], None] = lambda _life, _calls: None
    turns: dict["asyncio.Future[None]", Sequence[str]] = field(default_factory=dict)
    world: Context = field(default_factory=Context)

    def fault(self, *, writes: bool, makes: bool) -> str | None:
        """Draw what happens to a call: to a write more often; only what makes comes late."""
        if self.calm:
            return None
        drawn = self.dice.random() * (0.5 if writes else 1.0)
        for name, rate in self.rates.items():
            drawn -= rate
            if drawn < 0:
                return "5xx" if name == "late-commit" and not makes else name
        return None

    async def call(
        self,
        end: str,
        method: str,
        path: str,
        work: Callable[[], T],
        *,
        changed: Sequence[str] = (),
        keys: Sequence[str] = (),
        sent: Sequence[Call] = (),
        makes: bool = False,
    ) -> T:
        """Make a call in the caller's life; `work` is done at the other end."""
        recorder = current_recorder.get()
        exchange = (
            recorder.begin(method=method, template=path, host=f"{end}.test") if recorder else None
        )
        fault = self.fault(writes=bool(sent), makes=makes)
        if fault is not None:
            self.injected[fault] = self.injected.get(fault, 0) + 1
        error: errors.ConnectorError | None = None
        try:
            if self.dice.random() < 0.3:  # in line for a connection, a token, the rate limit
                await self._turn(self.dice.choice((0.01, 0.2, 2.0)), keys)
            if fault == "refused":
                raise errors.Unreachable(f"{end}: connection refused", could_have_been_seen=False)
            if not may_leave():
                raise errors.Unreachable(f"{end}: too late to send", could_have_been_seen=False)
            self.sending(LIFE.get(), sent)
            crash_point("send.first_byte")
            log = self.destination_calls if end == "erp" else self.source_calls
            traceparent = exchange.traceparent if exchange else None
            answer: asyncio.Future[T] = self.loop.create_future()
            self._travel(answer, fault, work, log, changed, (method, path, keys, traceparent))
            crash_point("send.complete")
            got = await answer
            crash_point("answer.read")
        except errors.ConnectorError as raised:
            error = raised
            raise
        else:
            return got
        finally:
            if recorder is not None and exchange is not None:
                exchange.error = type(error).__name__ if error else None
                exchange.status = 200 if error is None else None
                recorder.end(exchange)

    async def _turn(self, seconds: float, keys: Sequence[str]) -> None:
        turn = self.loop.create_future()

        def give() -> None:
            if not turn.done():
                turn.set_result(None)

        self.loop.call_later(seconds, give, context=self.world)
        self.turns[turn] = keys
        try:
            await turn
        finally:
            del self.turns[turn]

    def _travel(
        self,
        answer: "asyncio.Future[T]",
        fault: str | None,
        work: Callable[[], T],
        log: list[history.Call],
        changed: Sequence[str],
        said: tuple[str, str, Sequence[str], str | None],
    ) -> None:
        """Let a request that has left reach its end, and its answer come back, or not."""
        dice, loop = self.dice, self.loop
        there = dice.uniform(0.001, self.transit)
        back = dice.uniform(0.001, 0.05)
        if fault == "slow":
            back += dice.uniform(1.0, 12.0)
        if fault in ("late-commit", "hang"):
            there = dice.uniform(0.1, self.latest)
        unworked = fault in ("5xx", "429") or (fault == "hang" and dice.random() < 0.5)

        def later(seconds: float, what: Callable[..., object], *more: object) -> None:
            loop.call_later(seconds, what, *more, context=self.world)

        def reply(value: Any, error: errors.ConnectorError | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)

        def note(status: int | None, committed: Sequence[str] = ()) -> None:
            method, path, keys, traceparent = said
            log.extend(
                history.Call(
                    time=self.clock.now(), method=method, path=path, key=key,
                    traceparent=traceparent, status=status, fault=fault, committed=key in committed,
                )
                for key in keys or (None,)
            )  # fmt: skip

        def arrive() -> None:
            if unworked:
                wait = dice.choice((None, 1.0, 7.0))
                status = {"5xx": 503, "429": 429}.get(fault or "")
                note(status)
                if fault == "5xx":
                    reply_later(None, errors.UnexpectedAnswer("503 Service Unavailable"))
                elif fault == "429":
                    reply_later(None, errors.Throttled("429 Too Many Requests", retry_after=wait))
                return
            before = len(changed)
            try:
                value = work()
            except errors.ConnectorError as error:
                note(422)
                reply_later(None, error)
                return
            lost = fault in ("commit-then-drop", "late-commit", "hang")
            note(None if lost else 200, changed[before:])
            if fault == "commit-then-drop":
                reply_later(None, errors.Unreachable("connection reset"))
            elif fault == "5xx-after":
                reply_later(None, errors.UnexpectedAnswer("502 Bad Gateway"))
            elif fault == "truncated":
                reply_later(None, errors.UnexpectedAnswer("the answer is cut short"))
            elif not lost:
                reply_later(value, None)

        def reply_later(value: Any, error: errors.ConnectorError | None) -> None:
            later(back, reply, value, error)

        later(there, arrive)
        if fault in ("hang", "late-commit", "slow"):
            silence = errors.Unreachable(f"no answer in {_DEADLINE:g} s")
            later(_DEADLINE, reply, None, silence)
        if fault == "late-commit":
            later(dice.uniform(0.001, there), reply, None, errors.Unreachable("connection reset"))


class WireSource:
    """A shop, over the network."""

    def __init__(self, network: Network, name: str, shop: SimShop) -> None:
        self._network = network
        self._name = name
        self._shop = shop

    async def server_time(self) -> Any:
        return await self._network.call(self._name, "GET", "/time", self._shop.clock.now)

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        position = ("", "")
        shop = self._shop

        def page() -> list[Change]:
            found = sorted(shop._in(entity, window), key=lambda c: (c.token, c.id))
            return [c for c in found if (c.token, c.id) > position][: shop.page_size]

        while True:
            rest = await self._network.call(self._name, "GET", f"/{entity}", page)
            if not rest:
                return
            position = (rest[-1].token, rest[-1].id)
            yield Page(changes=rest)
            if len(rest) < shop.page_size:
                return

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        shop = self._shop
        return await self._network.call(
            self._name, "GET", f"/{entity}/ids", lambda: [shop._change(i) for i in ids]
        )

    def to_record(self, entity: str, raw: Any) -> Any:
        return self._shop.to_record(entity, raw)


class WireDestination:
    """The ERP, over the network."""

    def __init__(self, network: Network, erp: SimErp) -> None:
        self._network = network
        self._erp = erp

    def to_document(self, entity: str, record: Any, settings: Any) -> dict[str, Any]:
        return self._erp.to_document(entity, record, settings)

    def references(self, entity: str, record: Any) -> Sequence[Reference]:
        return self._erp.references(entity, record)

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        return self._erp.plan(delivery)

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        return self._erp.plan_removal(removal)

    async def resolve(self, references: Sequence[Reference]) -> Any:
        asked = [(one.kind, one.value) for one in references]
        return await self._network.call(
            "erp", "GET", "/products", lambda: self._erp.resolve_now(asked)
        )

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        return [()] * len(calls)

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        return await self._network.call(
            "erp", "GET", "/documents", lambda: [self._erp.look(one.effect) for one in calls]
        )

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        erp = self._erp
        return await self._network.call(
            "erp",
            "GET",
            "/documents",
            lambda: [one.destination_id in erp.documents for one in documents],
        )

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        erp = self._erp
        makes = calls[0].effect.operation in (Operation.CREATE, Operation.ENSURE)
        return await self._network.call(
            "erp", "POST" if makes else "PUT", f"/{calls[0].effect.entity}",
            lambda: _all_or_nothing(erp, calls), keys=[one.effect.external_id for one in calls],
            changed=erp.changed, sent=calls, makes=makes,
        )  # fmt: skip


def _all_or_nothing(erp: SimErp, calls: Sequence[Call]) -> list[Outcome]:
    """Write a batch; one that is refused refuses them all."""
    bad = [one for one in calls if erp.refuses(one.effect)]
    return [erp.commit(one) for one in (bad or calls)]


@dataclass
class WireConnector:
    """One Connection of one life."""

    source: WireSource | None = None
    destination: WireDestination | None = None
    webhooks: Any = None

    async def check(self) -> CheckReport:
        return CheckReport(product="Sim", version="1", entities=())

    async def close(self) -> None:
        """There is nothing to let go of."""
