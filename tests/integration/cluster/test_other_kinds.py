"""An upgrade in pieces: kinds that are stricter than what is stored, or know less than we say."""

import copy

import pytest
from tests.support.cluster.crds import installed_crds
from tests.support.kube.objects import a_pipeline, a_shop
from tests.support.kube.process import OperatorProcess, in_namespace, ready, until, whole
from tests.support.kube.stage import Stage

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PIPELINES = "syncpipelines.knect.dev"


@pytest.fixture
def other_kinds(cluster):
    """Install changed kinds; the right ones are back afterwards."""
    documents = {one["metadata"]["name"]: one for one in installed_crds(cluster)}

    def change(name, edit):
        document = copy.deepcopy(documents[name])
        edit(document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"])
        cluster.kubectl.apply(document)
        return document

    yield change
    installed_crds(cluster)


async def test_kinds_of_before_that_know_a_field_less_do_not_freeze_ready(
    cluster, namespace, kube, get, other_kinds, tmp_path
):
    def less(properties):
        del properties["status"]["properties"]["worker"]

    other_kinds(PIPELINES, less)
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path):
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))

        found = await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        assert "worker" not in found["status"]


async def test_kinds_that_became_stricter_than_what_is_stored_leave_it_working(
    cluster, namespace, kube, get, other_kinds, tmp_path
):
    def stricter(properties):
        trigger = properties["spec"]["properties"]["trigger"]["properties"]
        trigger["poll"]["properties"]["every"] = {"type": "string", "maxLength": 1}
        rules = properties["spec"].setdefault("x-kubernetes-validations", [])
        rules.append({"rule": "self.entity != 'orders'", "message": "no orders any more"})

    async with Stage(kube) as stage, OperatorProcess(cluster.kubeconfig, tmp_path):
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        other_kinds(PIPELINES, stricter)

        stage.silent.add("orders-worker")

        await until(
            lambda: get("pipe", "orders"),
            lambda one: ready(one) == ("False", "WorkerSilent"),
            seconds=120,
        )
        stage.silent.clear()
        shop = a_shop(suspend=True)
        cluster.kubectl.apply(*in_namespace(namespace, shop))
        await until(lambda: get("kconn", "acme-shop"), lambda one: ready(one)[1] == "Suspended")
