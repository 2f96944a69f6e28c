"""A name server that hangs is the trouble of those who need the name, and is called by its name."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.unit.sdk.http.clients import a_client, failure_of
from tests.unit.sdk.http.raw_server import Exchange, raw_server

from knect.sdk import errors

#: More than Python's own pool of threads has.
MANY = 2 * min(32, (os.cpu_count() or 1) + 4)
_asks_the_system = socket.getaddrinfo


class Hanging:
    """The system's resolver: names below `hangs` are answered once `over` is set."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.asked: list[str] = []
        self.address = "127.0.0.1"

    def __call__(self, host: str, *words: Any, **more: Any) -> Any:
        self.asked.append(host)
        if host.endswith("hangs"):
            assert self.over.wait(30), "the test let it hang"
        return _asks_the_system(self.address, *words, **more)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    hanging = Hanging()
    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    yield hanging
    hanging.over.set()


async def _answers(exchange: Exchange) -> None:
    await exchange.answer(b'{"id": 1}')


async def test_a_name_server_that_hangs_keeps_nobody_elses_requests(resolver: Hanging) -> None:
    async with AsyncExitStack() as stack, raw_server(_answers) as server:
        stack.callback(resolver.over.set)
        hosts = [f"erp{number}.hangs" for number in range(MANY)]
        clients = [
            await stack.enter_async_context(a_client(f"http://{host}:9", allow=(host,)))
            for host in hosts
        ]
        asking = asyncio.gather(*(failure_of(client) for client in clients))
        await asyncio.sleep(0)
        url = f"http://shop.answers:{server.port}"
        async with a_client(url, allow=("shop.answers",)) as client:
            assert (await client.request("GET", "/x", template="/x")).data == {"id": 1}
        assert not asking.done()
        found = await asking
    assert {type(one) for one in found} == {errors.Unreachable}


@pytest.mark.parametrize("limits", [{"deadline": 0.2}, {"connect": 0.2}])
async def test_who_waits_for_a_name_is_told_so(resolver: Hanging, limits: dict[str, float]) -> None:
    async with a_client("http://erp.hangs:9", allow=("erp.hangs",), **limits) as client:
        found = await asyncio.gather(failure_of(client), failure_of(client))
    for error in found:
        assert isinstance(error, errors.Unreachable)
        assert not error.could_have_been_seen
        assert "no name server has answered in time" in error.message


async def test_a_name_server_that_has_trouble_is_told_from_a_name_there_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []
    for number in (socket.EAI_NONAME, socket.EAI_AGAIN):

        def refuses(*_: Any, number: int = number, **__: Any) -> Any:
            raise socket.gaierror(number, "the system's words")

        monkeypatch.setattr(socket, "getaddrinfo", refuses)
        async with a_client("http://erp.test:9", allow=("erp.test",)) as client:
            told.append((await failure_of(client)).message)
    assert told == [
        "erp.test: POST /x: unknown host: the system's words; correct the address in the"
        " Connection's config, or see to the name server (DNS) that is asked where Knect runs",
        "erp.test: POST /x: name not resolved: the system's words; see to the name server (DNS)"
        " that is asked where Knect runs",
    ]


async def test_a_name_that_hangs_is_asked_for_once_and_used_when_it_comes(
    resolver: Hanging,
) -> None:
    async with raw_server(_answers) as server:
        url = f"http://erp.hangs:{server.port}"
        async with a_client(url, allow=("erp.hangs",), deadline=0.2) as client:
            for _ in range(4):
                await failure_of(client)
            assert resolver.asked.count("erp.hangs") == 1
            resolver.over.set()
            answer = await client.request("GET", "/x", template="/x", deadline=5)
            assert answer.data == {"id": 1}


def test_who_ends_does_not_wait_for_a_name_server(resolver: Hanging) -> None:
    async def asks() -> None:
        async with a_client("http://erp.hangs:9", allow=("erp.hangs",), deadline=0.1) as client:
            await failure_of(client)

    released: Callable[[], None] = resolver.over.set
    late = threading.Timer(3, released)
    late.start()
    try:
        asyncio.run(asks())
        assert not resolver.over.is_set()
    finally:
        late.cancel()
