"""The kit does to a request exactly what the fault's name says, counts it, and writes it down."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sdk.http.clients import a_client, until

from knect.sdk import errors
from knect.sdk.http import Client
from knect.sdk.testing import Answer, Fault, FaultPlan, Request, running


class Counting:
    """Counts POSTs; its state is how many were committed, by body."""

    def __init__(self) -> None:
        self.committed: Counter[str] = Counter()
        self.expired = 0
        self.url = ""

    def bind(self, url: str) -> None:
        self.url = url

    async def handle(self, request: Request) -> Answer:
        if request.method == "POST":
            self.committed[request.body.decode()] += 1
        text = "x" * 200
        return Answer.of_json(
            {"ok": True, "text": text}, key="k1", committed=request.method == "POST"
        )

    def refuse(self, fault: Fault, status: int) -> Answer:
        if fault is Fault.THROTTLED:
            return Answer.of_json({}, status=429, headers={"Retry-After": "3"})
        return Answer.of_json({}, status=status)

    def expire_tokens(self) -> None:
        self.expired += 1

    def snapshot(self) -> Any:
        return dict(self.committed)

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        if action != "add":
            raise KeyError(action)
        return arguments["a"] + arguments["b"]


async def post(client: Client, text: str = "one") -> errors.ConnectorError | None:
    try:
        await client.request("POST", "/orders", template="/orders", content=text.encode())
    except errors.ConnectorError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("fault", "expected", "committed"),
    [
        (Fault.SERVER_ERROR, errors.RetryLater, 0),
        (Fault.THROTTLED, errors.Throttled, 0),
        (Fault.HTML, errors.Unreachable, 0),
        (Fault.COMMIT_THEN_DROP, errors.Unreachable, 1),
        (Fault.TRUNCATED, errors.Unreachable, 1),
        (Fault.MALFORMED, errors.UnexpectedAnswer, 1),
        (Fault.SLOW_BODY, errors.Unreachable, 1),
        (Fault.TOKEN_EXPIRED, None, 1),
        (None, None, 1),
    ],
)
async def test_fault(
    fault: Fault | None, expected: type[errors.ConnectorError] | None, committed: int
) -> None:
    plan, counting = FaultPlan(), Counting()
    plan.force(fault)
    async with (
        running(counting, faults=plan) as server,
        a_client(server.url, deadline=0.5) as client,
    ):
        error = await post(client)
        assert isinstance(error, expected or type(None))
        assert counting.committed.total() == committed
        assert plan.injected == ({fault: 1} if fault else {})
        (entry,) = server.log.entries
        assert (entry["fault"], entry["committed"]) == (fault, committed == 1)
        assert counting.expired == (1 if fault is Fault.TOKEN_EXPIRED else 0)
        if isinstance(error, errors.Throttled):
            assert error.retry_after == 3.0
        assert await post(client, "two") is None, "the next request is served"


async def test_a_late_commit_lands_after_the_drop() -> None:
    plan, counting = FaultPlan(late_commit_seconds=0.2), Counting()
    plan.force(Fault.LATE_COMMIT)
    async with running(counting, faults=plan) as server, a_client(server.url) as client:
        error = await post(client)
        assert isinstance(error, errors.Unreachable)
        assert error.could_have_been_seen
        assert counting.committed.total() == 0
        await until(lambda: counting.committed.total() == 1)
        assert [entry["committed"] for entry in server.log.entries] == [False, True]


async def test_a_hang_gives_no_answer_and_is_done_half_of_the_times() -> None:
    plan, counting = FaultPlan(seed=5), Counting()
    async with (
        running(counting, faults=plan) as server,
        a_client(server.url, deadline=0.05) as client,
    ):
        for _ in range(20):
            plan.force(Fault.HANG)
            assert isinstance(await post(client), errors.Unreachable)
    assert 3 < counting.committed.total() < 17
    assert plan.injected == {Fault.HANG: 20}


async def test_the_same_seed_gives_the_same_faults() -> None:
    rates = {"5xx": 0.2, "429": 0.1, "hang": 0.05}
    drawn = [
        [plan.draw("/") for _ in range(500)]
        for plan in (FaultPlan(rates, seed=1), FaultPlan(rates, seed=1))
    ]
    other = [FaultPlan(rates, seed=2).draw("/") for _ in range(500)]
    assert drawn[0] == drawn[1] != other
    counts = Counter(drawn[0])
    assert 60 < counts[Fault.SERVER_ERROR] < 140
    assert 10 < counts[Fault.HANG] < 45


def test_rates_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        FaultPlan({"5xx": 0.7, "429": 0.5})
    with pytest.raises(ValueError, match="nonsense"):
        FaultPlan({"nonsense": 0.1})


def test_spared_paths_meet_no_fault() -> None:
    plan = FaultPlan({"5xx": 1.0}, spare=("/login",))
    assert plan.draw("/login/token") is None
    assert plan.draw("/orders") is Fault.SERVER_ERROR


async def test_the_log_is_on_disk_before_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    async with running(Counting(), log_path=path) as server, a_client(server.url) as client:
        await post(client)
        (entry,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert entry["method"] == "POST"
    assert entry["path"] == "/orders"
    assert entry["key"] == "k1"
    assert entry["status"] == 200
    assert len(entry["body_hash"]) == 32
    assert set(entry) >= {"time", "number", "traceparent", "fault", "committed"}


async def test_control_routes_meet_no_fault() -> None:
    async with (
        running(Counting(), faults=FaultPlan({"5xx": 1.0})) as server,
        a_client(server.url) as client,
    ):
        await post(client)

        async def control(method: str, route: str, json: Any = None) -> Any:
            answer = await client.request(
                method, f"/_knect/{route}", template="/_knect", json=json, accept={400, 404}
            )
            return answer.data

        assert await control("GET", "state") == {}
        assert await control("GET", "faults") == {"5xx": 1}
        assert len(await control("GET", "log")) == 1
        assert await control("POST", "do/add", {"a": 1, "b": 2}) == 3
        assert "KeyError" in (await control("POST", "do/nothing", {}))["error"]
        assert "no such" in (await control("GET", "nowhere"))["error"]
        await control("POST", "faults", {"429": 1.0})
        assert isinstance(await post(client), errors.Throttled)
        await control("POST", "faults", {"force": ["html-200"]})
        assert isinstance(await post(client), errors.Unreachable)


async def test_many_requests_at_once() -> None:
    counting = Counting()
    async with (
        running(counting) as server,
        a_client(server.url, connections=32, deadline=60, connect=60, read=60) as client,
    ):
        answers = await asyncio.gather(*(post(client, str(number)) for number in range(300)))
    assert [error for error in answers if error is not None] == []
    assert counting.committed == {str(number): 1 for number in range(300)}
