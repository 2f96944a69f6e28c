"""What a group of transactions came to is counted, each stage by how long it took."""

from pathlib import Path

from tests.support.toy import World, an_order

from knect.engine.telling.gauges import Gauges
from knect.engine.working.options import WorkerOptions
from knect.engine.working.worker import Worker
from knect.sdk.errors import Throttled
from knect.sdk.http import ClientFactory
from knect.telemetry import Metrics


def _samples(metrics: Metrics) -> dict[str, float]:
    lines = (line.split(" ") for line in metrics.text().decode().splitlines())
    return {name: float(value) for name, value, *_ in lines if not name.startswith("#")}


async def _work(world: World, metrics: Metrics) -> None:
    world.clock.advance(60)
    worker = Worker(
        world.document(),
        ledger=world.ledger,
        catalog=world.catalog,
        http=ClientFactory(clock=world.clock),
        options=WorkerOptions(clock=world.clock),
        committed=Gauges(metrics, world.clock).committed,
    )
    await worker.start()
    await worker.run_once()
    await worker.close()


async def test_fates_stages_and_the_last_success_are_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    async with World(tmp_path) as world:
        for number in ("1001", "1002"):
            world.shop.put(f"g{number}", **an_order(number))
        world.shop.put("g1003", **an_order("1003", total="19.99"))  # no sum of its lines
        await _work(world, metrics)
        at = world.clock.now().timestamp()
    found = _samples(metrics)
    of = 'entity="orders"'
    ended = f"knect_transactions_ended_total{{{of}"
    assert found[f'{ended},fate="delivered",pipeline="orders",reason_class=""}}'] == 2
    rejected = f'{ended},fate="rejected",pipeline="orders",reason_class="TotalsMismatch"}}'
    assert found[rejected] == 1
    journeys = f"knect_transaction_duration_seconds_count{{{of}"
    assert found[f'{journeys},pipeline="orders"}}'] == 3
    stages = f"knect_stage_duration_seconds_count{{{of}"
    counts = {
        stage: found.get(f'{stages},pipeline="orders",stage="{stage}"}}')
        for stage in ("extract", "map", "resolve", "deliver")
    }
    assert counts == {"extract": 3, "map": 2, "resolve": 2, "deliver": 2}
    last = found['knect_last_success_timestamp_seconds{pipeline="orders"}']
    assert 0 <= at - last < 60


async def test_what_was_put_off_is_counted_once_for_each_time_it_was_taken_up(
    tmp_path: Path,
) -> None:
    metrics, waits = Metrics(), [Throttled("slow down", retry_after=1.0)]

    def once(_calls: object) -> None:
        if waits:
            raise waits.pop()

    async with World(tmp_path) as world:
        world.shop.put("g1001", **an_order("1001"))
        world.erp.before = once
        await _work(world, metrics)
    found, of = _samples(metrics), 'entity="orders",pipeline="orders"'
    counts = {
        stage: found[f'knect_stage_duration_seconds_count{{{of},stage="{stage}"}}']
        for stage in ("extract", "map", "resolve", "deliver")
    }
    assert counts == {"extract": 2, "map": 2, "resolve": 2, "deliver": 1}
