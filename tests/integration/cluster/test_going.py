"""What goes, or should: objects made anew, held by a finalizer, paused, or never reported gone."""

import asyncio
import json

import pytest
from tests.support.kube.objects import a_pipeline
from tests.support.kube.process import OperatorProcess, in_namespace, ready, until, whole
from tests.support.kube.stage import Stage

from knect_operator.kube import Conflict

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def message(document):
    conditions = (document.get("status") or {}).get("conditions", ())
    return next(one["message"] for one in conditions if one["type"] == "Ready")


@pytest.fixture
def kubectl(cluster, namespace):
    def run(*words):
        return cluster.kubectl.run(*words, f"--namespace={namespace}")

    return run


async def test_the_status_of_one_is_not_given_to_another_of_its_name(cluster, namespace, kube, get):
    cluster.kubectl.apply(*in_namespace(namespace, a_pipeline()))
    old = get("pipe", "orders")
    cluster.kubectl.run("delete", "pipe/orders", f"--namespace={namespace}")
    cluster.kubectl.apply(*in_namespace(namespace, a_pipeline()))
    made = get("pipe", "orders")
    body = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": "orders", "namespace": namespace},
        "status": {"observedGeneration": 1},
    }
    body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]

    with pytest.raises(Conflict):
        await kube.apply(body, part="status", manager="knect-operator-status")

    assert get("pipe", "orders") == made
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    await kube.apply(body, part="status", manager="knect-operator-status")
    assert get("pipe", "orders")["status"] == {"observedGeneration": 1}


async def test_a_paused_deployment_and_a_finalizer_are_named(
    cluster, namespace, kube, get, kubectl, tmp_path
):
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path):
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        kubectl("rollout", "pause", "deployment/orders-worker")
        edited = a_pipeline(trigger={"poll": {"every": "7m"}})
        cluster.kubectl.apply(*in_namespace(namespace, edited))

        found = await until(
            lambda: get("pipe", "orders"), lambda one: ready(one) == ("False", "Paused")
        )
        assert "spec.paused was set by kubectl-rollout at 2" in message(found)

        kubectl("rollout", "resume", "deployment/orders-worker")
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        held = json.dumps({"metadata": {"finalizers": ["corp.example/billing"]}})
        kubectl("patch", "pipe/orders", "--type=merge", f"-p={held}")
        kubectl("delete", "pipe/orders", "--wait=false")
        found = await until(
            lambda: get("pipe", "orders"), lambda one: ready(one) == ("False", "BeingDeleted")
        )
        assert "corp.example/billing" in message(found)
        await until(lambda: get("deployments")["items"], lambda items: not items)
        kubectl("patch", "pipe/orders", "--type=merge", '-p={"metadata":{"finalizers":null}}')


async def test_a_pod_that_is_never_reported_gone_is_named_with_what_waits_for_it(
    cluster, namespace, kube, get, kubectl, tmp_path
):
    def pods():
        return get("pods", "-l", "app.kubernetes.io/component=worker")["items"]

    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path):
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        (lost,) = await asyncio.to_thread(pods)
        name = lost["metadata"]["name"]
        held = json.dumps({"metadata": {"finalizers": ["corp.example/node"]}})
        kubectl("patch", f"pod/{name}", "--type=merge", f"-p={held}")
        edited = a_pipeline(trigger={"poll": {"every": "7m"}})
        cluster.kubectl.apply(*in_namespace(namespace, edited))

        found = await until(
            lambda: get("pipe", "orders"),
            lambda one: ready(one) == ("False", "PodNotGone"),
            seconds=150,
        )
        assert f"pod {name}" in message(found)
        assert "Kubernetes starts no other pod" in message(found)
        assert [one["metadata"]["name"] for one in pods()] == [name]

        kubectl("patch", f"pod/{name}", "--type=merge", '-p={"metadata":{"finalizers":null}}')
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
