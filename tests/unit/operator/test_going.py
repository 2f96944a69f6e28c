"""What was told to go and is still there: pods of lost nodes, objects held by a finalizer."""

import pytest
from tests.support.kube.objects import a_pipeline, a_pod, a_shop
from tests.unit.operator.world import whole

#: The bench's clock stands at 12:00.
TOLD = "2026-11-25T11:58:00Z"


def a_lost_pod(name="orders-worker-lost", *, until=TOLD, component="worker"):
    pod = a_pod("orders-worker", component=component)
    pod["metadata"] |= {
        "name": name,
        "deletionTimestamp": until,
        "deletionGracePeriodSeconds": 60,
    }
    pod["spec"] = {"nodeName": "node-7"}
    return pod


def without_a_pod(deployment):
    """A roll-out by which the last pod was told to end, as its Deployment says."""
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "unavailableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}],
    }


async def test_a_pod_of_a_lost_node_that_keeps_a_worker_from_starting_is_named():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    without_a_pod(bench.kube.of("Deployment")["orders-worker"])
    bench.kube.put(a_lost_pod())

    await bench.settle()

    assert bench.ready("orders") == ("False", "PodNotGone")
    message = bench.condition("orders", "Ready")["message"]
    for words in (
        "pod orders-worker-lost on node node-7 was told to end at 2026-11-25T11:57:00Z",
        "Kubernetes starts no other pod before it is gone",
        "the leases it holds in the ledger run out within 1m",
        "Knect removes no such pod",
        "kubectl delete node node-7",
        "kubectl delete pod orders-worker-lost --grace-period=0 --force",
    ):
        assert words in message


async def test_a_pod_of_a_lost_node_that_was_replaced_is_named_and_ready_stays():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.put(a_lost_pod())

    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")
    found = bench.condition("orders", "WorkerAvailable")
    assert found["status"] == "True"
    assert "pod orders-worker-lost on node node-7" in found["message"]
    assert "another pod works in its place" in found["message"]
    bench.kube.drop("Pod", "orders-worker-lost")
    await bench.settle()
    assert bench.condition("orders", "WorkerAvailable")["message"] == ""


async def test_a_pod_that_is_only_ending_is_no_lost_one():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    without_a_pod(bench.kube.of("Deployment")["orders-worker"])
    bench.kube.put(a_lost_pod(until="2026-11-25T11:59:30Z"))

    await bench.settle()

    assert bench.condition("orders", "WorkerAvailable")["reason"] == "Progressing"
    bench.pass_time(31)
    await bench.settle()
    assert bench.condition("orders", "WorkerAvailable")["reason"] == "PodNotGone"


def deleted(document, finalizer="corp.example/billing"):
    document["metadata"] |= {
        "deletionTimestamp": TOLD,
        "finalizers": [finalizer],
    }
    return document


async def test_a_pipeline_held_by_a_finalizer_does_not_go_on_being_called_ready():
    bench = whole(a_pipeline())
    await bench.settle()
    assert bench.ready("orders")[0] == "True"

    bench.kube.put(deleted(a_pipeline()))
    await bench.settle()

    assert bench.kube.of("Deployment") == {}
    assert bench.ready("orders") == ("False", "BeingDeleted")
    message = bench.condition("orders", "Ready")["message"]
    assert f"deleted at {TOLD}" in message
    assert "corp.example/billing" in message
    assert "its worker was stopped" in message
    bench.kube.calls.clear()
    await bench.settle()
    assert bench.kube.writes == []


async def test_the_worker_of_a_group_works_without_the_one_that_is_deleted():
    group = {"worker": {"group": "night"}}
    bench = whole(a_pipeline("a", **group), a_pipeline("b", entity="customers", **group))
    await bench.settle()

    bench.kube.put(deleted(a_pipeline("a", **group)))
    await bench.settle()

    assert bench.ready("b") == ("True", "Succeeded")
    assert "worker night-group works without it" in bench.condition("a", "Ready")["message"]


async def test_a_connection_held_by_a_finalizer_stops_who_uses_it_and_says_so():
    bench = whole(a_pipeline())
    await bench.settle()

    bench.kube.put(deleted(a_shop()))
    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("False", "BeingDeleted")
    assert bench.ready("orders") == ("False", "BeingDeleted")
    assert bench.kube.of("Deployment") == {}
    message = bench.condition("orders", "Ready")["message"]
    assert "Connection 'acme-shop': it was deleted" in message


PAUSED = {
    "manager": "kubectl-rollout",
    "operation": "Update",
    "time": "2026-11-25T11:00:00Z",
    "fieldsV1": {"f:spec": {"f:paused": {}}},
}


def pause(bench, name="orders-worker"):
    deployment = bench.kube.of("Deployment")[name]
    deployment["spec"]["paused"] = True
    deployment["metadata"]["managedFields"] = [
        {"manager": "knect-operator", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        PAUSED,
    ]
    return deployment


async def test_a_paused_deployment_is_called_paused_and_by_whom():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    deployment = pause(bench)
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": 1,
        "availableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused"}],
    }
    bench.kube.put(a_pod("orders-worker"))

    await bench.settle()

    assert bench.ready("orders") == ("False", "Paused")
    message = bench.condition("orders", "Ready")["message"]
    assert "spec.paused was set by kubectl-rollout at 2026-11-25T11:00:00Z" in message
    assert "kubectl rollout resume deployment/orders-worker" in message


async def test_a_deployment_that_was_paused_at_rest_says_so_and_stays_ready():
    bench = whole(a_pipeline())
    await bench.settle()
    pause(bench)

    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")
    assert "is paused" in bench.condition("orders", "WorkerAvailable")["message"]


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (
            {
                "phase": "Pending",
                "containerStatuses": [
                    {"name": "knect", "state": {"waiting": {"reason": "ContainerCreating"}}}
                ],
            },
            "pod orders-worker-x1 waits: ContainerCreating, see kubectl describe pod",
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "low on resource: memory"},
            "pod orders-worker-x1 ended: Evicted: low on resource: memory",
        ),
    ],
)
async def test_what_the_last_pod_waits_for_or_ended_of_is_told(pod, words):
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    deployment = bench.kube.of("Deployment")["orders-worker"]
    without_a_pod(deployment)
    deployment["status"]["conditions"][0]["status"] = "False"
    bench.kube.put(a_pod("orders-worker", **{"containerStatuses": [], "podIP": "", **pod}))

    await bench.settle()

    assert bench.ready("orders") == ("False", "WorkerNotReady")
    assert words in bench.condition("orders", "Ready")["message"]


def goes_by(bench, name="orders-worker"):
    """Let the worker's process go on by the document it has now."""
    bench.workers.runs[name] = bench.kube.of("ConfigMap")[name]["data"]["worker.json"]


async def test_a_pipeline_is_not_called_suspended_before_its_worker_rests():
    bench = whole(a_pipeline())
    await bench.settle()
    goes_by(bench)

    bench.kube.put(a_pipeline(suspend=True))
    await bench.settle()

    assert bench.ready("orders") == ("Unknown", "Progressing")
    assert "may go on as before" in bench.condition("orders", "Ready")["message"]
    bench.workers.runs.clear()
    await bench.settle()
    assert bench.ready("orders") == ("False", "Suspended")
    assert bench.condition("orders", "Reconciling") == {}
    bench.workers.silent = True  # whoever is started next rests as well
    await bench.settle()
    assert bench.ready("orders") == ("False", "Suspended")


async def test_a_pipeline_whose_paused_worker_cannot_be_suspended_says_so():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    bench.kube.put(a_pod("orders-worker"))
    goes_by(bench)
    deployment = pause(bench)
    bench.kube.put(a_pipeline(suspend=True))
    await bench.settle(rounds=2)
    deployment = bench.kube.of("Deployment")["orders-worker"]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": 1,
        "availableReplicas": 1,
    }

    await bench.settle()

    assert bench.ready("orders") == ("False", "Paused")
    message = bench.condition("orders", "Ready")["message"]
    assert "may go on as before; Deployment orders-worker is paused" in message


async def test_a_member_that_is_held_while_its_group_is_paused_says_that_it_may_go_on():
    group = {"worker": {"group": "team"}}
    broken = {"set": {"comment": "order.nothing +"}}
    bench = whole(a_pipeline(**group), a_pipeline("more", entity="customers", **group), pods=False)
    await bench.settle()
    bench.kube.put(a_pod("team-group"))
    goes_by(bench, "team-group")
    pause(bench, "team-group")
    bench.kube.put(a_pipeline(mapping=broken, **group))
    await bench.settle(rounds=2)
    deployment = bench.kube.of("Deployment")["team-group"]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": 1,
        "availableReplicas": 1,
    }

    await bench.settle()

    assert bench.ready("orders") == ("False", "ExpressionInvalid")
    message = bench.condition("orders", "Ready")["message"]
    assert message.startswith("spec.mapping.set.comment: ")
    held = "it is held; until its worker has taken that up it may go on as before"
    assert f"; {held}; Deployment team-group is paused: " in message

    del deployment["spec"]["paused"]
    bench.workers.runs.clear()
    await bench.settle()
    assert held not in bench.condition("orders", "Ready")["message"]
    bench.workers.silent = True  # whoever is started next does not know it either
    await bench.settle()
    assert held not in bench.condition("orders", "Ready")["message"]


async def test_a_connection_is_not_called_suspended_before_its_workers_rest():
    bench = whole(a_pipeline())
    await bench.settle()
    goes_by(bench)

    bench.kube.put(a_shop(suspend=True))
    await bench.settle()

    assert bench.connection_ready("acme-shop") == ("Unknown", "Progressing")
    message = bench.condition("acme-shop", "Ready", "Connection")["message"]
    assert "orders-worker; until then they may go on as before" in message
    bench.workers.runs.clear()
    await bench.settle()
    assert bench.connection_ready("acme-shop") == ("False", "Suspended")
