"""A worker's pod: what is missing is said and waited for; secrets rotate; it freezes and thaws."""

import json
import signal
import time
from pathlib import Path

import pytest
from tests.integration.worker.pods import Cluster, a_cluster, until

from knect.api.reasons import ConditionReason as R
from knect.api.report import VerdictState
from knect.api.worker import WorkerDocument


@pytest.fixture
def cluster(tmp_path: Path):  # type: ignore[no-untyped-def]
    with a_cluster(tmp_path) as made:
        yield made


def test_both_credentials_rotate_with_the_old_ones_revoked_at_once(cluster: Cluster) -> None:
    cluster.start_both(orders=20)
    cluster.mount_both()
    cluster.mount_ledger()
    document = cluster.document()
    pod = cluster.pod("worker", document)
    until(lambda: len(cluster.documents()) == 20, "the first orders arrive")
    until(pod.flows, "it says that work flows")
    assert pod.report().content == WorkerDocument.content(document.read_text())
    began = pod.report().started
    pid = pod.process.pid

    # revoked first: the files of the pod are behind, as the kubelet is
    cluster.act(cluster.scene.shop, "rotate", token="shpat_second", secret="second-secret")
    cluster.act(cluster.scene.erp, "rotate", key="second-key")
    cluster.act(cluster.scene.shop, "create_orders", count=10, seed=5)
    until(
        lambda: pod.connection("acme-shop").credentials.reason is R.CREDENTIALS_REJECTED,
        "the shop's refusal is said",
    )
    orders = pod.orders()
    assert orders.flowing.state is VerdictState.FALSE
    assert orders.flowing.reason is R.CREDENTIALS_REJECTED, orders.flowing
    assert "shpat" not in pod.get("/status")[1]
    assert pod.get("/healthz")[0] == 200
    cluster.mount("acme-shop", accessToken="shpat_second", webhookSecret="second-secret")
    # now the orders are read, and wait for the ERP's key
    until(lambda: pod.orders().fates.get("waiting", 0) == 10, "the new orders wait", 30)
    held = pod.orders()
    assert held.flowing.reason is R.CREDENTIALS_REJECTED
    assert "acme-erp" in held.flowing.message or "127.0.0.1" in held.flowing.message
    changed = time.monotonic()
    cluster.mount("acme-erp", apiKey="second-key")
    until(lambda: len(cluster.documents()) == 30, "they arrive", 30)
    assert time.monotonic() - changed < 10, "without waiting for the next try"
    until(pod.flows, "it says that work flows again")
    until(lambda: pod.orders().fates.get("delivered", 0) == 30, "all are delivered", 30)
    end = pod.orders()
    assert end.balanced
    assert sum(end.fates.values()) == end.fates["delivered"] == end.seen
    assert pod.process.pid == pid
    assert pod.report().started == began
    log = pod.log.read_text()
    for value in ("shpat_second", "second-key", "second-secret", "first-key"):
        assert value not in log


def test_a_ledger_that_comes_late_or_is_wrong_is_waited_for(cluster: Cluster) -> None:
    cluster.start_both(orders=3)
    cluster.mount_both()
    pod = cluster.pod("worker", cluster.document())
    ledger = pod.report().ledger
    until(lambda: pod.report().ledger.reason is R.LEDGER_SECRET_NOT_FOUND, "it is missed")
    assert pod.report().ledger.state is VerdictState.FALSE
    assert not pod.is_ready()
    assert pod.orders().flowing.reason is R.LEDGER_SECRET_NOT_FOUND
    other = cluster.pod("worker", cluster.document("other"), "pod-2")
    other.signal(signal.SIGTERM)
    assert other.process.wait(10) == 0, "who still waits can be stopped"
    cluster.mount_ledger("nonsense")
    until(lambda: "postgresql://" in pod.report().ledger.message, "what it should be is said")
    assert "nonsense" not in pod.get("/status")[1]
    cluster.mount_ledger(f"sqlite:///{cluster.folder}")
    until(lambda: pod.report().ledger.reason is R.LEDGER_UNAVAILABLE, "a folder is no ledger")
    cluster.mount_ledger()
    until(pod.is_ready, "it begins by itself")
    until(lambda: len(cluster.documents()) == 3, "and works")
    until(pod.flows, "and says so")
    assert ledger.state is not VerdictState.TRUE
    # another address, later: the same process goes on there
    cluster.mount_ledger(f"sqlite:///{cluster.folder}/second.db")
    until((cluster.folder / "second.db").exists, "the other ledger is opened")
    until(pod.flows, "and used")
    assert len(cluster.documents()) == 3, "nothing is doubled in the new one"


def test_a_secret_that_is_missing_is_named_and_waited_for(cluster: Cluster) -> None:
    cluster.start_both(orders=3)
    cluster.mount("acme-erp", apiKey="first-key")
    cluster.act(cluster.scene.erp, "rotate", key="first-key")
    cluster.mount_ledger()
    pod = cluster.pod("worker", cluster.document())
    until(
        lambda: pod.connection("acme-shop").credentials.reason is R.SECRET_NOT_FOUND,
        "the Secret is missed",
    )
    until(lambda: pod.orders().flowing.reason is R.SECRET_NOT_FOUND, "the pipeline says so")
    assert pod.get("/healthz")[0] == 200
    cluster.mount("acme-shop", webhookSecret="simulated-secret")
    until(
        lambda: pod.connection("acme-shop").credentials.reason is R.SECRET_KEY_MISSING,
        "the key is missed",
    )
    assert "accessToken" in pod.connection("acme-shop").credentials.message
    cluster.mount("acme-shop", accessToken="shpat_simulated", webhookSecret="simulated-secret")
    until(lambda: len(cluster.documents()) == 3, "it begins by itself")
    until(pod.flows, "and says so")
    # deleted while it works
    cluster.mount("acme-shop")
    until(lambda: pod.orders().flowing.reason is R.SECRET_NOT_FOUND, "its loss is said")
    assert not pod.has_ended()


def test_a_frozen_worker_goes_on_after_it_thaws(cluster: Cluster) -> None:
    cluster.start_both(orders=5)
    cluster.mount_both()
    cluster.mount_ledger()
    pod = cluster.pod("worker", cluster.document())
    until(lambda: len(cluster.documents()) == 5, "it works")
    pod.signal(signal.SIGSTOP)
    cluster.act(cluster.scene.shop, "create_orders", count=5, seed=9)
    frozen = time.monotonic()
    assert pod.get("/healthz", timeout=1)[0] == 0, "the kubelet would see it"
    until(lambda: time.monotonic() - frozen > 9, "twice the lease", 20)
    pod.signal(signal.SIGCONT)
    until(lambda: len(cluster.documents()) == 10, "it goes on", 30)
    until(lambda: pod.get("/healthz")[0] == 200, "and is well")
    until(lambda: pod.orders().fates.get("delivered") == 10, "each once", 30)


def test_sigterm_ends_it_in_good_order(cluster: Cluster) -> None:
    cluster.start_both(orders=200)
    cluster.mount_both()
    cluster.mount_ledger()
    pod = cluster.pod("worker", cluster.document())
    until(lambda: len(cluster.documents()) > 5, "it is in the middle")
    pod.signal(signal.SIGTERM)
    assert pod.process.wait(20) == 0
    left = cluster.scene.status()
    assert left["unknown"] == 0, left
    done = len(cluster.documents())
    again = cluster.pod("worker", cluster.document("again"), "pod-2")
    until(lambda: len(cluster.documents()) == 200, "the next pod goes on")
    assert done <= 200
    until(lambda: again.orders().fates.get("delivered") == 200, "each once", 30)
    lines = [json.loads(line) for line in pod.log.read_text().splitlines() if line]
    assert all("event" in line for line in lines), "logs are JSON"


def test_run_now_is_echoed_when_a_read_came_to_its_end(cluster: Cluster) -> None:
    cluster.start_both(orders=1)
    cluster.mount_both()
    cluster.mount_ledger()
    pod = cluster.pod("worker", cluster.document(spec={"trigger": {"poll": {"every": "1h"}}}))
    until(lambda: len(cluster.documents()) == 1, "it has read once")
    cluster.act(cluster.scene.shop, "create_orders", count=1, seed=3)
    placed = time.time()
    until(lambda: time.time() > placed + 1.1, "the shop's clock, of whole seconds, has passed it")
    assert pod.orders().requested_at is None
    wish = {"pipeline": "orders", "token": "2026-11-25T21:00:00Z"}
    assert pod.post("/run-now", json.dumps(wish).encode())[0] == 202
    until(lambda: pod.orders().requested_at == wish["token"], "the token is echoed")
    until(lambda: len(cluster.documents()) == 2, "and it was read")
    cluster.act(cluster.scene.shop, "rotate", token="shpat_other", secret="x")
    assert pod.post("/run-now", json.dumps({**wish, "token": "second"}).encode())[0] == 202
    until(lambda: pod.orders().flowing.reason is R.CREDENTIALS_REJECTED, "that read fails")
    assert pod.orders().requested_at == wish["token"], "a failing read echoes nothing"
    assert pod.post("/run-now", b'{"pipeline": "other", "token": "t"}')[0] == 404
    assert pod.post("/run-now", b"[]")[0] == 400


def test_a_fatal_end_leaves_a_sentence(cluster: Cluster) -> None:
    cluster.start_both()
    path = cluster.document()
    first = cluster.pod("worker", path)
    second = cluster.pod("worker", path, "pod-2")
    until(second.has_ended, "two cannot listen on one port")
    assert second.process.returncode == 1
    said = second.termination.read_text()
    assert "cannot be listened on" in said
    assert "Traceback" not in said + second.log.read_text()
    assert not first.has_ended()


def test_a_worker_that_only_rests_is_alive_and_ready(cluster: Cluster) -> None:
    cluster.start_both(orders=1)
    cluster.mount_both()
    cluster.mount_ledger()
    pod = cluster.pod("worker", cluster.document(spec={"suspend": True}))
    until(pod.is_ready, "it has taken up its rest")
    began = time.monotonic()
    until(lambda: time.monotonic() > began + 3, "what runs beside it has begun")
    assert pod.get("/healthz")[0] == 200, pod.get("/healthz")
    assert pod.orders().suspended
    assert cluster.documents() == []
