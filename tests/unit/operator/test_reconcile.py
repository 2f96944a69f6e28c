"""What a reconcile makes of a world: children, and nothing when nothing changed."""

import pytest
from tests.support.kube.bench import failing_at
from tests.support.kube.objects import a_pipeline, a_pod, a_shop
from tests.unit.operator.world import bad, whole

from knect.api.reasons import ConditionReason
from knect.api.worker import WorkerDocument
from knect_operator.controllers import ConnectionKey, UnitKey
from knect_operator.kube import Conflict, Forbidden, Refused, Unavailable


async def test_a_pipeline_gets_its_worker_and_is_ready_when_work_flows():
    bench = whole(a_pipeline())

    await bench.settle()

    assert set(bench.kube.of("Deployment")) == {"orders-worker"}
    assert {"orders-worker"} == set(bench.kube.of("NetworkPolicy"))
    assert bench.ready("orders") == ("True", "Succeeded")
    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")
    assert bench.kube.of("SyncPipeline")["orders"]["status"]["worker"] == "orders-worker"
    assert bench.kube.of("SyncPipeline")["orders"]["status"]["observedGeneration"] == 1


async def test_a_worker_may_go_out_to_the_ports_its_connections_name():
    bench = whole(a_pipeline())  # the ERP of this world is at http://erp.example.com

    await bench.settle()

    rules = bench.kube.of("NetworkPolicy")["orders-worker"]["spec"]["egress"]
    outside = next(rule for rule in rules if "except" in str(rule))
    assert [one["port"] for one in outside["ports"]] == [80, 443]


async def test_nothing_is_written_when_nothing_changed():
    bench = whole(a_pipeline(), a_pipeline("stock", worker={"group": "night"}))
    await bench.settle(rounds=6)
    bench.kube.calls.clear()

    for _ in range(20):
        bench.pass_time(15)
        await bench.settle(rounds=1)

    assert bench.kube.writes == []


async def test_a_connection_that_turns_ready_wakes_its_pipelines_without_waiting_for_the_watch():
    bench = whole(a_pipeline())
    await bench.observe()
    unit = UnitKey("default", "orders-worker")
    await bench.look(unit)
    await bench.observe()
    await bench.look(unit)
    woken = []
    bench.world.wake = woken.append

    await bench.look(ConnectionKey("default", "acme-shop"))

    assert bench.connection_ready("acme-shop")[0] == "True"
    assert unit in woken


async def test_a_restarted_operator_writes_nothing():
    bench = whole(a_pipeline())
    await bench.settle(rounds=6)
    bench.restart()
    bench.kube.calls.clear()

    await bench.settle(rounds=6)

    assert bench.kube.writes == []


@pytest.mark.parametrize("number", range(14))
async def test_a_reconcile_cut_at_any_write_ends_the_same_when_run_again(number):
    plain, cut = whole(a_pipeline()), whole(a_pipeline())
    await plain.settle(rounds=6)
    cut.kube.fault = failing_at(number, lambda: Unavailable("the API server is gone"))
    for _ in range(3):
        await cut.observe()
        try:
            await cut.look()
        except Unavailable:
            break
    cut.kube.fault = lambda *_: None
    cut.restart()

    await cut.settle(rounds=6)

    assert _shape(cut) == _shape(plain)


def _shape(bench):
    """All there is, without what counts writes."""
    return {
        key: {name: value for name, value in one.items() if name not in {"metadata", "status"}}
        for key, one in bench.kube.objects.items()
        if key[0] not in {"Event", "Pod"}
    } | {("Ready", "", "orders"): {"ready": bench.ready("orders")}}


async def test_what_others_changed_is_put_right_and_counted():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.of("Deployment")["orders-worker"]["spec"]["replicas"] = 0

    await bench.settle(rounds=2)

    assert bench.kube.of("Deployment")["orders-worker"]["spec"]["replicas"] == 1
    assert b"knect_drift_corrections_total 1.0" in bench.operator._metrics.page()


async def test_what_others_added_stays():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.of("Deployment")["orders-worker"]["metadata"]["labels"]["team"] = "web"
    bench.kube.calls.clear()

    await bench.settle(rounds=2)

    assert bench.kube.of("Deployment")["orders-worker"]["metadata"]["labels"]["team"] == "web"
    assert bench.kube.writes == []


async def test_a_stranger_of_the_same_name_is_not_taken_over():
    stranger = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "orders-worker", "namespace": "default"},
        "data": {"mine": "yes"},
    }
    bench = whole(a_pipeline(), stranger)

    await bench.settle()

    assert bench.kube.of("ConfigMap")["orders-worker"]["data"] == {"mine": "yes"}
    assert bench.ready("orders") == ("False", "NotAllowed")
    message = bench.condition("orders", "WorkerAvailable")["message"]
    assert message.startswith("there is a ConfigMap 'orders-worker' already, and it is not Knect's")


async def test_a_write_that_met_another_is_not_called_an_api_server_that_is_away():
    bench = whole(a_pipeline())

    def met(verb, kind, _name):
        if verb == "apply" and kind == "ConfigMap":
            raise Conflict("the object has been modified")

    bench.kube.fault = met
    await bench.settle()

    found = bench.condition("orders", "WorkerAvailable")
    assert found["reason"] == "Progressing"
    assert "somebody else changed it meanwhile" in found["message"]


async def test_pipelines_of_a_group_share_one_worker_that_outlives_each_of_them():
    group = {"worker": {"group": "night"}}
    bench = whole(
        a_pipeline("a", **group),
        a_pipeline("b", entity="customers", **group),
    )
    await bench.settle()
    document = WorkerDocument.from_json(
        bench.kube.of("ConfigMap")["night-group"]["data"]["worker.json"]
    )
    assert [one.name for one in document.pipelines] == ["a", "b"]

    bench.kube.drop("SyncPipeline", "a")
    await bench.settle()
    document = WorkerDocument.from_json(
        bench.kube.of("ConfigMap")["night-group"]["data"]["worker.json"]
    )
    assert [one.name for one in document.pipelines] == ["b"]

    bench.kube.drop("SyncPipeline", "b")
    await bench.settle()
    assert bench.kube.of("Deployment") == {}


async def test_a_pipeline_that_changes_its_group_leaves_no_old_worker():
    bench = whole(a_pipeline())
    await bench.settle()

    bench.kube.put(a_pipeline(worker={"group": "night"}))
    await bench.settle()

    assert set(bench.kube.of("Deployment")) == {"night-group"}
    assert set(bench.kube.of("ServiceAccount")) == {"night-group"}


async def test_suspended_says_so_and_keeps_what_was_known():
    bench = whole(a_pipeline())
    bench.workers.pipelines["orders"] = {"stuck": 2}
    await bench.settle()

    bench.kube.put(a_pipeline(suspend=True))
    await bench.settle()

    assert bench.ready("orders") == ("False", "Suspended")
    assert bench.kube.of("SyncPipeline")["orders"]["status"]["stuck"] == 2
    text = bench.kube.of("ConfigMap")["orders-worker"]["data"]["worker.json"]
    assert WorkerDocument.from_json(text).pipelines[0].spec.suspend


async def test_a_suspended_connection_suspends_who_uses_it():
    bench = whole(a_pipeline())
    bench.kube.put(a_shop(suspend=True))

    await bench.settle()

    text = bench.kube.of("ConfigMap")["orders-worker"]["data"]["worker.json"]
    document = WorkerDocument.from_json(text)
    assert document.is_suspended(document.pipelines[0])
    assert bench.ready("orders") == ("False", "Suspended")
    assert bench.connection_ready("acme-shop") == ("False", "Suspended")


async def test_run_now_is_passed_on_once_and_echoed():
    bench = whole(a_pipeline())
    await bench.settle()

    bench.kube.put(a_pipeline(annotations={"knect.dev/requested-at": "token-1"}))
    await bench.settle()

    assert bench.workers.wishes == [("orders", "token-1")]
    status = bench.kube.of("SyncPipeline")["orders"]["status"]
    assert status["lastHandledReconcileAt"] == "token-1"


async def test_hands_off_changes_nothing_but_shows():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.put(
        a_pipeline(
            annotations={"knect.dev/reconcile": "disabled"}, trigger={"poll": {"every": "9m"}}
        )
    )
    bench.kube.of("Deployment")["orders-worker"]["spec"]["replicas"] = 0

    await bench.settle()

    assert bench.kube.of("Deployment")["orders-worker"]["spec"]["replicas"] == 0
    assert bench.condition("orders", "ReconcileDisabled")["reason"] == "HandsOff"
    bench.kube.put(a_pipeline())
    await bench.settle()
    assert bench.kube.of("Deployment")["orders-worker"]["spec"]["replicas"] == 1
    assert bench.condition("orders", "ReconcileDisabled") == {}


async def test_a_pipeline_nobody_looks_at_is_not_called_ready():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.put(a_pipeline(annotations={"knect.dev/reconcile": "disabled"}))
    bench.workers.silent = True

    await bench.settle()

    assert bench.ready("orders") == ("Unknown", "HandsOff")
    bench.kube.put(a_pipeline())
    bench.workers.silent = False
    await bench.settle()
    assert bench.ready("orders") == ("True", "Succeeded")


async def test_hands_off_one_of_a_group_is_told_on_the_others_with_its_name():
    group = {"worker": {"group": "night"}}
    off = {"knect.dev/reconcile": "disabled"}
    bench = whole(
        a_pipeline("a", annotations=off, **group), a_pipeline("b", entity="customers", **group)
    )

    await bench.settle()

    message = bench.condition("b", "ReconcileDisabled")["message"]
    assert "annotation knect.dev/reconcile of a, which shares its worker, is disabled" in message


async def test_what_a_pipeline_of_a_group_cannot_have_of_its_own_is_told():
    def member(name, entity, memory, group="night"):
        worker = {"group": group, "resources": {"limits": {"memory": memory}}}
        return a_pipeline(name, entity=entity, worker=worker)

    bench = whole(member("a", "orders", "1Gi"), member("b", "customers", "4Gi"))

    await bench.settle()

    told = [one for one in bench.kube.of("Event").values() if one["reason"] == "InvalidSpec"]
    (note,) = [one["note"] for one in told if one["regarding"]["name"] == "b"]
    assert "spec.worker.resources has no effect" in note
    assert "pipeline a" in note
    assert [one for one in told if one["regarding"]["name"] == "a"] == []
    bench.kube.calls.clear()
    bench.pass_time(4000)
    await bench.settle(rounds=1)
    assert bench.kube.writes == []


async def test_a_spec_edited_during_its_reconcile_is_looked_at_again():
    bench = whole(a_pipeline())
    edited = a_pipeline(trigger={"poll": {"every": "7m"}})

    def fault(verb, kind, _name):
        if verb == "apply" and kind == "Deployment" and edited:
            bench.kube.fault = lambda *_: None
            bench.kube.put(edited)

    bench.kube.fault = fault
    with pytest.raises(Conflict):  # its status is not that of the edited one
        await bench.settle()
    await bench.settle()

    text = bench.kube.of("ConfigMap")["orders-worker"]["data"]["worker.json"]
    assert '"7m"' in text
    assert bench.kube.of("SyncPipeline")["orders"]["status"]["observedGeneration"] == 2


@pytest.mark.parametrize(
    ("error", "reason", "stalled"),
    [
        (Forbidden("pods is forbidden: exceeded quota: small"), "QuotaExceeded", False),
        (Forbidden("violates PodSecurity"), "NotAllowed", False),
        (Refused("Deployment is invalid: spec.template"), "NotAllowed", True),
    ],
)
async def test_what_the_api_server_refuses_is_a_condition_and_no_loop(error, reason, stalled):
    bench = whole(a_pipeline())

    def fault(verb, kind, _name):
        if verb == "apply" and kind == "Deployment":
            raise error

    bench.kube.fault = fault
    await bench.settle()

    assert bench.ready("orders") == ("False", reason)
    assert bool(bench.condition("orders", "Stalled")) is stalled


async def test_a_connection_with_webhooks_gets_a_receiver_and_loses_it_with_them():
    bench = whole(a_pipeline())
    bench.kube.put(a_shop(webhooks={"host": "hooks.example.com"}))
    await bench.settle()
    assert {"acme-shop-receiver"} <= set(bench.kube.of("Deployment"))
    assert set(bench.kube.of("Ingress")) == {"acme-shop-receiver"}
    assert set(bench.kube.of("PodDisruptionBudget")) == {"acme-shop-receiver"}

    bench.kube.put(a_shop())
    await bench.settle()

    assert set(bench.kube.of("Deployment")) == {"orders-worker"}
    assert bench.kube.of("Ingress") == {}


async def test_a_receiver_outlives_its_secret():
    bench = whole()
    bench.kube.put(a_shop(webhooks={"host": "hooks.example.com"}))
    await bench.settle()

    bench.kube.drop("Secret", "shop")
    await bench.settle()

    assert "acme-shop-receiver" in bench.kube.of("Deployment")
    assert bench.connection_ready("acme-shop") == ("False", "SecretNotFound")


async def test_a_connection_nobody_uses_is_checked_by_a_job():
    bench = whole()
    await bench.settle()
    assert bench.connection_ready("acme-shop") == ("Unknown", "NotChecked")
    jobs = bench.kube.of("Job")
    assert len(jobs) == 2
    left = (
        '[{"name": "acme-shop", "checked": "2026-11-25T12:00:00Z", '
        '"credentials": {"state": "True", "reason": "Succeeded"}, '
        '"reachable": {"state": "True", "reason": "Succeeded"}, '
        '"product": "Shopify", "version": "2026-07", "apiSunset": "2027-07-01", '
        '"entities": [{"name": "orders", "read": true}]}]'
    )
    ended = {"name": "knect", "state": {"terminated": {"exitCode": 0, "message": left}}}
    bench.kube.put(
        a_pod("acme-shop-receiver", component="check", phase="Succeeded", containerStatuses=[ended])
    )

    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")
    status = bench.kube.of("Connection")["acme-shop"]["status"]
    assert status["server"] == {
        "product": "Shopify",
        "version": "2026-07",
        "apiSunset": "2027-07-01",
    }
    assert status["lastCheckTime"] == "2026-11-25T12:00:00Z"
    assert set(bench.kube.of("Job")) == set(jobs)


async def test_wishes_become_jobs_that_go_with_the_wish():
    bench = whole(a_pipeline(annotations={"knect.dev/backfill": "2026-01-01T00:00:00Z#again"}))
    await bench.settle()
    (job,) = bench.kube.of("Job").values()
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[-4:] == ["--pipeline", "orders", "--since", "2026-01-01T00:00:00Z"]
    await bench.settle()
    assert len(bench.kube.of("Job")) == 1

    bench.kube.put(a_pipeline())
    await bench.settle()

    assert bench.kube.of("Job") == {}


async def test_events_are_said_once_per_change():
    bench = whole(a_pipeline())
    await bench.settle()
    first = set(bench.kube.of("Event"))
    for _ in range(10):
        bench.pass_time(15)
        await bench.settle(rounds=1)
    assert set(bench.kube.of("Event")) == first

    bench.workers.pipelines["orders"] = {
        "fresh": bad(ConditionReason.STALE, "not read since 12:00")
    }
    await bench.settle()

    new = [bench.kube.of("Event")[name] for name in set(bench.kube.of("Event")) - first]
    assert [(one["type"], one["reason"], one["note"]) for one in new] == [
        ("Warning", "Stale", "not read since 12:00")
    ]


async def test_names_of_any_length_give_names_and_labels_kubernetes_takes():
    long = "a" * 120 + "." + "b" * 132
    bench = whole(a_pipeline(long))

    await bench.settle()

    (name,) = bench.kube.of("Deployment")
    assert len(name) <= 52
    assert bench.ready(long) == ("True", "Succeeded")
    for one in bench.kube.objects.values():
        assert all(len(value) <= 63 for value in (one["metadata"].get("labels") or {}).values())
