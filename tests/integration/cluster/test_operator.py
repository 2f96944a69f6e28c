"""The operator, as a process of its own, against a real API server with real controllers."""

import asyncio
import os
import signal
import sys
import time

import pytest
import yaml
from tests.integration.cluster.crds import installed_crds
from tests.support.kube.objects import (
    a_ledger_secret,
    a_pipeline,
    a_secret,
    a_shop,
    an_erp,
)
from tests.support.kube.stage import Stage
from tests.support.real.ports import free_ports

from knect_operator.kube.aio import AioClient

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SETTINGS = {
    "namespace": "default",
    "observeEvery": "1s",
    "resync": "30s",
    "lease": "6s",
    "worker": {"image": "knect:test"},
}


@pytest.fixture(scope="module")
def cluster(plane):
    installed_crds(plane)
    return plane


@pytest.fixture
def namespace(cluster, request):
    name = f"t-{os.urandom(4).hex()}"
    cluster.kubectl.run("create", "namespace", name)
    yield name
    cluster.kubectl.run("delete", "namespace", name, "--wait=false")


class OperatorProcess:
    """`knect operator` as a child process."""

    def __init__(self, kubeconfig, folder, **settings):
        self.port = free_ports(1)[0]
        self.path = folder / f"operator-{self.port}.yaml"
        self.log = folder / f"operator-{self.port}.log"
        told = {**SETTINGS, "listen": f"127.0.0.1:{self.port}", **settings}
        self.path.write_text(yaml.safe_dump(told))
        self.kubeconfig = kubeconfig
        self.process = None

    async def __aenter__(self):
        self._output = self.log.open("wb")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "knect_operator",
            f"--settings={self.path}",
            f"--kubeconfig={self.kubeconfig}",
            stdout=self._output,
            stderr=self._output,
        )
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(30):
                await self.process.wait()
        self._output.close()
        text = self.log.read_text()
        print(text[-6000:])
        assert "Traceback" not in text


@pytest.fixture
async def kube(cluster):
    async with await AioClient.connect(str(cluster.kubeconfig)) as client:
        yield client


def in_namespace(namespace, *documents):
    for one in documents:
        one["metadata"]["namespace"] = namespace
    return documents


def whole(namespace):
    return in_namespace(
        namespace,
        a_shop(),
        an_erp(),
        a_secret("shop", accessToken="shpat_x"),
        a_secret("erp", username="knect", password="pw"),
        a_ledger_secret(),
    )


async def until(ask, holds, *, seconds=60):
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        last = await asyncio.to_thread(ask)
        if holds(last):
            return last
        await asyncio.sleep(0.2)
    raise AssertionError(f"not within {seconds} s; last: {yaml.safe_dump(last)}")


def ready(document):
    found = {one["type"]: one for one in (document.get("status") or {}).get("conditions", ())}
    one = found.get("Ready", {})
    return one.get("status"), one.get("reason")


async def test_from_apply_to_ready_and_gone(cluster, namespace, kube, tmp_path):
    def get(*words):
        return cluster.kubectl.get(*words, f"--namespace={namespace}")

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


async def test_one_leads_and_another_takes_over(cluster, namespace, kube, tmp_path):
    def get(*words):
        return cluster.kubectl.get(*words, f"--namespace={namespace}")

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


async def test_an_api_server_that_goes_away_is_waited_for(cluster, namespace, kube, tmp_path):
    def get(*words):
        return cluster.kubectl.get(*words, f"--namespace={namespace}")

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
