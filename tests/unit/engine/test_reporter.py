"""The report: true, complete, masked, and there even when the ledger is not."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.toy import World, a_pipeline, an_order

from knect.api.pipeline import Trigger
from knect.api.reasons import ConditionReason as R
from knect.api.report import VerdictState, WorkerReport
from knect.engine.working.reporter import Reporter, Session, read_due
from knect.ledger import LedgerError
from knect.ledger.instants import to_us
from knect.ledger.store.trouble import Trouble


class Away:
    """A ledger that is not there."""

    trouble: Trouble | None = None

    async def read(self, query: Any) -> Any:
        raise LedgerError("the ledger's host is down")


def _reporter(world: World) -> Reporter:
    return Reporter(world.document(), digest="d1", worker="pod-1", clock=world.clock)


def _session(ledger: Any) -> Session:
    return Session(ledger=ledger, connections=dict, unanswered=lambda _: 0.0, stalled=lambda _: 0.0)


def _only(reporter: Reporter) -> Any:
    (found,) = WorkerReport.from_json(reporter.report().to_json()).pipelines
    return found


UNKNOWN = {"sku": "NO", "quantity": "2", "price": "10.00"}


async def test_a_report_before_during_and_after_the_ledger(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1001"))
        world.shop.put("g2", **an_order("1002", lines=[UNKNOWN]))
        world.clock.advance(60)
        await world.run()
        reporter = _reporter(world)
        before = _only(reporter)
        assert before.flowing.state is VerdictState.UNKNOWN
        reporter.begins(_session(world.ledger))
        await reporter.refresh()
        during = _only(reporter)
        assert during.flowing.state is VerdictState.TRUE, during
        assert during.fresh.state is VerdictState.TRUE, during
        assert (during.seen, during.fates["delivered"], during.fates["waiting"]) == (2, 1, 1)
        assert (during.balanced, during.stuck) == (True, 1)
        assert (during.oldest_stuck.key, during.oldest_stuck.reason) == ("1002", "UnknownSku")
        assert during.last_success is not None
        assert during.complete_until is not None
        again = reporter.report().to_json()
        world.clock.advance(30)
        await reporter.refresh()
        assert reporter.report().to_json() == again, "nothing moves when nothing happens"

        world.clock.advance(3600)
        await reporter.refresh()
        stale = _only(reporter)
        assert stale.fresh.reason is R.STALE
        reporter.begins(_session(Away()))
        await reporter.refresh()
        after = _only(reporter)
        assert reporter.report().ledger.reason is R.LEDGER_UNAVAILABLE
        assert after.flowing.message == "the ledger's host is down"
        assert after.seen == 2, "what was known is still told"


class Hanging(Away):
    """A ledger whose questions wait, and find it away meanwhile."""

    async def read(self, query: Any) -> Any:
        await asyncio.Event().wait()


async def test_a_ledger_found_away_is_told_before_a_question_ends(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        reporter, ledger = _reporter(world), Hanging()
        reporter.begins(_session(ledger))
        asking = asyncio.create_task(reporter.refresh())
        await asyncio.sleep(0)
        assert reporter.report().ledger.state is VerdictState.TRUE
        ledger.trouble = Trouble(sentence="db: refused", since_us=to_us(world.clock.now()))
        assert reporter.report().ledger.state is VerdictState.TRUE, "a blip is not told"
        world.clock.advance(1)
        assert reporter.report().ledger.reason is R.LEDGER_UNAVAILABLE
        assert _only(reporter).flowing.message == "db: refused"
        assert not asking.done()
        asking.cancel()


async def test_the_key_of_a_masked_record_is_not_told(tmp_path: Path) -> None:
    masked = a_pipeline(privacy={"mask": ["number"]})
    async with World(tmp_path, masked) as world:
        world.shop.put("g2", **an_order("masked-1002", lines=[UNKNOWN]))
        world.clock.advance(60)
        await world.run()
        reporter = _reporter(world)
        reporter.begins(_session(world.ledger))
        await reporter.refresh()
        assert _only(reporter).oldest_stuck.key == "***"
        assert "masked-1002" not in reporter.report().to_json()


async def test_more_stuck_than_declared_is_no_flow(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(expect={"maxStuck": 0})) as world:
        world.shop.put("g2", **an_order("1002", lines=[UNKNOWN]))
        world.clock.advance(60)
        await world.run()
        reporter = _reporter(world)
        reporter.begins(_session(world.ledger))
        await reporter.refresh()
        assert _only(reporter).flowing.reason is R.STUCK_BEYOND_LIMIT


async def test_a_read_is_due_when_it_was_declared(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        at, patience = world.clock.now(), world.document().pipelines[0].spec.delivery.stalled_after
        kinds = (
            ({"poll": {"every": "10m"}}, 15),
            ({"webhook": {"reconcileEvery": "15m"}}, 20),
            ({"schedule": {"cron": "30 * * * *", "timeZone": "Europe/Berlin"}}, 35),
        )
        for trigger, minutes in kinds:
            due = read_due(Trigger.model_validate(trigger), at, patience.delta)
            assert (due - at).total_seconds() == minutes * 60
