"""A process that lives for months: nothing grows with what is gone, nothing is written at rest."""

import copy

import pytest
from tests.support.kube.objects import a_pipeline, a_secret
from tests.unit.operator.world import bad, whole

from knect.api.reasons import ConditionReason
from knect_operator.controllers import UnitKey
from knect_operator.kube import Refused, Unavailable

STALE = {"fresh": bad(ConditionReason.STALE, "not read since 12:00")}


def kept(bench):
    """How many things the operator has noted, whatever of."""
    world = bench.world
    notes = (world._asked, world._warned, world._settled, world._pruned, world._contests._known)
    return [len(one) for one in (*notes, world.checker._known, world.store._read)]


async def test_what_was_noted_of_pipelines_that_are_gone_is_forgotten():
    bench = whole(a_pipeline())
    bench.kube.put(a_secret("shop", watched=False, accessToken="shpat_x"))
    await bench.settle()
    bench.pass_time(61)
    bench.world.sweep()
    before = kept(bench)
    token = {"knect.dev/requested-at": "x" * 300}
    for number in range(10):
        bench.kube.put(a_pipeline(f"p{number}", entity=f"e{number}", annotations=token))
        bench.kube.put(a_pipeline(f"q{number}", worker={"nodeSelector": {"a": "b"}}))
    await bench.settle(rounds=2)
    assert kept(bench) > before

    for number in range(10):
        bench.kube.drop("SyncPipeline", f"p{number}")
        bench.kube.drop("SyncPipeline", f"q{number}")
    await bench.settle(rounds=2)
    bench.pass_time(61)
    bench.world.sweep()

    assert kept(bench) == before


async def test_a_status_of_which_a_part_cannot_be_kept_is_not_written_at_each_look():
    """As with CRDs of before, which know a field less: it is refused, or dropped without a word."""
    bench = whole(a_pipeline())
    apply = bench.kube.apply

    async def of_before(document, **words):
        if words.get("part") == "status" and "lastSuccess" in document["status"]:
            bench.kube.calls.append(("refused", document["kind"], ""))
            raise Refused(".status.lastSuccess: field not declared in schema")
        return await apply(document, **words)

    bench.kube.apply = of_before
    bench.workers.pipelines["orders"] = {"last_success": bench.now}
    await bench.settle()
    assert bench.ready("orders") == ("True", "Succeeded")
    bench.kube.calls.clear()

    for _ in range(4):
        bench.pass_time(15)
        await bench.settle(rounds=1)

    assert bench.kube.writes == []
    bench.workers.pipelines["orders"] |= STALE
    await bench.settle()
    assert bench.ready("orders") == ("False", "Stale")


async def test_an_object_of_ours_that_lost_its_label_is_still_ours():
    bench = whole(a_pipeline())
    await bench.settle()
    deployment = copy.deepcopy(bench.kube.of("Deployment")["orders-worker"])
    del deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    bench.kube.objects["Deployment", "default", "orders-worker"] = deployment

    await bench.settle()

    labels = bench.kube.of("Deployment")["orders-worker"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "knect-operator"
    assert bench.ready("orders") == ("True", "Succeeded")


@pytest.mark.parametrize("woken", [False, True])
async def test_an_api_server_that_says_when_to_come_back_is_left_alone_until_then(woken):
    bench = whole(a_pipeline())
    await bench.settle()
    queue, unit = bench.operator.queue, UnitKey("default", "orders-worker")

    def busy(verb, _kind, _name):
        if verb != "list":
            raise Unavailable("apply Deployment: too many requests", 30.0)

    bench.kube.put(a_pipeline(trigger={"poll": {"every": "7m"}}))
    await bench.operator.resync.list_all()
    bench.kube.fault = busy
    entry = queue._entries[unit]
    queue._begin(unit)
    (looking,) = queue._tasks
    await looking
    if woken:
        queue.add(unit)

    assert entry.failures == 1
    assert entry.due == pytest.approx(bench._seconds() + 30.0)


async def test_an_api_server_that_was_away_for_long_is_asked_again_soon():
    """What a user has changed meanwhile is not looked at minutes after it is back."""
    bench = whole(a_pipeline())
    await bench.settle()
    queue, unit = bench.operator.queue, UnitKey("default", "orders-worker")
    queue._chance = lambda: 1.0

    def away(_verb, _kind, _name):
        raise Unavailable("get Deployment: no answer")

    bench.kube.put(a_pipeline(trigger={"poll": {"every": "7m"}}))
    await bench.operator.resync.list_all()
    bench.kube.fault = away
    queue.add(unit)
    for _ in range(20):
        queue._begin(unit)
        (looking,) = queue._tasks
        await looking

    entry = queue._entries[unit]
    assert entry.failures == 20
    assert entry.due - bench._seconds() <= 30.0
