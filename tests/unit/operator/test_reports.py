"""What workers say reaches the operator whole, however much it is and however it arrives."""

import asyncio
import json
from datetime import UTC, datetime

import aiohttp
import aiohttp.web
import pytest
from tests.support.real.ports import free_ports

from knect.api.reasons import ConditionReason
from knect.api.report import PipelineReport, WorkerReport
from knect_operator.reports import HttpWorkers, WorkerSilent


@pytest.fixture
async def saying():
    """Serve these pieces as the body of /status, each in a packet of its own."""
    runners = []

    async def saying(*pieces):
        async def status(request):
            answer = aiohttp.web.StreamResponse()
            await answer.prepare(request)
            for piece in pieces:
                await answer.write(piece)
                await asyncio.sleep(0.01)
            return answer

        application = aiohttp.web.Application()
        application.router.add_get("/status", status)
        runner = aiohttp.web.AppRunner(application)
        await runner.setup()
        runners.append(runner)
        (port,) = free_ports(1)
        await aiohttp.web.TCPSite(runner, "127.0.0.1", port).start()
        return f"127.0.0.1:{port}"

    yield saying
    for runner in runners:
        await runner.cleanup()


def a_report(pipelines):
    return WorkerReport(
        worker="night",
        version="0.1.0",
        document="d",
        started=datetime(2026, 11, 25, tzinfo=UTC),
        pipelines=tuple(PipelineReport(name=f"p{number}") for number in range(pipelines)),
    ).to_json()


async def test_a_report_that_comes_in_pieces_is_read_to_its_end(saying):
    text = a_report(3).encode()
    address = await saying(text[:100], text[100:200], text[200:])

    async with aiohttp.ClientSession() as session:
        report = await HttpWorkers(session).status(address)

    assert [one.name for one in report.pipelines] == ["p0", "p1", "p2"]


async def test_a_report_beyond_the_limit_is_refused_with_the_limit(saying):
    address = await saying(*[b" " * 1_000_000] * 5)

    async with aiohttp.ClientSession() as session:
        with pytest.raises(WorkerSilent, match="larger than 4 MiB"):
            await HttpWorkers(session).status(address)


def test_a_reason_of_a_newer_worker_does_not_make_it_silent():
    text = a_report(1).replace('"reason":"NotChecked"', '"reason":"NewInTheNextVersion"', 1)
    assert "NewInTheNextVersion" in text

    report = WorkerReport.from_json(text)

    assert report.ledger.reason is ConditionReason.OTHER
    assert [one.name for one in report.pipelines] == ["p0"]


def test_what_a_remote_says_steers_no_terminal_that_shows_a_condition() -> None:
    evil = "no\x1b[2J\u202esuch\x9b1m order"
    verdict = {"state": "False", "reason": "Unreachable", "message": evil}
    text = json.dumps(
        {
            "worker": "w",
            "version": "1",
            "document": "d",
            "started": "2026-01-01T00:00:00Z",
            "ledger": verdict,
            "connections": [{"name": "shop", "product": evil, "version": evil}],
            "pipelines": [
                {
                    "name": "orders",
                    "flowing": verdict,
                    "oldestStuck": {
                        "transaction": "t", "key": evil, "reason": "x",
                        "since": "2026-01-01T00:00:00Z",
                    },
                }
            ],
        }
    )  # fmt: skip
    read = WorkerReport.from_json(text)
    said = (
        read.ledger.message,
        read.connections[0].product,
        read.pipelines[0].flowing.message,
        read.pipelines[0].oldest_stuck.key if read.pipelines[0].oldest_stuck else None,
    )
    assert said == ("no [2J such 1m order",) * 4
