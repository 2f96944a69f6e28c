"""A cluster that is not kind: what others change, refuse, evict or keep from us."""

import copy

import pytest
from tests.support.kube.objects import a_pipeline, a_pod, a_secret, a_shop
from tests.unit.operator.world import whole

from knect.api.report import StuckReport
from knect_operator.controllers import ConnectionKey, UnitKey
from knect_operator.kube import Forbidden, Unavailable
from knect_operator.store import Store

GOOD = '{"state": "True", "reason": "Succeeded"}'


def checked(name, at):
    """A check's pod with the report it left."""
    left = f'[{{"name": "{name}", "checked": "{at}", "credentials": {GOOD}, "reachable": {GOOD}}}]'
    ended = {"name": "knect", "state": {"terminated": {"exitCode": 0, "message": left}}}
    return a_pod(
        f"{name}-receiver", component="check", phase="Succeeded", containerStatuses=[ended]
    )


async def unused_and_checked():
    """A bench with a Connection that no pipeline uses and whose check went well."""
    bench = whole()
    await bench.settle()
    bench.kube.put(checked("acme-shop", "2026-11-25T12:00:00Z"))
    await bench.settle()
    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")
    bench.kube.drop("Pod", "acme-shop-receiver-x1")
    bench.pass_time(3700)  # another check is due
    return bench


def fail(job, message="Job was active longer than specified deadline"):
    job["status"] = {
        "conditions": [
            {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": message}
        ]
    }


def job_of(bench, connection):
    (name,) = [name for name in bench.kube.of("Job") if name.startswith(connection)]
    return bench.kube.of("Job")[name]


async def test_a_connection_whose_check_cannot_run_is_not_called_ready():
    bench = await unused_and_checked()
    await bench.settle(rounds=2)
    assert bench.connection_ready("acme-shop")[0] == "True"  # the new check has not ended
    fail(job_of(bench, "acme-shop"))

    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("Unknown", "NotChecked")
    message = bench.condition("acme-shop", "Ready", "Connection")["message"]
    assert "DeadlineExceeded: Job was active longer than specified deadline" in message
    assert "kubectl describe job" in message


async def test_a_check_that_failed_is_made_again_and_its_success_shows():
    bench = await unused_and_checked()
    await bench.settle(rounds=2)
    first = job_of(bench, "acme-shop")["metadata"]["name"]
    fail(job_of(bench, "acme-shop"))
    await bench.settle()

    bench.pass_time(301)
    await bench.settle()
    again = job_of(bench, "acme-shop")["metadata"]["name"]
    assert again != first
    assert bench.connection_ready("acme-shop") == ("Unknown", "NotChecked")
    bench.kube.put(checked("acme-shop", "2026-11-25T13:10:00Z"))
    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")


async def test_a_check_that_may_not_be_made_is_told():
    bench = await unused_and_checked()

    def fault(verb, kind, _name):
        if verb == "apply" and kind == "Job":
            raise Forbidden("jobs.batch is forbidden: exceeded quota: small")

    bench.kube.fault = fault
    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("False", "QuotaExceeded")
    assert (
        "exceeded quota: small" in (bench.condition("acme-shop", "Ready", "Connection")["message"])
    )


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_a_pod_that_was_evicted_says_nothing_of_the_one_that_took_its_place(phase):
    bench = whole(a_pipeline())
    await bench.settle()
    ended = {"terminated": {"reason": "OOMKilled", "finishedAt": "2026-11-25T12:00:00Z"}}
    state = {"name": "knect", "ready": False, "restartCount": 3, "state": {}, "lastState": ended}
    gone = a_pod("orders-worker", phase=phase, reason="Evicted", containerStatuses=[state])
    gone["metadata"]["name"] = "orders-worker-evicted"
    bench.kube.put(gone)

    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")


async def test_what_another_hand_rewrites_each_time_is_not_applied_for_ever():
    bench = whole(a_pipeline())
    await bench.settle()
    rewritten = "registry.corp/knect:0.1.0"
    apply = bench.kube.apply

    async def applied(document, **words):
        answer = await apply(document, **words)
        if document["kind"] == "Deployment" and not words.get("part"):
            live = bench.kube.of("Deployment")["orders-worker"]
            live["spec"]["template"]["spec"]["containers"][0]["image"] = rewritten
            live["metadata"]["resourceVersion"] = "900"
            answer = live
        return answer

    bench.kube.apply = applied
    bench.kube.put(a_pipeline(worker={"nodeSelector": {"disk": "ssd"}}))
    await bench.settle()
    bench.kube.calls.clear()

    for _ in range(4):
        bench.pass_time(15)
        await bench.settle(rounds=1)

    assert bench.kube.writes == []
    assert b"knect_drift_corrections_total 0.0" in bench.operator._metrics.page()


async def test_a_token_too_long_to_be_echoed_does_not_freeze_the_status():
    bench = whole(a_pipeline(annotations={"knect.dev/requested-at": "x" * 257}))
    await bench.settle()

    assert bench.workers.wishes == []
    assert "lastHandledReconcileAt" not in bench.kube.of("SyncPipeline")["orders"]["status"]
    notes = [one["note"] for one in bench.kube.of("Event").values()]
    assert any("knect.dev/requested-at has 257 characters" in note for note in notes)


async def test_a_long_key_is_cut_to_what_a_status_may_hold():
    bench = whole(a_pipeline())
    bench.workers.pipelines["orders"] = {
        "stuck": 1,
        "oldest_stuck": StuckReport(
            transaction="0193", key="k" * 400, reason="UnknownSku", since=bench.now
        ),
    }
    bench.workers.connections["acme-shop"] = {"product": "P" * 300, "version": "1"}

    await bench.settle()

    assert len(bench.kube.of("SyncPipeline")["orders"]["status"]["oldestStuck"]["key"]) == 256
    assert len(bench.kube.of("Connection")["acme-shop"]["status"]["server"]["product"]) == 256


async def test_an_unlabelled_secret_that_goes_wakes_its_connection():
    bench = whole(a_pipeline())
    bench.kube.put(a_secret("shop", watched=False, accessToken="shpat_x"))
    await bench.settle()
    bench.pass_time(61)
    bench.kube.drop("Secret", "shop")
    woken = []
    bench.world.wake = woken.append

    await bench.look(UnitKey("default", "orders-worker"))

    assert ConnectionKey("default", "acme-shop") in woken


async def test_a_connection_of_an_unlabelled_secret_is_looked_at_within_a_minute():
    bench = whole()
    bench.kube.put(a_secret("shop", watched=False, accessToken="shpat_x"))
    await bench.settle()
    bench.kube.put(checked("acme-shop", "2026-11-25T12:00:00Z"))
    await bench.settle()
    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")

    wait = await bench.operator._reconcile(ConnectionKey("default", "acme-shop"))

    assert wait <= 60


def test_an_object_that_is_gone_does_not_come_back_by_a_late_answer():
    store = Store()
    shop = a_shop()
    shop["metadata"] |= {"uid": "u1", "generation": 1, "resourceVersion": "7"}
    store.put(shop)
    store.remove("Connection", ("default", "acme-shop"), uid="u1", version="9")

    store.put(shop)  # a page of a listing, or the answer of a write, that was under way

    assert not store.has("Connection", ("default", "acme-shop"))


async def test_a_secret_that_loses_its_label_is_still_found():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.put(a_secret("shop", watched=False, accessToken="shpat_x"))
    gone = copy.deepcopy(bench.kube.of("Secret")["shop"])

    # who watches by label is told that it is gone, with the version it now has
    bench.operator.observed("DELETED", gone)
    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")
    assert bench.ready("orders") == ("True", "Succeeded")


def unreachable_webhook(bench, kind):
    """Fail each apply of a kind, as an API server does that cannot reach somebody's webhook."""

    def fault(verb, what, _name):
        if verb == "apply" and what == kind:
            raise Unavailable('failed calling webhook "policy.corp": connection refused')

    bench.kube.fault = fault


async def test_an_edit_that_a_broken_webhook_keeps_out_is_told_after_a_minute():
    bench = whole(a_pipeline())
    await bench.settle()
    unreachable_webhook(bench, "Deployment")
    bench.kube.put(a_pipeline(trigger={"poll": {"every": "7m"}}))
    await bench.observe()
    unit = UnitKey("default", "orders-worker")
    for seconds in (0, 30):
        bench.pass_time(seconds)
        with pytest.raises(Unavailable):
            await bench.look(unit)
        assert bench.ready("orders") == ("True", "Succeeded")  # it may pass

    bench.pass_time(31)
    with pytest.raises(Unavailable):  # so that it is tried again, with growing pauses
        await bench.look(unit)

    assert bench.ready("orders") == ("Unknown", "Progressing")
    assert 'webhook "policy.corp"' in bench.condition("orders", "Ready")["message"]
    assert bench.condition("orders", "Ready")["observedGeneration"] == 2
    bench.kube.fault = lambda *_: None
    await bench.settle()
    assert bench.ready("orders") == ("True", "Succeeded")
    unreachable_webhook(bench, "Deployment")
    bench.kube.put(a_pipeline(trigger={"poll": {"every": "9m"}}))
    await bench.observe()
    with pytest.raises(Unavailable):
        await bench.look(unit)
    assert bench.ready("orders") == ("True", "Succeeded")  # a new trouble, a new minute


async def test_a_check_that_a_broken_webhook_keeps_out_is_told_after_a_minute():
    bench = await unused_and_checked()
    unreachable_webhook(bench, "Job")
    await bench.observe()
    shop = ConnectionKey("default", "acme-shop")
    with pytest.raises(Unavailable):
        await bench.look(shop)
    bench.pass_time(61)

    with pytest.raises(Unavailable):
        await bench.look(shop)

    assert bench.connection_ready("acme-shop") == ("Unknown", "Progressing")
    message = bench.condition("acme-shop", "Ready", "Connection")["message"]
    assert 'webhook "policy.corp"' in message


async def test_a_defect_of_ours_is_told_and_does_not_leave_an_old_ready():
    bench = whole(a_pipeline())
    await bench.settle()
    unit = UnitKey("default", "orders-worker")

    class Broken:
        def pipeline_problems(self, _key):
            raise TypeError("unsupported operand")

    bench.world.checker = Broken()
    for _ in range(2):
        with pytest.raises(TypeError):
            await bench.look(unit)
        bench.pass_time(61)

    assert bench.ready("orders") == ("Unknown", "Progressing")
    message = bench.condition("orders", "Ready")["message"]
    assert "TypeError, see its log" in message
