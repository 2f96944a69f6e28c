"""The local node is a Kubernetes: our image, names, volumes, logs, outages; nothing is left of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.restricted import STRICT, has_phase, is_ready, pod
from tests.support.cluster.buildah import buildah
from tests.support.cluster.images import project_image
from tests.support.cluster.kubectl import KubectlFailed
from tests.support.cluster.local_node import LocalNode
from tests.support.cluster.remains import find_remains

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]  # the first build takes minutes


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("version", ["--version"], "knect 0.1.0"),
        ("worker", ["worker", "--help"], "Run a worker document"),
        ("operator", [], "kubernetes"),
    ],
)
def test_the_image_runs_restricted_on_a_read_only_root(strict, image, name, words, expected):
    command = ["knect", *words]
    if name == "operator":  # what the slimmed image must still be able to import
        command = ["python", "-c", "import kopf, asyncpg, kubernetes.aio as k; print(k.__name__)"]
    strict.apply(pod(f"run-{name}", image, *command, restartPolicy="Never"))
    strict.until("pod", f"run-{name}", holds=has_phase("Succeeded"), seconds=60)
    assert expected in strict.run("logs", f"run-{name}")


def test_pod_security_refuses_what_is_not_restricted(strict, image):
    open_pod = pod("open", image, "knect", "--version")
    open_pod["spec"]["containers"][0]["securityContext"] = {"runAsNonRoot": True}
    with pytest.raises(KubectlFailed, match="violates PodSecurity"):
        strict.apply(open_pod)


def test_a_deployment_is_reached_by_its_service_name(strict, image):
    serve = pod(
        "web", image, "python", "-m", "http.server", "8000", "--directory", "/usr/share/knect"
    )
    serve["spec"]["containers"][0]["readinessProbe"] = {
        "httpGet": {"port": 8000, "path": "/"},
        "periodSeconds": 1,
    }
    strict.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": serve["spec"]},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]},
        },
    )
    strict.until(
        "deployment", "web", holds=lambda got: got["status"].get("readyReplicas") == 2, seconds=60
    )
    ask = f"import urllib.request as u; print(u.urlopen('http://web.{STRICT}/sbom.json').read(300))"
    seen = strict.run("exec", "deployment/web", "--", "python", "-c", ask)
    assert "CycloneDX" in seen
    # From a name outside comes an answer at once: there is none.
    gone = "import socket; socket.getaddrinfo('example.org', 80)"
    with pytest.raises(KubectlFailed, match="Name or service not known"):
        strict.run("exec", "deployment/web", "--", "python", "-c", gone)
    # Nothing in the cluster reaches the world: there is no route.
    out = "import socket; socket.create_connection(('192.0.2.1', 80), 30)"
    with pytest.raises(KubectlFailed, match="unreachable"):
        strict.run("exec", "deployment/web", "--", "python", "-c", out)


def test_a_claim_is_bound_and_kept_for_the_next_pod(strict, image):
    strict.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    for name, program in (
        ("writes", "open('/data/kept', 'w').write('yes')"),
        ("reads", "print(open('/data/kept').read())"),
    ):
        command = ["python", "-c", program]
        strict.apply(
            pod(name, image, *command, volumes=[volume], restartPolicy="Never",
                securityContext={"fsGroup": 65532})
        )  # fmt: skip
        strict.until("pod", name, holds=has_phase("Succeeded"), seconds=60)
    assert strict.get("pvc", "data")["status"]["phase"] == "Bound"
    assert strict.run("logs", "reads").strip() == "yes"


def test_a_pod_outlives_an_outage_of_the_api_server(local_node, strict, image):
    strict.apply(pod("steady", image, "python", "-m", "http.server", "8000"))
    strict.until("pod", "steady", holds=is_ready, seconds=60)
    before = local_node.pids(STRICT, "steady")
    assert len(before) == 1
    with local_node.api_server_down():
        with pytest.raises(KubectlFailed, match="refused"):
            strict.get("pod", "steady")
        assert Path(f"/proc/{before[0]}").exists()
    strict.until("pod", "steady", holds=is_ready, seconds=60)
    assert local_node.pids(STRICT, "steady") == before


def test_a_frozen_pod_is_restarted_by_its_liveness_probe(local_node, strict, image):
    frozen = pod("frozen", image, "python", "-m", "http.server", "8000")
    frozen["spec"]["containers"][0]["livenessProbe"] = {
        "httpGet": {"port": 8000, "path": "/"},
        "periodSeconds": 1,
        "timeoutSeconds": 1,
        "failureThreshold": 2,
    }
    strict.apply(frozen)
    strict.until("pod", "frozen", holds=is_ready, seconds=60)
    with local_node.frozen(STRICT, "frozen"):
        found = strict.until("pod", "frozen", holds=restarted, seconds=60)
    assert is_ready(strict.until("pod", "frozen", holds=is_ready, seconds=60))
    assert restarted(found)


def restarted(found):
    return found["status"]["containerStatuses"][0]["restartCount"] >= 1


def test_nothing_is_left_after_a_node_even_when_its_owner_was_killed(local_node):
    program = (
        "import sys, time; from tests.support.cluster.local_node import LocalNode; n = LocalNode();"
        "n.start(); print(n.files.network.index, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        slot = int(owner.stdout.readline())
        owner.kill()
    with LocalNode() as node:  # takes the number of the dead owner, and its leavings away
        assert node.files.network.index == slot
        assert node.files.network.index != local_node.files.network.index
        assert find_remains(node.files)
        assert is_alone(node)
    assert find_remains(node.files) == []
    assert local_node.kubectl.get("nodes")["items"]


def is_alone(node):
    """Exactly one kubelet carries the node's folder in its flags: the old one is gone."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:
            continue
        found += (
            words[0].endswith("/kubelet") and f"--root-dir={node.files.folder}/kubelet" in words
        )
    return found == 1


def test_an_unchanged_image_is_not_built_again(image):
    built = project_image()
    made = built.archive.stat().st_mtime_ns
    assert project_image() == built
    assert built.archive.stat().st_mtime_ns == made


def test_the_image_is_small(image):
    number, unit = buildah("images", "--format", "{{.Size}}", image).split()
    assert unit == "MB"
    assert float(number) < 200
