"""Why a pipeline is not ready: the most upstream cause, in the words of who knows it."""

import pytest
from tests.support.kube.objects import a_pipeline, a_pod
from tests.unit.operator.world import bad, whole

from knect.api.reasons import ConditionReason
from knect.api.report import StuckReport


async def test_the_most_upstream_cause_is_the_one_named():
    bench = whole(a_pipeline())
    bench.workers.connections["acme-erp"] = {
        "credentials": bad(ConditionReason.CREDENTIALS_REJECTED, "Tryton answers 401")
    }
    bench.workers.pipelines["orders"] = {
        "flowing": bad(ConditionReason.CREDENTIALS_REJECTED),
        "fresh": bad(ConditionReason.STALE),
    }

    await bench.settle()

    assert bench.connection_ready("acme-erp") == ("False", "CredentialsRejected")
    assert bench.ready("orders") == ("False", "CredentialsRejected")
    assert (
        "Connection 'acme-erp': Tryton answers 401" in bench.condition("orders", "Ready")["message"]
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"fresh": bad(ConditionReason.STALE)}, "Stale"),
        ({"flowing": bad(ConditionReason.SILENT)}, "Silent"),
        ({"flowing": bad(ConditionReason.STUCK_BEYOND_LIMIT)}, "StuckBeyondLimit"),
    ],
)
async def test_a_pod_that_runs_without_flow_is_not_ready(said, reason):
    bench = whole(a_pipeline())
    bench.workers.pipelines["orders"] = said

    await bench.settle()

    assert bench.condition("orders", "WorkerAvailable")["status"] == "True"
    assert bench.ready("orders") == ("False", reason)


async def test_stuck_records_are_shown_and_leave_ready_alone():
    bench = whole(a_pipeline())
    bench.workers.pipelines["orders"] = {
        "stuck": 41,
        "oldest_stuck": StuckReport(
            transaction="0193", key="1001", reason="UnknownSku", since=bench.now
        ),
    }

    await bench.settle()

    assert bench.ready("orders")[0] == "True"
    found = bench.condition("orders", "TransactionsStuck")
    assert found["status"] == "True"
    assert "41 transactions wait for a person; the oldest is 1001 (UnknownSku)" in found["message"]
    assert bench.kube.of("SyncPipeline")["orders"]["status"]["oldestStuck"]["key"] == "1001"


async def test_a_worker_that_does_not_answer_is_not_ready_within_a_minute():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.workers.silent = True

    for _ in range(4):
        await bench.settle(rounds=1)
        bench.pass_time(15)
    await bench.settle(rounds=1)

    assert bench.ready("orders") == ("False", "WorkerSilent")
    message = bench.condition("orders", "Ready")["message"]
    assert message.startswith("pod orders-worker-x1: its /status does not answer")
    assert "kubectl logs of that pod" in message
    bench.workers.silent = False
    await bench.settle(rounds=2)
    assert bench.ready("orders") == ("True", "Succeeded")


async def test_a_ledger_that_is_away_is_the_reason():
    bench = whole(a_pipeline())
    bench.workers.ledger = bad(ConditionReason.LEDGER_UNAVAILABLE, "the ledger does not answer")

    await bench.settle()

    assert bench.ready("orders") == ("False", "LedgerUnavailable")


PODS = {
    "ImageNotPulled": {
        "waiting": {"reason": "ImagePullBackOff", "message": "not found: example/knect:9"}
    },
    "WorkerCrashing": {"waiting": {"reason": "CrashLoopBackOff"}},
}


@pytest.mark.parametrize("reason", PODS)
async def test_the_kubelet_s_own_words_reach_the_condition(reason):
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    ended = {"terminated": {"reason": "Error", "exitCode": 1, "message": "the ledger is newer"}}
    state = {
        "name": "knect",
        "ready": False,
        "image": "example/knect:9",
        "restartCount": 3,
        "state": PODS[reason],
        "lastState": ended if reason == "WorkerCrashing" else {},
    }
    bench.kube.put(a_pod("orders-worker", phase="Pending", containerStatuses=[state]))

    await bench.settle()

    assert bench.ready("orders") == ("False", reason)
    words = "the ledger is newer" if reason == "WorkerCrashing" else "example/knect:9"
    assert words in bench.condition("orders", "Ready")["message"]


async def test_a_full_node_is_the_scheduler_s_own_sentence():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory",
    }
    pending = {"phase": "Pending", "podIP": "", "conditions": [scheduled], "containerStatuses": []}
    bench.kube.put(a_pod("orders-worker", **pending))

    await bench.settle()

    assert bench.ready("orders") == ("False", "NotScheduled")
    assert "Insufficient memory" in bench.condition("orders", "Ready")["message"]


async def test_a_worker_that_ran_out_of_memory_says_what_to_raise():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    ended = {"terminated": {"reason": "OOMKilled", "finishedAt": "2026-11-25T12:00:00Z"}}
    state = {"name": "knect", "ready": False, "restartCount": 1, "state": {}, "lastState": ended}
    bench.kube.put(a_pod("orders-worker", containerStatuses=[state]))

    await bench.settle()

    assert bench.ready("orders") == ("False", "WorkerOutOfMemory")
    assert "spec.worker.resources.limits.memory" in bench.condition("orders", "Ready")["message"]


def lost(deployment, reason):
    """A worker that was there and is not any more, as its Deployment says."""
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": 1,
        "updatedReplicas": 1,
        "unavailableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
    }


async def test_a_worker_that_is_lost_after_its_roll_out_is_not_called_being_rolled_out():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    lost(bench.kube.of("Deployment")["orders-worker"], "NewReplicaSetAvailable")

    await bench.settle()

    assert bench.ready("orders") == ("False", "WorkerNotReady")
    assert (
        "kubectl describe deployment orders-worker"
        in (bench.condition("orders", "Ready")["message"])
    )
    lost(bench.kube.of("Deployment")["orders-worker"], "ReplicaSetUpdated")
    await bench.settle()
    assert bench.condition("orders", "WorkerAvailable")["reason"] == "Progressing"


async def test_a_lost_worker_that_does_not_answer_either_says_so():
    bench = whole(a_pipeline(), pods=False)
    await bench.settle()
    lost(bench.kube.of("Deployment")["orders-worker"], "NewReplicaSetAvailable")
    bench.kube.put(a_pod("orders-worker", conditions=[{"type": "Ready", "status": "False"}]))
    bench.workers.silent = True

    for _ in range(4):
        await bench.settle(rounds=1)
        bench.pass_time(15)
    await bench.settle(rounds=1)

    assert bench.ready("orders") == ("False", "WorkerSilent")
    assert "does not answer" in bench.condition("orders", "Ready")["message"]
