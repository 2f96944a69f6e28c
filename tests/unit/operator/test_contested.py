"""Two hands at one object: Knect puts it right some times, then waits, says so, and tries again."""

from tests.support.kube.bench import Bench
from tests.support.kube.objects import a_pipeline
from tests.unit.operator.world import whole

DEPLOYMENT = "orders-worker"


def beside(bench, **settings):
    """Return another operator at the same API server."""
    other = Bench(**settings)
    other.kube = other.workers._kube = bench.kube
    other.restart()
    return other


def generation(bench):
    return bench.kube.of("Deployment")[DEPLOYMENT]["metadata"]["generation"]


async def in_turn(*benches, rounds, seconds=15.0):
    for _ in range(rounds):
        for bench in benches:
            await bench.settle(rounds=1)
            bench.pass_time(seconds)


async def test_two_installs_of_other_settings_do_not_restart_a_worker_for_ever():
    one = whole(a_pipeline())
    two = beside(one, worker={"image": "knect:other"})
    await in_turn(one, two, rounds=12)
    before = generation(one)

    await in_turn(one, two, rounds=10)

    assert generation(one) == before
    assert one.ready("orders") == ("False", "Contested")
    message = one.condition("orders", "Ready")["message"]
    assert "Deployment orders-worker" in message
    assert "spec.template.spec.containers[knect].image" in message
    assert "another installation of Knect" in message


async def test_once_the_other_install_is_gone_the_worker_is_as_declared():
    one = whole(a_pipeline())
    two = beside(one, worker={"image": "knect:other"})
    await in_turn(one, two, rounds=22)
    assert one.ready("orders") == ("False", "Contested")

    await in_turn(one, rounds=4, seconds=100)

    template = one.kube.of("Deployment")[DEPLOYMENT]["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "knect:0.1.0"
    await in_turn(one, rounds=8, seconds=100)  # it may not be over yet, and then it is
    assert one.ready("orders") == ("True", "Succeeded")


async def scaled_again_and_again(bench, rounds):
    for _ in range(rounds):
        deployment = bench.kube.of("Deployment")[DEPLOYMENT]
        deployment["spec"]["replicas"] = 2
        deployment["metadata"]["managedFields"] = [
            {"manager": "knect-operator", "time": "2026-11-25T12:09:00Z"},
            {"manager": "kube-controller-manager", "time": "2026-11-25T12:08:00Z"},
            {"manager": "kubectl", "time": "2026-11-01T12:08:00Z"},
        ]
        await bench.settle(rounds=1)
        bench.pass_time(15)


async def test_an_autoscaler_is_not_fought_for_ever_and_is_named():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.calls.clear()

    await scaled_again_and_again(bench, 12)

    applied = [one for one in bench.kube.calls if one[:2] == ("apply", "Deployment")]
    assert len(applied) == 3
    assert bench.ready("orders") == ("False", "Contested")
    message = bench.condition("orders", "Ready")["message"]
    assert "at spec.replicas, most likely by kube-controller-manager at 2026-11-25T12:08" in message


async def test_an_edit_is_applied_whoever_contests():
    bench = whole(a_pipeline())
    await bench.settle()
    await scaled_again_and_again(bench, 8)
    assert bench.ready("orders") == ("False", "Contested")

    bench.kube.put(a_pipeline(trigger={"poll": {"every": "7m"}}))
    await bench.settle(rounds=2)

    assert '"7m"' in bench.kube.of("ConfigMap")[DEPLOYMENT]["data"]["worker.json"]
    assert bench.kube.of("Deployment")[DEPLOYMENT]["spec"]["replicas"] == 1


async def test_a_correction_now_and_then_is_no_contest():
    bench = whole(a_pipeline())
    await bench.settle()

    for _ in range(8):
        bench.kube.of("Deployment")[DEPLOYMENT]["spec"]["replicas"] = 0
        await bench.settle(rounds=1)
        assert bench.kube.of("Deployment")[DEPLOYMENT]["spec"]["replicas"] == 1
        bench.pass_time(200)


async def test_what_is_written_in_its_own_way_is_no_contest_while_the_status_moves_on():
    """An empty value is dropped, and the Deployment's own controller writes in between."""
    bench = whole(a_pipeline())
    await bench.settle()
    apply, versions = bench.kube.apply, iter(range(900, 999))

    async def applied(document, **words):
        answer = await apply(document, **words)
        if document["kind"] == "Deployment" and not words.get("part"):
            moves_on()
            answer = bench.kube.of("Deployment")[DEPLOYMENT]
        return answer

    def moves_on():
        live = bench.kube.of("Deployment")[DEPLOYMENT]
        live["spec"]["template"]["spec"]["containers"][0].pop("image", None)
        live["metadata"]["resourceVersion"] = str(next(versions))

    bench.kube.apply = applied
    bench.kube.put(a_pipeline(worker={"nodeSelector": {"disk": "ssd"}}))
    for _ in range(6):
        await bench.settle(rounds=1)
        bench.pass_time(5)
        bench.kube.of("Deployment")[DEPLOYMENT]["metadata"]["resourceVersion"] = str(next(versions))

    assert bench.ready("orders")[1] != "Contested"
    assert b"knect_drift_corrections_total 0.0" in bench.operator._metrics.page()
