"""What restarts a worker and what does not; and which edit it was, told on all it concerns."""

import copy

import pytest
from tests.support.kube.objects import a_config_map, a_pipeline
from tests.unit.operator.world import whole

GROUP = {"group": "night"}
TABLE = {"valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}]}


def two_of_a_group(**settings):
    return whole(
        a_pipeline("a", worker=GROUP, mapping=TABLE),
        a_pipeline("b", entity="customers", worker=GROUP),
        a_pipeline("other", entity="products", source="acme-erp", destination="acme-shop"),
        a_config_map("carriers", DHL="7"),
        **settings,
    )


def template(bench):
    return bench.kube.of("Deployment")["night-group"]["spec"]["template"]


def labelled(bench):
    document = copy.deepcopy(bench.kube.of("SyncPipeline")["a"])
    document["metadata"]["labels"] = {"team": "web"}
    document["metadata"]["annotations"] = {"corp.example/note": "see ticket 7"}
    bench.kube.put(document)


def in_another_order(bench):
    document = copy.deepcopy(bench.kube.of("SyncPipeline")["a"])
    document["spec"] = dict(reversed(document["spec"].items()))
    bench.kube.put(document)
    bench.restart()  # it reads again what it had read


def placed(bench):
    worker = {**GROUP, "nodeSelector": {"disk": "ssd"}, "resources": {"limits": {"memory": "1Gi"}}}
    bench.kube.put(a_pipeline("b", entity="customers", worker=worker))


def suspended_elsewhere(bench):
    document = copy.deepcopy(bench.kube.of("SyncPipeline")["other"])
    document["spec"]["suspend"] = True
    bench.kube.put(document)


QUIET = {one.__name__: one for one in (labelled, in_another_order, placed, suspended_elsewhere)}


@pytest.mark.parametrize("edit", QUIET)
async def test_an_edit_of_what_no_worker_reads_restarts_none(edit):
    bench = two_of_a_group()
    await bench.settle()
    before = copy.deepcopy(template(bench))
    runs = bench.kube.of("ConfigMap")["night-group"]["data"]["worker.json"]
    bench.workers.runs["night-group"] = runs  # the same process goes on

    QUIET[edit](bench)
    await bench.settle()

    assert template(bench) == before
    for name in ("a", "b"):
        assert bench.ready(name) == ("True", "Succeeded")
        document = bench.kube.of("SyncPipeline")[name]
        assert document["status"]["observedGeneration"] == document["metadata"]["generation"]


def table(bench):
    bench.kube.put(a_config_map("carriers", DHL="8"))


def suspended(bench):
    bench.kube.put(a_pipeline("b", entity="customers", worker=GROUP, suspend=True))


def joined(bench):
    bench.kube.put(a_pipeline("c", entity="shipments", worker=GROUP, source="acme-erp",
                              destination="acme-shop"))  # fmt: skip


def left(bench):
    bench.kube.put(a_pipeline("b", entity="customers"))


LOUD = {
    table: "a table of pipeline a",
    suspended: "generation 2 of pipeline b",
    left: "pipeline b, which left",
    joined: "pipeline c, which joined",
}


@pytest.mark.parametrize("edit", LOUD, ids=lambda one: one.__name__)
async def test_the_edit_a_worker_restarts_for_is_told_until_it_is_over(edit):
    bench = two_of_a_group()
    await bench.settle()
    bench.pass_time(60)
    edit(bench)
    bench._pods = False  # no kubelet yet
    deployment = bench.kube.of("Deployment")["night-group"]
    await bench.settle(rounds=1)
    deployment = bench.kube.of("Deployment")["night-group"]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "unavailableReplicas": 1,
    }
    bench.pass_time(30)
    bench.restart()

    await bench.settle(rounds=2)

    found = bench.condition("a", "WorkerAvailable")
    assert found["reason"] == "Progressing"
    words = (
        f"Deployment night-group is being rolled out: since 2026-11-25T12:01:00Z for {LOUD[edit]}"
    )
    assert found["message"] == words
    bench._pods = True
    await bench.settle()
    assert bench.ready("a") == ("True", "Succeeded")
    bench.kube.calls.clear()
    await bench.settle()
    assert bench.kube.writes == []


async def test_a_worker_of_another_image_says_what_of_its_pod_is_another():
    bench = two_of_a_group()
    await bench.settle()
    worker = bench.settings.worker.model_copy(update={"image": "knect:next"})
    bench.settings = bench.settings.model_copy(update={"worker": worker})
    bench.restart()

    await bench.settle()

    said = bench.kube.of("Deployment")["night-group"]["metadata"]["annotations"]
    image = "spec.template.spec.containers[knect].image is another"
    assert said["knect.dev/rollout"] == f"since 2026-11-25T12:00:00Z for {image}"
