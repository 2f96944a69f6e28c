"""The operator, as a process of its own, against a real API server with real controllers."""

import asyncio
import signal

import pytest
from tests.support.kube.objects import a_pipeline
from tests.support.kube.process import OperatorProcess, in_namespace, ready, until, whole
from tests.support.kube.stage import Stage

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


async def test_from_apply_to_ready_and_gone(cluster, namespace, kube, get, tmp_path):
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path):
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
        waited = await asyncio.to_thread(
            cluster.kubectl.run,
            "wait",
            "--for=condition=Ready",
            "pipe/orders",
            "kconn/acme-shop",
            "kconn/acme-erp",
            f"--namespace={namespace}",
            "--timeout=60s",
        )
        assert waited.count("condition met") == 3
        table = cluster.kubectl.run("get", "knect", f"--namespace={namespace}")
        print(table)
        assert "orders" in table
        assert "acme-shop" in table

        # nothing moves at rest
        versions = {
            one["metadata"]["uid"]: one["metadata"]["resourceVersion"]
            for one in get("knect")["items"]
        }
        await asyncio.sleep(6)
        assert versions == {
            one["metadata"]["uid"]: one["metadata"]["resourceVersion"]
            for one in get("knect")["items"]
        }

        # children carry our field manager and owner, and go with the pipeline
        deployment = get("deployment", "orders-worker", "--show-managed-fields")
        managers = {
            one["manager"]: one["operation"] for one in deployment["metadata"]["managedFields"]
        }
        assert managers["knect-operator"] == "Apply"
        cluster.kubectl.run("delete", "pipe/orders", f"--namespace={namespace}")
        await until(lambda: get("deployments")["items"], lambda items: not items, seconds=60)
        await until(
            lambda: get("pods", "-l", "app.kubernetes.io/component=worker")["items"],
            lambda items: all(one["metadata"].get("deletionTimestamp") for one in items),
        )


async def test_one_leads_and_another_takes_over(cluster, namespace, kube, get, tmp_path):
    def holder():
        lease = cluster.kubectl.get("lease", "knect-operator", "--namespace=default")
        return lease["spec"]["holderIdentity"]

    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path) as first:
        await until(holder, lambda who: who.endswith(f"_{first.process.pid}"))
        async with OperatorProcess(cluster.kubeconfig, tmp_path) as second:
            cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
            await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")

            first.process.send_signal(signal.SIGKILL)
            await first.process.wait()
            await until(holder, lambda who: who.endswith(f"_{second.process.pid}"))

            cluster.kubectl.run(
                "patch", "pipe/orders", "--type=merge", '-p={"spec":{"suspend":true}}',
                f"--namespace={namespace}",
            )  # fmt: skip
            await until(
                lambda: get("pipe", "orders"), lambda one: ready(one) == ("False", "Suspended")
            )


async def test_an_api_server_that_goes_away_is_waited_for(cluster, namespace, kube, get, tmp_path):
    settings = {"leaderElection": False}
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path, **settings) as operator:
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")

        await asyncio.to_thread(cluster.stop_api_server)
        await asyncio.sleep(8)
        assert operator.process.returncode is None
        await asyncio.to_thread(cluster.start_api_server)
        cluster.kubectl.run(
            "patch", "pipe/orders", "--type=merge", '-p={"spec":{"suspend":true}}',
            f"--namespace={namespace}",
        )  # fmt: skip

        await until(
            lambda: get("pipe", "orders"),
            lambda one: ready(one) == ("False", "Suspended"),
            seconds=90,
        )
