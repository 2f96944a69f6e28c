"""What only a real API server does to the operator: it normalises, refuses, counts and forgets."""

import asyncio
import os
import re
import time
import urllib.request

import pytest
from tests.support.chart.render import render
from tests.support.kube.objects import a_config_map, a_pipeline, a_secret, a_shop
from tests.support.kube.process import OperatorProcess, in_namespace, ready, until, whole
from tests.support.kube.stage import Stage

from knect.api.reasons import ConditionReason
from knect.api.report import EntityReport, Verdict, VerdictState

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

STOPPED = Verdict(state=VerdictState.FALSE, reason=ConditionReason.STALLED, message="it stands")


def condition(document, type_):
    found = {one["type"]: one for one in (document.get("status") or {}).get("conditions", ())}
    return found.get(type_, {})


def writes(operator):
    """How often this operator asked to change a Deployment or a status."""
    with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/metrics", timeout=5) as page:
        text = page.read().decode()
    pattern = r'knect_api_requests_total\{code="(\d+)".*resource="([a-z/]+)",verb="patch"\} (\S+)'
    return {(code, what): float(many) for code, what, many in re.findall(pattern, text)}


async def test_an_upgrade_of_the_image_leaves_the_job_of_a_wish_alone(
    cluster, namespace, kube, get, tmp_path
):
    wish = {"knect.dev/backfill": "2026-01-01T00:00:00Z"}
    async with Stage(kube):
        async with OperatorProcess(cluster.kubeconfig, tmp_path):
            cluster.kubectl.apply(
                *whole(namespace), *in_namespace(namespace, a_pipeline(annotations=wish))
            )
            await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
            await until(lambda: get("jobs")["items"], lambda items: len(items) == 1)

        settings = {"worker": {"image": "knect:next"}, "leaderElection": False}
        async with OperatorProcess(cluster.kubeconfig, tmp_path, **settings):
            await until(
                lambda: get("pods", "-l", "app.kubernetes.io/component=worker")["items"],
                lambda pods: (
                    [one["spec"]["containers"][0]["image"] for one in pods] == ["knect:next"]
                ),
            )
            found = await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
            assert condition(found, "Stalled") == {}


@pytest.mark.parametrize(
    ("worker", "settings"),
    [
        ({"resources": {"limits": {"memory": "1024Mi", "cpu": "2.0"}}}, {}),
        ({"resources": {"requests": {"cpu": "0.05"}}, "nodeSelector": {"pool": ""}}, {}),
        ({"tolerations": [{"key": "a", "operator": "Exists", "effect": ""}]}, {"env": {"A": ""}}),
    ],
)
async def test_whatever_the_api_server_writes_in_its_own_way_nothing_moves_at_rest(
    cluster, namespace, kube, get, tmp_path, worker, settings
):
    told = {"worker": {"image": "knect:test", **settings}, "namespaces": [namespace]}
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path, **told) as operator:
        cluster.kubectl.apply(
            *whole(namespace), *in_namespace(namespace, a_pipeline(worker=worker))
        )
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        seen = await until(lambda: _twice(lambda: writes(operator)), lambda two: two[0] == two[1])
        assert seen[0]


def _twice(ask):
    """Two answers with some looks of one second between them: a rest is time that passes."""
    first = ask()
    time.sleep(5)
    return first, ask()


async def test_a_status_that_cannot_be_kept_does_not_freeze_ready(
    cluster, namespace, kube, get, tmp_path
):
    async with Stage(kube) as stage, OperatorProcess(cluster.kubeconfig, tmp_path):
        stage.connections["acme-shop"] = {
            "product": "ä" * 400,
            "version": "1",
            "entities": (EntityReport(name="no entity!", read=True),),
        }
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline()))
        await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")
        shop = await until(lambda: get("kconn", "acme-shop"), lambda one: ready(one)[0] == "True")
        assert "entities" not in shop["status"]

        token = f"knect.dev/requested-at={'x' * 300}"
        cluster.kubectl.run("annotate", "pipe/orders", token, f"--namespace={namespace}")
        stage.pipelines["orders"] = {"flowing": STOPPED}

        await until(lambda: get("pipe", "orders"), lambda one: ready(one) == ("False", "Stalled"))
        events = await until(
            lambda: get("events")["items"],
            lambda items: any("has 300 characters" in one["message"] for one in items),
        )
        assert events


async def test_a_long_sentence_and_a_long_name_still_make_an_event(
    cluster, namespace, kube, get, tmp_path
):
    name = f"{'a' * 199}-{'b' * 40}"
    sentence = "für " * 256
    async with Stage(kube) as stage, OperatorProcess(cluster.kubeconfig, tmp_path):
        stage.pipelines[name] = {"flowing": STOPPED.model_copy(update={"message": sentence})}
        cluster.kubectl.apply(*whole(namespace), *in_namespace(namespace, a_pipeline(name)))

        await until(
            lambda: get("events")["items"],
            lambda items: any(one["reason"] == "Stalled" for one in items),
        )


async def test_a_connection_whose_name_begins_with_a_digit_gets_its_receiver(
    cluster, namespace, kube, get, tmp_path
):
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path):
        shop = a_shop("3pl", webhooks={"host": "hooks.example.com"})
        cluster.kubectl.apply(
            *whole(namespace), *in_namespace(namespace, shop, a_pipeline(source="3pl"))
        )

        found = await until(
            lambda: get("kconn", "3pl"),
            lambda one: condition(one, "ReceiverAvailable").get("status") == "True",
            seconds=30,
        )
        assert condition(found, "Stalled") == {}
        assert len(get("ingress")["items"]) == 1


LONG = f"{'a' * 62}." * 3 + "b" * 64
GROUP = "c" * 63


async def test_names_of_the_greatest_length_in_two_namespaces_all_work(
    cluster, namespace, kube, get, tmp_path
):
    other = f"{namespace}-{'d' * (62 - len(namespace))}"
    cluster.kubectl.run("create", "namespace", other)
    rows = {"DHL": "7"}
    maps = {"valueMaps": [{"name": "carriers", "configMapRef": {"name": LONG}}]}
    wish = {"knect.dev/backfill": "2026-01-01T00:00:00Z"}
    async with Stage(kube), OperatorProcess(cluster.kubeconfig, tmp_path):
        for place in (namespace, other):
            shop = a_shop(LONG, secret=LONG, webhooks={"host": f"{place[-8:]}.example.com"})
            pipeline = a_pipeline(
                LONG, source=LONG, mapping=maps, worker={"group": GROUP}, annotations=wish
            )
            documents = (a_secret(LONG, accessToken="x"), a_config_map(LONG, **rows))
            cluster.kubectl.apply(
                *whole(place), *in_namespace(place, *documents, shop, pipeline, a_shop("3.pl-9"))
            )
        for place in (namespace, other):
            for kind in ("pipe", "kconn"):
                await until(
                    lambda kind=kind, place=place: cluster.kubectl.get(
                        kind, LONG, f"--namespace={place}"
                    ),
                    lambda one: ready(one)[0] == "True",
                )
            jobs = cluster.kubectl.get("jobs", f"--namespace={place}")["items"]
            assert len([one for one in jobs if "backfill" in one["metadata"]["name"]]) == 1
            assert len(cluster.kubectl.get("ingress", f"--namespace={place}")["items"]) == 1
    cluster.kubectl.run("delete", "namespace", other, "--wait=false")


async def test_one_namespace_that_goes_takes_the_others_not_with_it(cluster, kube, tmp_path):
    account, (kept, gone) = scoped(cluster, "kept", "gone")
    settings = {"namespaces": [kept, gone], "namespace": kept, "leaderElection": False}
    async with Stage(kube):
        cluster.kubectl.apply(*whole(kept), *in_namespace(kept, a_pipeline()))
        await asyncio.to_thread(cluster.kubectl.run, "delete", "namespace", gone)

        async with OperatorProcess(account, tmp_path, **settings, resync="3s") as operator:
            await until(
                lambda: cluster.kubectl.get("pipe", "orders", f"--namespace={kept}"),
                lambda one: ready(one)[0] == "True",
            )
            # made again, with its role: a new process takes it up
            assert operator.process.returncode is None
            scoped(cluster, kept, gone, again=True)
            async with asyncio.timeout(60):
                assert await operator.process.wait() == 0
            assert "can be listed again" in operator.log.read_text()

        async with OperatorProcess(account, tmp_path, **settings, resync="3s"):
            cluster.kubectl.apply(*whole(gone), *in_namespace(gone, a_pipeline()))
            await until(
                lambda: cluster.kubectl.get("pipe", "orders", f"--namespace={gone}"),
                lambda one: ready(one)[0] == "True",
            )
    for one in (kept, gone):
        cluster.kubectl.run("delete", "namespace", one, "--wait=false")


def scoped(cluster, *names, again=False):
    """Make namespaces with the chart's roles in each; return the account's kubeconfig and them."""
    namespaces = names if again else tuple(f"{one}-{os.urandom(4).hex()}" for one in names)
    listed = ",".join(namespaces)
    account = {"kind": "ServiceAccount", "name": "scoped", "namespace": namespaces[0]}
    objects = render("--set=scope.clusterWide=false", f"--set=scope.namespaces={{{listed}}}")
    of = "rbac.authorization.k8s.io"
    made = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one}} for one in namespaces
    ]
    for one in objects:
        metadata = one["metadata"]
        if one["kind"] != "Role" or metadata.get("namespace") not in namespaces:
            continue
        kept = {"name": metadata["name"], "namespace": metadata["namespace"]}
        role = {"apiGroup": of, "kind": "Role", "name": metadata["name"]}
        made += [
            {**one, "metadata": kept},
            {
                "apiVersion": f"{of}/v1",
                "kind": "RoleBinding",
                "metadata": kept,
                "roleRef": role,
                "subjects": [account],
            },
        ]
    cluster.kubectl.apply(*made)
    return cluster.service_account(namespaces[0], "scoped"), namespaces
