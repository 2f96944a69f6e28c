"""A receiver's pod: verified, stored, answered; whatever else is up or down."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.integration.worker.pods import Cluster, Pod, a_cluster, until
from tests.support.hooks import a_hook


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(tmp_path) as made:
        yield made


def _ask(cluster: Cluster, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{cluster.scene.ledger}?mode=ro", uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def _address(cluster: Cluster) -> str:
    ((secret,),) = _ask(cluster, "select value from meta where name = 'webhook-path:acme-shop'")
    return f"/webhooks/acme-shop/{secret}"


def _stored(cluster: Cluster) -> int:
    ((count,),) = _ask(cluster, "select count(*) from inbox")
    assert isinstance(count, int)
    return count


def _started(cluster: Cluster) -> Pod:
    cluster.start_both(orders=0)
    cluster.mount_both()
    cluster.mount_ledger()
    pod = cluster.pod("receiver", cluster.document("receiver", pipelines=False), "receiver-1")
    until(pod.is_ready, "it takes webhooks")
    return pod


def test_forged_replayed_wrong_and_rotated(cluster: Cluster) -> None:
    pod = _started(cluster)
    path = _address(cluster)
    body, headers = a_hook(1)
    assert pod.post(path, body, headers)[0] == 200
    assert _stored(cluster) == 1
    # the same event again is acknowledged, and stored once
    assert pod.post(path, body, headers)[0] == 200
    assert _stored(cluster) == 1
    # forged, altered, unsigned, another shop's, on another path: no detail, nothing stored
    assert pod.post(path, *a_hook(2, "another-secret"))[0] == 401
    assert pod.post(path, body + b" ", headers)[0] == 401
    assert pod.post(path, body, {**headers, "X-Shopify-Hmac-Sha256": ""})[0] == 401
    assert pod.post(path, body, {**headers, "X-Shopify-Shop-Domain": "b.myshopify.com"})[0] == 401
    assert pod.post("/webhooks/acme-shop/guessed", body, headers)[0] == 404
    assert pod.post("/webhooks/acme-erp/guessed", body, headers)[0] == 404
    # refused by its length alone; who is still sending then may only see the connection end
    assert pod.post(path, b"x" * (10 * 1024 * 1024 + 1), headers)[0] in (413, 0)
    assert _stored(cluster) == 1
    # rotated: the new key is good at once, the old one still is
    cluster.mount("acme-shop", accessToken="shpat_simulated", webhookSecret="second-secret")
    assert pod.post(path, *a_hook(3, "second-secret"))[0] == 200
    assert pod.post(path, *a_hook(4, "simulated-secret"))[0] == 200
    assert pod.post(path, *a_hook(5, "third-secret"))[0] == 401
    assert _stored(cluster) == 3
    # no Secret: nothing can be said yet, so the sender is asked to come again
    cluster.mount("acme-shop")
    until(lambda: pod.get("/healthz")[0] == 200, "it stays up")
    page = pod.get("/metrics")[1]
    assert 'answer="too large"' in page
    assert 'knect_webhooks_total{answer="unauthorized",connection="acme-shop"} 5.0' in page


def test_a_storm_is_stored_and_each_event_once(cluster: Cluster) -> None:
    pod = _started(cluster)
    path = _address(cluster)
    hooks = [a_hook(number) for number in range(1900)]
    hooks += hooks[:100]  # repeated
    waits: list[float] = []

    def send(hook: tuple[bytes, dict[str, str]]) -> int:
        began = time.monotonic()
        status = pod.post(path, *hook)[0]
        waits.append(time.monotonic() - began)
        return status

    with ThreadPoolExecutor(24) as senders:
        answers = Counter(senders.map(send, hooks))
    waits.sort()
    print(f"2,000 webhooks: p50 {waits[1000] * 1e3:.0f} ms, p99 {waits[1980] * 1e3:.0f} ms")
    assert answers == {200: 2000}
    assert _stored(cluster) == 1900


def test_the_ledger_may_come_late_and_nothing_is_acknowledged_before(cluster: Cluster) -> None:
    cluster.start_both(orders=0)
    cluster.mount_both()
    pod = cluster.pod("receiver", cluster.document("receiver", pipelines=False), "receiver-1")
    assert not pod.is_ready()
    status, headers = pod.post("/webhooks/acme-shop/any", *a_hook(1))
    assert status == 503
    assert int(headers["retry-after"]) > 0
    cluster.mount_ledger()
    until(pod.is_ready, "it begins by itself")
    assert pod.post(_address(cluster), *a_hook(1))[0] == 200


def test_what_came_while_pipelines_rested_is_worked_off_when_they_resume(cluster: Cluster) -> None:
    pod = _started(cluster)
    path = _address(cluster)
    ids = cluster.act(cluster.scene.shop, "create_orders", count=5, seed=2)
    for gid in ids:
        assert pod.post(path, *a_hook(0, gid=gid))[0] == 200
    # SQLite has one writer, so the receiver makes room; its address is kept
    pod.process.terminate()
    assert pod.process.wait(20) == 0
    start = {"connectionRef": {"name": "acme-shop"}, "start": "2020-01-01T00:00:00Z"}
    asleep = cluster.document(
        "asleep", spec={"suspend": True, "source": start, "trigger": {"webhook": {}}}
    )
    resting = cluster.pod("worker", asleep, "worker-1")
    until(resting.is_ready, "the suspended one is up")
    assert resting.orders().suspended
    assert resting.orders().flowing.reason.value == "Suspended"
    assert resting.post("/run-now", b'{"pipeline": "orders", "token": "t"}')[0] == 409
    assert cluster.documents() == []
    resting.process.terminate()
    assert resting.process.wait(20) == 0
    awake = cluster.document("awake", spec={"source": start, "trigger": {"webhook": {}}})
    working = cluster.pod("worker", awake, "worker-2")
    until(lambda: len(cluster.documents()) == 5, "they arrive")
    assert not working.has_ended()
    assert _ask(cluster, "select count(*) from inbox where window is null") == [(0,)]
    assert path == _address(cluster)
