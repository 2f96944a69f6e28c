"""Every example is taken by a real API server, strictly, and held by the operator for no mistake."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.support.cluster.crds import installed_crds
from tests.support.kube.bench import Bench
from tests.support.kube.objects import a_ledger_secret, a_secret

from knect.cli.validate import validate
from knect.sdk.testing import DEFAULT_SKUS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).parents[3] / "examples"
FLAT = sorted(
    path for path in EXAMPLES.iterdir() if path.is_dir() and path.name[:2] not in {"01", "07"}
)
#: Whatever a connector of an example asks for.
KEYS = dict.fromkeys(
    (
        "accessToken",
        "accessTokenSecret",
        "apiKey",
        "apiUser",
        "clientSecret",
        "consumerKey",
        "consumerSecret",
        "password",
        "token",
        "username",
        "webhookSecret",
    ),
    "x",
)
OVERLAYS = sorted((EXAMPLES / "07-gitops" / "overlays").iterdir())


def test_none_is_left_out():
    numbered = {path.name for path in EXAMPLES.iterdir() if path.name[:2].isdigit()}
    assert {path.name for path in FLAT} | {"01-shop-to-erp", "07-gitops"} == numbered
    assert all((EXAMPLES / name / "README.md").exists() for name in numbered - {"01-shop-to-erp"})


def documents_of(plane, path):
    if path.parent.name == "overlays":
        text = plane.kubectl.run("kustomize", str(path))
    else:
        text = "\n---\n".join(one.read_text() for one in sorted(path.glob("*.yaml")))
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.mark.parametrize("path", [*FLAT, *OVERLAYS], ids=lambda path: path.name)
async def test_an_example_is_admitted_and_not_held(plane, path):
    installed_crds(plane)
    documents = documents_of(plane, path)
    namespaces = {one["metadata"].get("namespace", "default") for one in documents}
    for name in namespaces - {"default"}:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        plane.kubectl.apply(space)
    said = plane.kubectl.run(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts",
        "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}),
    )  # fmt: skip
    assert len(said.splitlines()) == len(documents)

    ours = [one for one in documents if one["apiVersion"].startswith("knect.dev")]
    secrets = {
        (
            one["metadata"].get("namespace", "default"),
            one["spec"]["credentials"]["secretRef"]["name"],
        )
        for one in ours
        if one["kind"] == "Connection"
    }
    bench = Bench(
        *copy.deepcopy(ours),
        *(copy.deepcopy(one) for one in documents if one["kind"] == "ConfigMap"),
        *(a_secret(name, namespace=namespace, **KEYS) for namespace, name in secrets),
        *(a_ledger_secret(namespace) for namespace in namespaces),
    )
    await bench.settle()
    for one in ours:
        name, kind = one["metadata"]["name"], one["kind"]
        assert bench.condition(name, "ConfigValid", kind)["status"] == "True", (kind, name)
        assert bench.ready(name, kind)[0] == "True"


@pytest.mark.parametrize("path", FLAT, ids=lambda path: path.name)
def test_validate_says_the_same(path):
    said = CliRunner().invoke(validate, ["-f", str(path), "--secrets-elsewhere"])
    assert "nothing to complain about" in said.output


def test_the_trial_s_erp_knows_what_the_shop_sells():
    parts = yaml.safe_load_all((EXAMPLES / "02-on-kubernetes" / "parts.yaml").read_text())
    table = next(one for one in parts if one["kind"] == "ConfigMap")
    products = json.loads(table["data"]["products.json"])
    assert {(one["sku"], one["price"]) for one in products} == {
        (one.sku, str(one.price)) for one in DEFAULT_SKUS
    }
