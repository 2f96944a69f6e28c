"""Jobs with the mounts of a worker: check, backfill, retry, replay."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.worker.pods import Cluster, a_cluster, until

from knect.api.reasons import ConditionReason as R
from knect.api.report import ConnectionReport, VerdictState


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(tmp_path) as made:
        yield made


def _reports(path: Path) -> dict[str, ConnectionReport]:
    text = path.read_bytes()
    assert len(text) <= 4000
    found = [ConnectionReport.model_validate(one) for one in json.loads(text)]
    return {one.name: one for one in found}


def test_a_check_leaves_a_report_whatever_it_finds(cluster: Cluster) -> None:
    cluster.start_both()
    cluster.mount_both()
    document = cluster.document(pipelines=False)
    report = cluster.folder / "report.json"
    words = ("check", "--document", str(document), "--report", str(report))
    done = cluster.knect(*words)
    assert done.returncode == 0, done.stderr
    found = _reports(report)
    assert {one.credentials.state for one in found.values()} == {VerdictState.TRUE}
    assert found["acme-shop"].product is not None
    assert found["acme-shop"].api_sunset is not None
    can = {one.name: (one.read, one.write) for one in found["acme-shop"].entities}
    assert {"orders", "customers", "inventory", "prices", "products", "shipments"} <= set(can)
    assert can["orders"] == (True, True)
    assert can["inventory"] == (False, True)

    cluster.act(cluster.scene.shop, "rotate", token="shpat_other", secret="other")
    cluster.mount("acme-erp")
    done = cluster.knect(*words)
    assert done.returncode == 0, done.stderr
    found = _reports(report)
    assert found["acme-shop"].credentials.reason is R.CREDENTIALS_REJECTED
    assert found["acme-shop"].reachable.state is VerdictState.TRUE
    assert found["acme-erp"].credentials.reason is R.CREDENTIALS_REJECTED
    cluster.mount("acme-shop")
    assert cluster.knect(*words).returncode == 0
    assert _reports(report)["acme-shop"].credentials.reason is R.SECRET_NOT_FOUND
    assert "shpat" not in report.read_text()

    cluster.mount_both(token="shpat_other")
    cluster.act(cluster.scene.shop, "scopes", scopes=["read_customers"])
    assert cluster.knect(*words).returncode == 0
    entities = {one.name: one for one in _reports(report)["acme-shop"].entities}
    assert entities["orders"].problem == "the app lacks the scope read_orders"
    assert not entities["orders"].read


def test_backfill_retry_and_replay_with_a_document(cluster: Cluster) -> None:
    cluster.start_both(orders=6)
    cluster.mount_both()
    cluster.mount_ledger()
    source = {"connectionRef": {"name": "acme-shop"}, "start": "Now"}
    document = str(cluster.document(spec={"source": source}))
    asleep = str(cluster.document("asleep", spec={"source": source, "suspend": True}))
    refused = cluster.knect(
        "backfill", "--document", asleep, "--pipeline", "orders", "--since", "2020-01-01T00:00:00Z"
    )
    assert refused.returncode == 2
    assert "suspended" in refused.stderr
    words = ("--since", "2020-01-01T00:00:00Z")
    unknown = cluster.knect("backfill", "--document", document, "--pipeline", "x", *words)
    assert unknown.returncode == 3, unknown.stderr
    done = cluster.knect("backfill", "--document", document, "--pipeline", "orders", *words)
    assert done.returncode == 0, done.stderr
    assert "6 delivered" in done.stdout
    assert len(cluster.documents()) == 6
    again = cluster.knect("replay", "--document", document, "--pipeline", "orders", "--all")
    assert again.returncode == 0, again.stderr
    assert "6 transactions" in again.stdout
    none = cluster.knect("retry", "--document", document, "--because", "UnknownSku")
    assert none.returncode == 3, none.stderr
    asleep_too = cluster.knect("retry", "--document", asleep, "--pipeline", "orders")
    assert asleep_too.returncode == 2
    pod = cluster.pod("worker", Path(document))
    until(lambda: pod.orders().seen == 12, "what was replayed is worked off", 30)
    assert pod.orders().balanced
    assert len(cluster.documents()) == 6
