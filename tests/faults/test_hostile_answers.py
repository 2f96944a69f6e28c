"""Every connector that speaks HTTP, and a line that answers in its system's place: writes, look-ups.

Whatever comes, it is no refusal of a record, no success, and no "it is not there".
"""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

from knect.sdk.contract import Call, Effect
from knect.sdk.errors import ConnectorError, RetryLater
from knect.sdk.testing import Answer, Bench, RunningSimulator
from knect.sdk.testing.wire import render, render_head
from knect_connectors.magento1 import conformance as magento1
from knect_connectors.rest import conformance as rest
from knect_connectors.shopify import conformance as shopify

pytestmark = pytest.mark.faults

PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in</body></html>"
_HTML = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json"}
#: Name -> what is sent instead of the answer that was worked out; the connection ends after it.
HOSTILE: dict[str, Callable[[Answer], bytes]] = {
    "nothing": lambda _: b"",
    "half a head": lambda _: b"HTTP/1.1 200 OK\r\nContent-Ty",
    "half a body": lambda answer: render(answer)[: -max(1, len(answer.body) // 2)],
    "no body": lambda _: render(Answer(headers=_JSON)),
    "null": lambda _: render(Answer(headers=_JSON, body=b"null")),
    "another object": lambda _: render(Answer(headers=_JSON, body=b'{"status":"maintenance"}')),
    "a list": lambda _: render(Answer(headers=_JSON, body=b'[{"a": 1}]')),
    "a broken gzip": lambda answer: (
        render_head(Answer(headers={**answer.headers, "Content-Encoding": "gzip"}), length=10)
        + gzip.compress(answer.body)[:10]
    ),
    "two bytes a letter": lambda answer: render(
        Answer(headers=answer.headers, body=answer.body.decode().encode("utf-16"))
    ),
    **{
        f"a page with {status}": lambda _, status=status: render(  # type: ignore[misc]
            Answer(status=status, headers={**_HTML, "Location": "/log-in"}, body=PAGE)
        )
        for status in (200, 302, 400, 407, 409, 421, 422, 500, 502, 503, 504, 511, 522)
    },
}


class Line:
    """Answers in the place of a simulator, once its system has done what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.says: Callable[[Answer], bytes] | None = None
        self.said = 0
        serve = RunningSimulator._serve

        async def served(server: Any, request: Any, reader: Any, writer: Any) -> bool:
            if self.says is None:
                return await serve(server, request, reader, writer)
            self.said += 1
            writer.write(self.says(await server._answered(request, None)))
            await writer.drain()
            return False

        monkeypatch.setattr(RunningSimulator, "_serve", served)


@asynccontextmanager
async def _a_first_write(system: ModuleType) -> AsyncIterator[tuple[Bench, Call]]:
    async with system.open_bench() as bench:
        effect: Effect = next(iter(await bench.effects()))
        yield bench, Call(effect=effect, given={}, idempotency_key="k", transaction="t")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("system", [magento1, rest, shopify], ids=lambda one: one.__name__)
async def test_a_write_that_was_done_is_open_and_is_found_afterwards(
    monkeypatch: pytest.MonkeyPatch, system: ModuleType, hostile: str
) -> None:
    line = Line(monkeypatch)
    async with _a_first_write(system) as (bench, call):
        destination = bench.connector.destination
        assert destination is not None
        await bench.connector.check()  # it is logged in: the write itself meets the line
        before = await bench.documents()
        line.says = HOSTILE[hostile]
        error = await _error(destination.write([call]))
        assert isinstance(error, RetryLater), error
        assert error.could_have_been_seen
        assert not error.answered
        line.said = 0
        asked = await _error(destination.lookup([call]))
        assert isinstance(asked, RetryLater), asked
        assert line.said, "nobody asked"
        line.says = None
        made = await bench.documents()
        (found,) = await destination.lookup([call])
        assert (found is not None) == (made > before)
        for secret in bench.secrets:
            assert secret not in f"{error!r} {error.message} {asked!r} {asked.message}"


async def _error(asking: Any) -> ConnectorError:
    try:
        answers = await asking
    except ConnectorError as error:
        return error
    (one,) = answers
    error = getattr(one, "error", None)
    assert isinstance(error, ConnectorError), f"it is taken for an answer: {one}"
    return error
