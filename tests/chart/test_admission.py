"""What a real API server thinks of the chart's objects, and of the pods the operator makes."""

import copy

import pytest
import yaml
from tests.support.chart.render import VALUES, render
from tests.support.kube.bench import Bench
from tests.support.kube.objects import a_ledger_secret, a_pipeline, a_secret, a_shop, an_erp

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

FOREIGN = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


@pytest.fixture(scope="module")
def restricted(plane):
    for name in ("knect-system", "shops", "outlet"):
        plane.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
                },
            }
        )
    # a dry run makes none, and no controller runs here that would
    plane.kubectl.run("create", "serviceaccount", "knect", "--namespace=knect-system")
    plane.kubectl.run("create", "serviceaccount", "default", "--namespace=shops")
    return plane


@pytest.mark.parametrize("name", VALUES)
def test_every_object_is_taken_strictly(restricted, name):
    objects = [one for one in render(values=VALUES[name]) if one["kind"] not in FOREIGN]
    for one in objects:
        one["metadata"].setdefault("annotations", {})

    said = restricted.kubectl.run(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts",
        "-f", "-",
        stdin=yaml.safe_dump_all(objects),
    )  # fmt: skip

    assert len(said.splitlines()) == len(objects)


def pod_of(document):
    template = copy.deepcopy(document["spec"]["template"])
    claims = document["spec"].get("volumeClaimTemplates", ())
    template["spec"]["volumes"] += [
        {"name": one["metadata"]["name"], "emptyDir": {}} for one in claims
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"p-{document['metadata']['name']}"[:60],
            "namespace": "shops",
            "labels": template["metadata"].get("labels", {}),
        },
        "spec": {**template["spec"], "serviceAccountName": "default"},
    }


async def operator_pods():
    bench = Bench(
        a_shop(webhooks={"host": "hooks.example.com"}),
        an_erp(),
        a_shop("unused"),
        a_secret("shop", accessToken="x"),
        a_secret("erp", username="u", password="p"),
        a_ledger_secret(),
        a_pipeline(annotations={"knect.dev/backfill": "2026-01-01T00:00:00Z"}),
    )
    await bench.settle()
    kinds = {**bench.kube.of("Deployment"), **bench.kube.of("Job")}
    return [pod_of(one) for one in kinds.values()]


async def test_every_pod_is_admitted_under_restricted(restricted):
    pods = await operator_pods()
    pods += [pod_of(one) for one in render(values=VALUES["ha"]) if one["kind"] == "Deployment"]
    pods += [pod_of(one) for one in render(values=VALUES["trial"]) if one["kind"] == "StatefulSet"]
    assert len(pods) >= 7

    for pod in pods:
        said = restricted.kubectl.apply(pod, dry_run=True)
        assert "created" in said or "serverside-applied" in said


async def test_worker_pods_have_no_token_and_a_read_only_root():
    for pod in await operator_pods():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in spec["containers"])
        assert spec["enableServiceLinks"] is False
