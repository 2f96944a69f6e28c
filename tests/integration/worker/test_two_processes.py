"""Worker and receivers as processes of their own on one PostgreSQL."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.integration.worker.pods import Cluster, Pod, a_cluster, until
from tests.support.hooks import a_hook
from tests.support.real.postgres import PostgresServer
from tests.support.real.require import require

from knect.api.reasons import ConditionReason as R
from knect.api.report import VerdictState


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    require("postgres")
    with PostgresServer() as running:
        yield running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(tmp_path) as made:
        yield made


def _address(server: PostgresServer, database: str) -> str:
    statement = "select value from knect.meta where name = 'webhook-path:acme-shop'"
    return f"/webhooks/acme-shop/{server.sql(statement, database)}"


def _all_up(cluster: Cluster, server: PostgresServer, database: str) -> tuple[Pod, Pod, Pod]:
    cluster.start_both(orders=0)
    cluster.mount_both()
    cluster.mount_ledger(server.dsn(database))
    source = {"connectionRef": {"name": "acme-shop"}, "start": "2020-01-01T00:00:00Z"}
    trigger = {"webhook": {"reconcileEvery": "1h"}}
    shop = {"webhooks": {"host": "hooks.example.com"}}
    receivers = [
        cluster.pod("receiver", cluster.document(name, pipelines=False, shop=shop), name)
        for name in ("receiver-1", "receiver-2")
    ]
    document = cluster.document("worker", spec={"source": source, "trigger": trigger}, shop=shop)
    worker = cluster.pod("worker", document, "worker-1")
    for pod in (*receivers, worker):
        until(pod.is_ready, "all are up")
    return worker, receivers[0], receivers[1]


def test_two_receivers_and_a_worker(cluster: Cluster, server: PostgresServer) -> None:
    database = server.fresh_database()
    worker, first, second = _all_up(cluster, server, database)
    path = _address(server, database)
    until(lambda: worker.connection("acme-shop").webhooks is not None, "the worker registers")
    webhooks = worker.connection("acme-shop").webhooks
    assert webhooks is not None
    assert webhooks.state is VerdictState.TRUE, webhooks
    subscriptions = cluster.scene.control(cluster.scene.shop, "state")["subscriptions"]
    assert {one["uri"] for one in subscriptions} == {f"https://hooks.example.com{path}"}

    until(lambda: worker.orders().fresh.state is VerdictState.TRUE, "the first read is over")
    (gid,) = cluster.act(cluster.scene.shop, "create_orders", count=1, seed=3)
    began = time.monotonic()
    hook = a_hook(0, gid=gid)
    assert [pod.post(path, *hook)[0] for pod in (first, second)] == [200, 200]
    until(lambda: len(cluster.documents()) == 1, "it arrives")
    print(f"from webhook to document: {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 5
    statement = "select count(*) from knect.inbox"
    assert server.sql(statement, database) == "1"

    ids = cluster.act(cluster.scene.shop, "create_orders", count=60, seed=4)
    hooks = [(pod, a_hook(0, gid=gid)) for gid in ids for pod in (first, second)]
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda one: one[0].post(path, *one[1])[0], hooks))
    assert set(answers) == {200}
    until(lambda: len(cluster.documents()) == 61, "all arrive, once each", 60)
    until(lambda: worker.orders().fates.get("delivered") == 61, "each once", 30)
    assert worker.orders().balanced


def test_pipelines_in_pods_of_their_own_are_both_given_everything(
    cluster: Cluster, server: PostgresServer
) -> None:
    """A pipeline has a pod of its own unless it says otherwise, and one of them reads the feed."""
    database = server.fresh_database()
    cluster.start_both(orders=0)
    cluster.mount_both()
    cluster.mount_ledger(server.dsn(database))
    seldom = {"trigger": {"poll": {"every": "1h"}}}
    first = cluster.pod("worker", cluster.document("one", spec=seldom), "one")
    watching = cluster.document("two", pipeline="watching", spec={"mode": "Observe"})
    second = cluster.pod("worker", watching, "two")
    for pod in (first, second):
        until(pod.is_ready, "both are up")

    def given(pipeline: str) -> int:
        counted = f"select count(*) from knect.transactions where pipeline = '{pipeline}'"
        return int(server.sql(counted, database))

    cluster.act(cluster.scene.shop, "create_orders", count=20, seed=5)
    sooner = "whoever reads sooner reads for the other one"
    until(lambda: len(cluster.documents()) == 20, sooner, 120)
    until(lambda: given("watching") == given("orders") == 20, "both are given them", 120)
    first.process.kill()
    first.process.wait()
    until(lambda: not given_to_the_dead(server, database), "it is missed", 120)
    cluster.act(cluster.scene.shop, "create_orders", count=10, seed=6)
    until(lambda: given("watching") == 30, "the other one goes on", 120)
    assert given("orders") == 20
    again = cluster.pod("worker", cluster.document("one", spec=seldom), "one")
    until(lambda: len(cluster.documents()) == 30, "and what it missed is read once more", 120)
    assert given("orders") == given("watching") == 30
    until(lambda: again.orders().fates.get("delivered") == 30, "the sum is right", 120)
    assert again.orders().balanced


def given_to_the_dead(server: PostgresServer, database: str) -> bool:
    """Tell whether who is dead is still taken to be at work on the orders."""
    still = "select attended_us > extract(epoch from now()) * 1e6 from knect.subscriptions"
    return server.sql(f"{still} where pipeline = 'orders'", database) == "t"


def test_the_ledger_goes_away_and_comes_back(cluster: Cluster, server: PostgresServer) -> None:
    database = server.fresh_database()
    worker, first, _ = _all_up(cluster, server, database)
    path = _address(server, database)
    until(lambda: worker.orders().fresh.state is VerdictState.TRUE, "the first read is over")
    ids = cluster.act(cluster.scene.shop, "create_orders", count=2, seed=5)
    server.stop()
    try:
        until(lambda: worker.report().ledger.reason is R.LEDGER_UNAVAILABLE, "its loss is said", 6)
        assert worker.orders().flowing.reason is R.LEDGER_UNAVAILABLE
        for longest in (5, 3):  # platforms wait five seconds; what is known needs no trying
            began = time.monotonic()
            status, headers = first.post(path, *a_hook(0, gid=ids[0]))
            assert status == 503
            assert time.monotonic() - began < longest
        assert int(headers["retry-after"]) > 0
        assert worker.get("/healthz")[0] == first.get("/healthz")[0] == 200
    finally:
        server.start()
    until(lambda: worker.report().ledger.state is VerdictState.TRUE, "it is back", 90)
    until(lambda: first.post(path, *a_hook(0, gid=ids[0]))[0] == 200, "and taken from", 90)
    assert first.post(path, *a_hook(0, gid=ids[1]))[0] == 200
    until(lambda: len(cluster.documents()) == 2, "they arrive")
    assert not worker.has_ended()
    assert not first.has_ended()
    assert "s3cr3t" not in json.dumps([worker.get("/status")[1], worker.log.read_text()])


def test_a_database_that_hangs_is_said_and_does_not_hold_a_pod(cluster: Cluster) -> None:
    cluster.start_both(orders=0)
    cluster.mount_both()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        cluster.mount_ledger(f"postgresql://knect:s3cr3t@127.0.0.1:{port}/knect")
        pods = [
            cluster.pod(command, cluster.document(command, pipelines=command == "worker"), command)
            for command in ("worker", "receiver")
        ]
        for pod in pods:
            assert not pod.is_ready()
            assert pod.get("/healthz")[0] == 200
            pod.signal(signal.SIGTERM)
            assert pod.process.wait(15) == 0
            assert "s3cr3t" not in pod.log.read_text()
