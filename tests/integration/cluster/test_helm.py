"""The chart over its life on a real API server, with both Helms."""

import os
import subprocess

import pytest
from tests.support.chart.generate import CHART
from tests.support.cluster.binaries import helm
from tests.support.cluster.crds import installed_crds

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

OWN = ("--set", "crds.enabled=false")  # the CRDs of this API server are other tests' too
TWO = ("--set", "replicaCount=2")
ALONE = ("--set", "leaderElection.enabled=false")


@pytest.fixture(params=[3, 4])
def release(plane, request, tmp_path):
    """Give a Helm of one release in a namespace of its own, and that namespace."""
    installed_crds(plane)
    namespace = f"helm-{os.urandom(4).hex()}"
    plane.kubectl.run("create", "namespace", namespace)
    folders = {f"HELM_{one}_HOME": str(tmp_path / one) for one in ("CACHE", "CONFIG", "DATA")}
    environment = {**os.environ, **folders, "KUBECONFIG": str(plane.kubeconfig)}

    def run(*words):
        command = [str(helm(request.param)), *words, f"--namespace={namespace}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run, namespace
    plane.kubectl.run("delete", "namespace", namespace, "--wait=false")


def test_replicas_and_lease_change_and_roll_back(plane, release):
    run, namespace = release
    name = f"life-{namespace[-8:]}"

    def strategy():
        found = plane.kubectl.get("deployment", f"{name}-knect", f"--namespace={namespace}")
        return found["spec"]["strategy"]["type"], found["spec"]["replicas"]

    run("install", name, str(CHART), *OWN, *TWO)
    assert strategy() == ("RollingUpdate", 2)
    run("upgrade", name, str(CHART), *OWN)
    assert strategy() == ("RollingUpdate", 1)
    run("upgrade", name, str(CHART), *OWN, *ALONE)
    assert strategy() == ("Recreate", 1)
    run("rollback", name, "1")
    assert strategy() == ("RollingUpdate", 2)
    run("rollback", name, "3")
    assert strategy() == ("Recreate", 1)
    run("upgrade", name, str(CHART), *OWN, *ALONE)
    run("uninstall", name)
    run("install", name, str(CHART), *OWN)
    run("uninstall", name)
