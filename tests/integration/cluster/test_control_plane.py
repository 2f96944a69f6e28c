"""The real API server takes this repository's CRDs, and the test kit around it keeps its word."""

from pathlib import Path

import pytest
from tests.support.cluster.control_plane import ControlPlane
from tests.support.cluster.crds import installed_crds
from tests.support.cluster.daemon import noted_pids
from tests.support.cluster.kubectl import Kubectl, KubectlFailed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]  # the first build takes minutes


def conditions(document):
    return {one["type"]: one["status"] for one in document["status"]["conditions"]}


@pytest.fixture(scope="session")
def crds(plane):
    return installed_crds(plane)


def connection(name, **spec):
    return {
        "apiVersion": "knect.dev/v1alpha1",
        "kind": "Connection",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"connector": "shopify", "role": "Spoke", "config": {}, **spec},
    }


def test_every_crd_is_established_with_all_its_rules(plane, crds):
    assert crds
    for document in crds:
        name = document["metadata"]["name"]
        found = plane.kubectl.until(
            "crd", name, holds=lambda one: conditions(one).get("Established") == "True", seconds=20
        )
        assert conditions(found)["NamesAccepted"] == "True"
        assert "NonStructuralSchema" not in conditions(found)
        assert _rules(found["spec"]["versions"]) == _rules(document["spec"]["versions"])


def _rules(node):
    """How many CEL rules stand in a schema: what is stored must be what was declared."""
    if isinstance(node, dict):
        here = len(node.get("x-kubernetes-validations", []))
        return here + sum(_rules(value) for value in node.values())
    return sum(_rules(value) for value in node) if isinstance(node, list) else 0


def test_a_rule_refuses_and_says_why(plane, crds):
    plane.kubectl.until("crd", crds[0]["metadata"]["name"], holds=conditions, seconds=20)
    plane.kubectl.apply(connection("acme"))
    with pytest.raises(KubectlFailed, match="immutable"):
        plane.kubectl.apply(connection("acme", connector="tryton"))


def test_a_user_may_only_what_rbac_says(plane, crds):
    plane.kubectl.apply(connection("seen"))
    alice = Kubectl(plane.user("alice", groups=["ops"]))
    with pytest.raises(KubectlFailed, match="Forbidden"):
        alice.get("connections", "--namespace=default")
    rules = [{"apiGroups": ["knect.dev"], "resources": ["connections"], "verbs": ["get", "list"]}]
    of = "rbac.authorization.k8s.io"
    metadata = {"name": "ops-reads", "namespace": "default"}
    plane.kubectl.apply(
        {"apiVersion": f"{of}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{of}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": of, "kind": "Role", "name": "ops-reads"},
            "subjects": [{"apiGroup": of, "kind": "Group", "name": "ops"}],
        },
    )
    found = alice.until(
        "connections", "--namespace=default", holds=lambda got: bool(got["items"]), seconds=10
    )
    assert "seen" in [one["metadata"]["name"] for one in found["items"]]


def test_a_service_account_is_known_by_its_token(plane):
    robot = Kubectl(plane.service_account("default", "robot"))
    assert "system:serviceaccount:default:robot" in robot.run("auth", "whoami")


def test_an_outage_ends_and_nothing_is_lost(plane):
    plane.kubectl.run("create", "configmap", "kept", "--from-literal=a=b")
    plane.stop_api_server()
    try:
        assert not plane.is_ready()
        with pytest.raises(KubectlFailed, match="refused"):
            plane.kubectl.get("configmap", "kept")
    finally:
        plane.start_api_server()
    assert plane.kubectl.get("configmap", "kept")["data"] == {"a": "b"}


def test_nothing_is_left_of_a_control_plane(plane):
    with ControlPlane() as other:
        folder = other.place.folder
        notes = sorted(folder.glob("*.pid"))
        assert len(noted_pids(notes)) == 2  # etcd and the API server
        kept = [note.read_text() for note in notes]
    assert not folder.exists()
    assert not any(Path(f"/proc/{text.split()[0]}").exists() for text in kept)
