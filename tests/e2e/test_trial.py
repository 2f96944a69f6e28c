"""Everything on a real cluster: chart, operator, workers, both ends; and what may be broken.

The tests of this file are one story and run in its order on one cluster.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.e2e.outlet import MANIFESTS, NAMESPACE, Outlet, Stream
from tests.e2e.restricted import is_ready
from tests.support.cluster.binaries import kubectl_binary
from tests.support.cluster.images import foreign_image
from tests.support.cluster.kubectl import KubectlFailed
from tests.support.cluster.proxied import proxied
from tests.support.cluster.trial import SYSTEM, as_values
from tests.support.console import ConsoleProcess
from tests.support.hooks import a_hook

from knect_operator.render.names import ReceiverName

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

ORDERS = 300
VALUES = {"connectors": {"existingConfigMap": MANIFESTS}}
KNECT = [sys.executable, "-c", "from knect.cli.main import main; main()"]


@pytest.fixture(scope="module")
def outlet(trial):
    foreign = foreign_image()
    trial.cluster.load_image(foreign)
    with proxied(trial.kubectl) as api:
        outlet = Outlet(trial, foreign.name, api)
        trial.prepare(NAMESPACE, "shops")
        trial.kubectl.apply(outlet.manifests(), outlet.closed())
        yield outlet


@pytest.fixture(scope="module")
def installed(trial, outlet):
    return trial.install(**VALUES)


def test_the_chart_installs_and_tests_itself(trial, installed):
    print(installed)
    assert "deployed" in trial.helm("list")
    said = trial.helm("test", trial.release, "--timeout=2m")
    print(said)
    assert "Succeeded" in said


def test_three_hundred_orders_arrive(trial, outlet):
    began = time.monotonic()
    outlet.kubectl.apply(*outlet.systems(orders=ORDERS), *outlet.secrets(), *outlet.connections())
    outlet.kubectl.apply(outlet.pipeline())
    trial.apply_example()

    outlet.until(outlet.ready, lambda found: found[0] == "True", seconds=180)
    sums = outlet.settle()

    print(f"{ORDERS} orders {time.monotonic() - began:.0f} s after apply: {sums}")
    assert sums["seen"] == ORDERS
    print(trial.kubectl.run("get", "knect", "-A"))


def test_the_real_erp_gets_the_demo_s_orders(trial):
    print(trial.wait())
    told = trial.kubectl.until(
        "pipe", "orders-to-erp", "--namespace=shops",
        holds=lambda one: one["status"].get("stuck") == 4, seconds=120,
    )  # fmt: skip
    assert told["status"]["oldestStuck"]["reason"]


def test_one_trace_tells_an_order_s_whole_way(trial):
    def in_worker(line):
        return trial.kubectl.run(
            "exec", "--namespace=shops", "deploy/orders-to-erp-worker", "--", "sh", "-c",
            f'knect {line} --ledger "$(cat /etc/knect/ledger/dsn)"', seconds=60,
        )  # fmt: skip

    said = in_worker("find 1001")
    print(said)
    assert "1001" in said
    found = json.loads(in_worker("find 1001 -o json"))
    rows = found if isinstance(found, list) else found["transactions"]
    identifier = rows[0]["id"].replace("-", "")
    path = f"/api/v1/namespaces/shops/services/jaeger:query/proxy/api/traces/{identifier}"
    deadline = time.monotonic() + 60
    spans = set()
    while time.monotonic() < deadline and "deliver" not in spans:
        try:
            trace = json.loads(trial.kubectl.run("get", "--raw", path))["data"][0]
            assert trace["traceID"] == identifier
            spans = {one["operationName"] for one in trace["spans"]}
        except (KubectlFailed, IndexError):
            pass
        time.sleep(1)
    assert {"sync orders", "extract", "map", "resolve", "deliver"} <= spans


def knect(trial, *words):
    """Run the CLI as a person at a laptop does: with a kubeconfig and a kubectl, and no DSN."""
    path = os.pathsep.join((str(kubectl_binary().parent), os.environ["PATH"]))
    return subprocess.run(
        [*KNECT, f"--kubeconfig={trial.cluster.kubeconfig}", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": path},
    )


def test_people_ask_from_their_own_machine(trial):
    done = knect(trial, "-n", "shops", "find", "1001")
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "1001" in done.stdout
    told = json.loads(knect(trial, "-n", "shops", "status", "-o", "json").stdout)
    assert told["total"]["seen"] == 60
    assert told["total"]["balanced"] is True
    stuck = knect(trial, "-n", "shops", "stuck")
    assert "KN-99" in stuck.stdout
    assert knect(trial, "-n", "shops", "find", "no-such-order").returncode == 3
    drawn = knect(trial, "-n", "shops", "diagram")
    assert "orders: orders-to-erp<br/>▲" in drawn.stdout, drawn


def test_people_look_from_their_own_machine_though_their_way_breaks(trial, tmp_path):
    path = os.pathsep.join((str(kubectl_binary().parent), os.environ["PATH"]))
    words = ("--kubeconfig", str(trial.cluster.kubeconfig), "-n", "shops")
    with (
        ConsoleProcess(tmp_path, *words, PATH=path) as console,
        httpx.Client(base_url=console.address, follow_redirects=True, timeout=60) as browser,
    ):
        browser.get(console.entrance)
        assert "All that was seen is accounted for: 60 records" in browser.get("/").text
        pid = console.process.pid
        forwards = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert forwards, "nothing forwards a port"
        for one in forwards:
            os.kill(int(one), signal.SIGKILL)
        page = browser.get("/find", params={"key": "1001"})
        assert page.status_code == 200, page.text
        assert "Order #1001" in page.text
        assert "orders-to-erp" in browser.get("/map.svg").text


def test_workers_and_operator_reach_what_they_serve_and_nothing_else(trial, outlet):
    """Every other test of this file runs under these policies, too; here is what they keep out."""
    if not trial.cluster.enforces_network_policy:
        pytest.skip("this cluster may not enforce NetworkPolicies")
    worker, operator = (NAMESPACE, "deploy/orders-worker"), (SYSTEM, "deploy/knect")
    (pod,) = outlet.pods()
    address = pod["status"]["podIP"]
    open_ways = (
        (worker, "erp", 8000),
        (worker, "jaeger.shops", 4318),
        (worker, f"knect-postgresql.{SYSTEM}", 5432),
        (operator, address, 8080),
        (operator, "kubernetes.default", 443),
    )
    closed_ways = (
        (worker, "jaeger.shops", 16686),
        (worker, "kubernetes.default", 443),
        (worker, f"knect-api.{SYSTEM}", 80),
        ((NAMESPACE, "deploy/shop"), address, 8080),
        (operator, "erp.outlet", 8000),
    )
    assert [way for way in open_ways if not outlet.connects(*way)] == []
    assert [way for way in closed_ways if outlet.connects(*way)] == []


def test_webhooks_bring_orders_at_once_through_receivers_of_their_own(outlet):
    """Two pods, a Service and a policy that lets them in; the next poll is an hour away."""
    shop, erp, pipeline = outlet.trio(
        "hooked", mode="Observe", trigger={"webhook": {"reconcileEvery": "1h"}}
    )
    shop["spec"]["webhooks"] = {"host": "hooks.example.com"}
    pipeline["spec"]["source"]["start"] = "Now"
    outlet.kubectl.apply(shop, erp, pipeline)

    def receivers():
        return outlet.pods(component="receiver")

    (_, second) = outlet.until(receivers, lambda pods: len(pods) == 2 and all(map(is_ready, pods)))
    subscriptions = outlet.until(lambda: outlet.ask("shop", "state")["subscriptions"], bool)
    service, address = ReceiverName.of("shop-hooked"), urlsplit(subscriptions[0]["uri"])
    assert address.hostname == "hooks.example.com"
    outlet.until(lambda: outlet.ready("syncpipelines/hooked"), lambda one: one[0] == "True")

    def placed():
        (order,) = outlet.ask("shop", "do/create_orders", {"count": 1, "seed": 77})
        return order

    def told(order):
        return outlet.post_as_shop(f"http://{service}{address.path}", *a_hook(0, gid=order))

    first = placed()
    outlet.settle()  # pipeline `orders` has polled and has it, this one has not
    assert outlet.equation("hooked")["seen"] == 0
    assert told(first) == 200
    outlet.until(lambda: outlet.equation("hooked")["seen"], lambda seen: seen == 1, seconds=30)

    outlet.kubectl.run(
        "delete", "pod", second["metadata"]["name"], f"--namespace={NAMESPACE}", "--wait=false"
    )
    assert [told(placed()) for _ in range(5)] == [200] * 5, "one of two pods may go"
    outlet.until(lambda: outlet.equation("hooked")["seen"], lambda seen: seen == 6, seconds=30)
    outlet.kubectl.run("delete", "pipe/hooked", "kconn/shop-hooked", f"--namespace={NAMESPACE}")
    outlet.kubectl.run("delete", "kconn/erp-hooked", f"--namespace={NAMESPACE}")
    outlet.until(receivers, lambda pods: not pods)
    outlet.settle()


def test_twenty_dead_workers_lose_and_double_nothing(outlet):
    with Stream(outlet) as stream:
        for _ in range(20):
            pods = outlet.until(outlet.pods, bool)
            outlet.kubectl.run(
                "delete", "pod", pods[0]["metadata"]["name"], f"--namespace={NAMESPACE}",
                "--grace-period=0", "--force", "--wait=false",
            )  # fmt: skip
            gone = pods[0]["metadata"]["uid"]
            outlet.until(
                outlet.pods,
                # the next one dies when it has taken up the work, not before
                lambda left, gone=gone: (
                    left and all(one["metadata"]["uid"] != gone and is_ready(one) for one in left)
                ),
            )
    print(f"{stream.placed} orders placed meanwhile")
    assert stream.placed > 0
    print(outlet.settle())


def test_work_goes_on_without_operator_and_api_server(trial, outlet):
    if not trial.cluster.can_break:
        pytest.skip("this cluster's API server cannot be taken away")
    before = outlet.placed()
    outlet.ask("shop", "do/create_orders", {"count": 30, "seed": 77})
    outlet.kubectl.run(
        "delete", "pod", f"--namespace={SYSTEM}", "-l", "app.kubernetes.io/component=operator",
        "--grace-period=0", "--force", "--wait=false",
    )  # fmt: skip
    with trial.cluster.api_server_down():
        time.sleep(30)  # the outage itself: fifteen polls long
    assert outlet.placed() == before + 30
    # nothing that follows is needed for it: it happened meanwhile, or it is at once
    outlet.until(lambda: len(outlet.documents()), lambda count: count == before + 30, seconds=20)
    # scheduler and controllers come back in their own time; then the operator does
    trial.kubectl.until(
        "deploy", "knect", f"--namespace={SYSTEM}", seconds=180,
        holds=lambda one: one["status"].get("availableReplicas") == 1,
    )  # fmt: skip
    outlet.until(outlet.ready, lambda found: found[0] == "True", seconds=120)


def test_a_database_that_restarts_is_waited_for(outlet):
    restarts = {one["metadata"]["uid"] for one in outlet.pods()}
    with Stream(outlet, count=2):
        outlet.kubectl.run(
            "delete", "pod", "knect-postgresql-0", f"--namespace={SYSTEM}", "--grace-period=0",
            "--force",
        )  # fmt: skip
        outlet.kubectl.until(
            "pod", "knect-postgresql-0", f"--namespace={SYSTEM}",
            holds=is_ready,
            seconds=120,
        )  # fmt: skip
    print(outlet.settle())
    assert {one["metadata"]["uid"] for one in outlet.pods()} == restarts


def test_credentials_rotate_without_restart_or_reject(outlet):
    pods = outlet.pods()
    uids = {one["metadata"]["uid"] for one in pods}
    outlet.ask("shop", "do/rotate", {"token": "shpat_second", "secret": "second-secret"})
    outlet.ask("erp", "do/rotate", {"key": "second-key"})
    outlet.kubectl.apply(
        outlet.secret("shop", accessToken="shpat_second", webhookSecret="second-secret"),
        outlet.secret("erp", apiKey="second-key"),
    )
    outlet.ask("shop", "do/create_orders", {"count": 20, "seed": 88})

    sums = outlet.settle(seconds=240)

    assert sums.get("rejected", 0) == 0
    now = outlet.pods()
    assert {one["metadata"]["uid"] for one in now} == uids
    restarts = {s["restartCount"] for one in now for s in one["status"]["containerStatuses"]}
    assert restarts == {
        s["restartCount"] for one in pods for s in one["status"]["containerStatuses"]
    }
    outlet.until(outlet.ready, lambda found: found[0] == "True", seconds=120)


def test_revoked_credentials_are_the_reason_everywhere(outlet):
    outlet.ask("erp", "do/rotate", {"key": "third-key"})
    outlet.ask("shop", "do/create_orders", {"count": 3, "seed": 99})
    found = outlet.until(
        outlet.ready, lambda one: one[:2] == ("False", "CredentialsRejected"), seconds=120
    )
    print(outlet.table())
    assert "erp" in found[2]
    outlet.until(
        lambda: outlet.ready("connections/erp"),
        lambda one: one[:2] == ("False", "CredentialsRejected"),
        seconds=60,
    )
    outlet.kubectl.apply(outlet.secret("erp", apiKey="third-key"))
    outlet.until(outlet.ready, lambda one: one[0] == "True", seconds=180)
    outlet.settle()


def test_suspend_and_resume_and_another_mapping(outlet):
    outlet.kubectl.apply(outlet.pipeline(suspend=True))
    outlet.until(outlet.ready, lambda one: one[:2] == ("False", "Suspended"))
    print(outlet.table())
    # observed is when the worker that stands still has taken over
    outlet.until(
        lambda: outlet.get("deploy/orders-worker")["status"],
        lambda status: (
            status.get("availableReplicas") == 1 and status.get("unavailableReplicas") is None
        ),
    )
    before = len(outlet.documents())
    outlet.ask("shop", "do/create_orders", {"count": 5, "seed": 111})
    time.sleep(8)  # four polls of a pipeline that must not poll
    assert len(outlet.documents()) == before

    outlet.kubectl.apply(outlet.pipeline(mapping={"set": {"comment": '"web " + order.number'}}))
    outlet.settle()
    outlet.until(outlet.ready, lambda one: one[0] == "True")


def test_two_pipelines_of_one_source_have_pods_of_their_own_and_both_get_all(outlet):
    """One joins late; of the two pods one reads for both, and each of them dies once."""
    outlet.settle()
    before = outlet.placed()
    _, erp, pipeline = outlet.trio("beside", mode="Observe")
    pipeline["spec"]["source"]["connectionRef"]["name"] = "shop"
    outlet.kubectl.apply(erp, pipeline)

    def seen():
        return outlet.equation("beside")["seen"]

    outlet.until(outlet.pods, lambda pods: len(pods) == 2 and all(map(is_ready, pods)))
    outlet.until(seen, lambda count: count == before)
    for number, name in enumerate(("orders", "beside"), 1):
        pods = outlet.until(outlet.pods, lambda pods: len(pods) == 2 and all(map(is_ready, pods)))
        (dies,) = (x for x in pods if x["metadata"]["name"].startswith(f"{name}-"))
        outlet.kubectl.run(
            "delete", "pod", dies["metadata"]["name"], f"--namespace={NAMESPACE}",
            "--grace-period=0", "--force", "--wait=false",
        )  # fmt: skip
        outlet.ask("shop", "do/create_orders", {"count": 5, "seed": 120 + number})
        wanted = before + 5 * number
        outlet.until(seen, lambda count, wanted=wanted: count == wanted)
        outlet.settle()
    outlet.kubectl.run("delete", "pipe/beside", "kconn/erp-beside", f"--namespace={NAMESPACE}")
    outlet.until(outlet.pods, lambda pods: len(pods) == 1 and is_ready(pods[0]))


def test_an_edit_costs_a_gap_of_seconds_and_says_which_it_is(outlet):
    (old,) = outlet.until(outlet.pods, lambda pods: len(pods) == 1 and is_ready(pods[0]))
    said, gaps = set(), []
    with Stream(outlet, count=2):
        count, at = len(outlet.documents()), time.monotonic()
        edited = outlet.pipeline(mapping={"set": {"comment": '"edited " + order.number'}})
        outlet.until(lambda: len(outlet.documents()), lambda now: now > count)
        outlet.kubectl.apply(edited)
        deadline, renewed = time.monotonic() + 120, 0
        count, at = len(outlet.documents()), time.monotonic()
        while renewed < 3 and time.monotonic() < deadline:
            now = len(outlet.documents())
            if now > count:
                gaps.append(time.monotonic() - at)
                count, at = now, time.monotonic()
                pods = {one["metadata"]["uid"] for one in outlet.pods()}
                renewed += old["metadata"]["uid"] not in pods
            conditions = outlet.get("pipe/orders")["status"]["conditions"]
            said |= {one["message"] for one in conditions if one["type"] == "WorkerAvailable"}
    print(f"longest gap between deliveries: {max(gaps):.1f} s of {[f'{one:.1f}' for one in gaps]}")
    print(outlet.settle())
    assert renewed == 3
    assert max(gaps) < 60
    generation = outlet.get("pipe/orders")["metadata"]["generation"]
    words = f" for generation {generation} of pipeline orders"
    assert any(one.endswith(words) for one in said), said
    outlet.until(outlet.ready, lambda one: one[0] == "True")


def test_wishes_become_jobs_that_end_well(outlet):
    before = len(outlet.documents())
    for wish in ("backfill=2020-01-01T00:00:00Z", "replay=key=1001"):
        outlet.kubectl.run(
            "annotate", "pipe/orders", f"knect.dev/{wish}", f"--namespace={NAMESPACE}"
        )
    for role in ("backfill", "replay"):
        outlet.until(
            lambda role=role: [
                one["status"]
                for one in outlet.get("jobs")["items"]
                if one["metadata"]["name"].startswith(f"orders-{role}")
            ],
            lambda found: [one.get("succeeded") for one in found] == [1],
        )
    outlet.kubectl.run(
        "annotate", "pipe/orders", "knect.dev/backfill-", "knect.dev/replay-",
        f"--namespace={NAMESPACE}",
    )  # fmt: skip
    outlet.until(lambda: outlet.get("jobs")["items"], lambda jobs: not jobs)
    outlet.settle()
    assert len(outlet.documents()) == before


def test_a_mistake_is_held_with_its_path(outlet):
    bad = {"set": {"comment": '"web " + order.nummer'}}
    outlet.kubectl.apply(outlet.pipeline("mistaken", mapping=bad, entity="customers"))
    found = outlet.until(
        lambda: outlet.ready("syncpipelines/mistaken"), lambda one: one[1] == "ExpressionInvalid"
    )
    print(outlet.table())
    assert found[2].startswith("spec.mapping.set.comment: ")
    with pytest.raises(KubectlFailed):
        outlet.get("deploy/mistaken-worker")
    outlet.kubectl.run("delete", "pipe", "mistaken", f"--namespace={NAMESPACE}", seconds=30)


def test_what_keeps_a_pod_from_running_is_named(trial, outlet):
    trial.prepare("trouble")
    documents = outlet.secrets()
    for name, placement in (
        ("image", {"image": "localhost/nowhere:1"}),
        ("node", {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}),
    ):
        documents += outlet.trio(name, worker=placement)
    for one in documents:
        one["metadata"]["namespace"] = "trouble"
    trial.kubectl.apply(*documents)
    for name, reason, words in (
        ("image", "ImageNotPulled", "localhost/nowhere:1"),
        ("node", "NotScheduled", "no node takes pod"),
    ):
        assert words in _until_reason(trial, "trouble", name, reason)

    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full", "namespace": "trouble"},
    }
    trial.kubectl.apply({**quota, "spec": {"hard": {"pods": "2"}}})
    more = outlet.trio("quota")
    for one in more:
        one["metadata"]["namespace"] = "trouble"
    trial.kubectl.apply(*more)
    assert "exceeded quota" in _until_reason(trial, "trouble", "quota", "QuotaExceeded")
    print(trial.kubectl.run("get", "pipe", "--namespace=trouble", "-o", "wide"))
    trial.kubectl.run("delete", "namespace", "trouble", "--wait=false")


def _until_reason(trial, namespace, pipeline, reason):
    def ready(one):
        conditions = one.get("status", {}).get("conditions", ())
        return next((c for c in conditions if c["type"] == "Ready"), {})

    found = trial.kubectl.until(
        "pipe", pipeline, f"--namespace={namespace}", seconds=90,
        holds=lambda one: ready(one).get("reason") == reason,
    )  # fmt: skip
    return ready(found)["message"]


def test_a_frozen_worker_is_restarted_and_work_flows(trial, outlet):
    if not trial.cluster.can_break:
        pytest.skip("nothing can be frozen on this cluster")
    pod = outlet.pods()[0]["metadata"]["name"]
    outlet.ask("shop", "do/create_orders", {"count": 10, "seed": 122})
    began = time.monotonic()
    with trial.cluster.frozen(NAMESPACE, pod):
        outlet.ask("shop", "do/create_orders", {"count": 10, "seed": 123})
        outlet.until(
            outlet.ready,
            lambda one: one[0] != "True" or len(outlet.documents()) == outlet.placed(),
            seconds=90,
        )
        print(f"seen after {time.monotonic() - began:.0f} s: {outlet.ready()}\n{outlet.table()}")
        outlet.until(
            lambda: (outlet.placed(), len(outlet.documents())), lambda n: n[0] == n[1], seconds=150
        )
    print(f"flows again after {time.monotonic() - began:.0f} s")
    outlet.until(outlet.ready, lambda one: one[0] == "True", seconds=60)


def test_upgrade_and_roll_back_with_work_in_flight(trial, outlet):
    """The next release is another image: the operator and every worker are replaced, twice."""
    following = foreign_image("knect-next")
    trial.cluster.load_image(following)

    def run_by(namespace, image):
        outlet.until(
            lambda: outlet.pods(namespace),
            lambda pods: (
                {one["spec"]["containers"][0]["image"] for one in pods} == {image}
                and all(map(is_ready, pods))
            ),
        )

    with Stream(outlet, count=2) as stream:
        trial.install(**VALUES, image=as_values(following.name), config={"logLevel": "DEBUG"})
        outlet.kubectl.apply(outlet.pipeline(worker={"image": following.name}))
        for namespace in (NAMESPACE, "shops"):
            run_by(namespace, following.name)
        between = stream.placed
        trial.helm("rollback", trial.release, "--wait", "--timeout=3m")
        outlet.kubectl.apply(outlet.pipeline())
        run_by(NAMESPACE, outlet.foreign)
        run_by("shops", trial.image("knect"))
    assert 0 < between < stream.placed
    outlet.settle()
    outlet.until(outlet.ready, lambda one: one[0] == "True", seconds=120)


def test_a_namespace_goes_while_the_operator_is_away(trial, outlet):
    kubectl = trial.kubectl
    trial.prepare("leaving")
    outlet_like = outlet.connections()
    for one in outlet_like:
        one["metadata"]["namespace"] = "leaving"
    pipeline = outlet.pipeline()
    pipeline["metadata"]["namespace"] = "leaving"
    kubectl.apply(*outlet_like, pipeline)
    kubectl.until(
        "pipe", "orders", "--namespace=leaving", holds=lambda one: "status" in one, seconds=60
    )
    kubectl.run("scale", "deploy/knect", "--replicas=0", f"--namespace={SYSTEM}")
    try:
        kubectl.run("delete", "namespace", "leaving", "--timeout=90s", seconds=100)
    finally:
        kubectl.run("scale", "deploy/knect", "--replicas=1", f"--namespace={SYSTEM}")


def test_tenants_do_not_meet(trial, outlet):
    pods = trial.kubectl.get("pods", "-A", "-l", "app.kubernetes.io/managed-by=knect-operator")
    for pod in pods["items"]:
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        mounted = [one for volume in spec["volumes"] for one in volume if one == "projected"]
        assert mounted == []
    foreign = outlet.pipeline(
        "foreign", source={"connectionRef": {"name": "acme-shop"}, "start": "Now"}
    )
    outlet.kubectl.apply(foreign)
    found = outlet.until(
        lambda: outlet.ready("syncpipelines/foreign"), lambda one: one[1] == "ConnectionNotFound"
    )
    assert "acme-shop" in found[2]
    outlet.kubectl.run("delete", "pipe", "foreign", f"--namespace={NAMESPACE}", seconds=30)


def test_a_ledger_of_another_namespace_is_refused(trial, outlet):
    trial.prepare("thief")
    secret = outlet.get("secret", "knect-ledger")
    dsn = base64.b64decode(secret["data"]["dsn"]).decode()
    stolen = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "knect-ledger", "namespace": "thief"},
        "stringData": {"dsn": dsn},
    }
    documents = [*outlet.connections(), outlet.pipeline(), *outlet.secrets()]
    for one in documents:
        one["metadata"]["namespace"] = "thief"
    trial.kubectl.apply(stolen, *documents)
    found = trial.kubectl.until(
        "pipe", "orders", "--namespace=thief", seconds=120,
        holds=lambda one: any(
            c["reason"] == "LedgerUnavailable" for c in one.get("status", {}).get("conditions", ())
        ),
    )  # fmt: skip
    messages = " ".join(one["message"] for one in found["status"]["conditions"])
    assert NAMESPACE in messages
    assert dsn not in messages
    trial.kubectl.run("delete", "namespace", "thief", "--wait=false")


def test_uninstalled_the_workers_go_on_and_a_new_install_takes_them_up(trial, outlet):
    before = {one["metadata"]["uid"] for one in outlet.pods()}
    # the trial's database belongs to the release; a user's own would not
    trial.kubectl.run("scale", "deploy/orders-worker", "--replicas=1", f"--namespace={NAMESPACE}")
    documents = len(outlet.documents())
    trial.helm("uninstall", trial.release, "--wait", "--timeout=2m")
    assert {one["metadata"]["uid"] for one in outlet.pods()} == before
    assert outlet.get("pipe/orders")["spec"]["entity"] == "orders"
    outlet.ask("shop", "do/create_orders", {"count": 5, "seed": 131})

    # a release of Helm 3 takes up what one of Helm 4 left
    print(trial.with_helm(3).install(**VALUES))
    sums = outlet.settle(seconds=240)

    assert len(outlet.documents()) == documents + 5
    assert sums["seen"] >= documents + 5
    outlet.until(outlet.ready, lambda one: one[0] == "True", seconds=180)


def test_at_the_end_the_sum_holds_and_nothing_is_doubled(outlet):
    sums = outlet.settle()
    print(sums)
    documents = outlet.documents()
    assert sums.get("rejected", 0) == sums.get("unknown", 0) == sums.get("waiting", 0) == 0
    external = [one["external_id"] for one in documents]
    assert len(external) == len(set(external)) == outlet.placed()
