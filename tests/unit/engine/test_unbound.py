"""A change of what the ERP just took is not left out before the answer about it has arrived."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.toy import World, a_pipeline, an_order

from knect.engine.deciding.policy import Verdict
from knect.engine.delivering.unbound import await_counterparts
from knect.ledger import Fate
from knect.sdk.errors import Unreachable

LEFT_OUT = Verdict(fate=Fate.SKIPPED, reason="NotAtDestination", message="it is not in shop")
#: A pipeline the other way: from the ERP to the shop.
BACK: Any = SimpleNamespace(entity="orders", source="erp", destination="shop")


def a_job(created_us: int, verdict: Verdict = LEFT_OUT) -> Any:
    claimed = SimpleNamespace(created_us=created_us, source_id="SO-1")
    job = SimpleNamespace(verdict=verdict, bound=None, claimed=claimed)
    job.judge = lambda changed: setattr(job, "verdict", changed)
    return job


async def an_open_write(world: World) -> int:
    """Let an order be written with no answer; return when it was discovered."""

    def lost(_calls: object) -> None:
        raise Unreachable("connection reset")

    world.erp.after = lost
    world.erp.look_up_fails = [Unreachable("away") for _ in range(20)]
    await world.run_with_news(lambda: world.shop.put("g1", **an_order("1001")))
    (row,) = await world.transactions()
    assert row.fate == "unknown"
    return int(row.created_us)


async def test_it_waits_while_a_write_has_no_known_outcome(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        job = a_job(await an_open_write(world) + 1)
        await await_counterparts(world.ledger, BACK, [job])
        assert (job.verdict.fate, job.verdict.reason) == (Fate.WAITING, "OutcomeUnknown")
        assert job.verdict.waits_for == "orders:SO-1@shop"  # a binding wakes it
        assert job.verdict.next_in is not None  # and so does time


async def test_what_was_read_before_that_write_began_is_left_out(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        job = a_job(await an_open_write(world) - 1)
        await await_counterparts(world.ledger, BACK, [job])
        assert job.verdict is LEFT_OUT


async def test_it_is_left_out_when_every_outcome_is_known(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        created = await an_open_write(world)
        world.erp.after = None
        world.erp.look_up_fails = []
        world.clock.advance(3600)
        await world.run()
        assert await world.fates() == ["delivered"]
        job = a_job(created + 1)
        await await_counterparts(world.ledger, BACK, [job])
        assert job.verdict is LEFT_OUT


async def test_other_ends_are_left_alone(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        created = await an_open_write(world)
        other = Verdict(fate=Fate.SKIPPED, reason="AdmitSkip")
        jobs = [a_job(created + 1, other)]
        await await_counterparts(world.ledger, BACK, jobs)
        assert jobs[0].verdict is other
