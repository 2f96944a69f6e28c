"""One local node for the tests of the test kit itself; it is not asked of an existing cluster."""

import os

import pytest
from tests.e2e.restricted import STRICT
from tests.support.cluster.choose import choose_cluster
from tests.support.cluster.images import project_image
from tests.support.cluster.kind import docker_works
from tests.support.cluster.kubectl import Kubectl
from tests.support.cluster.local_node import LocalNode, ensure_node
from tests.support.cluster.trial import Trial
from tests.support.real.require import Unavailable, require, unavailable


@pytest.fixture(scope="session")
def local_node():
    require("cluster")
    try:
        ensure_node()
    except Unavailable as error:
        unavailable("cluster", str(error))
    with LocalNode() as node:
        yield node


@pytest.fixture(scope="session")
def image(local_node):
    built = project_image()
    local_node.load_image(built)
    return built.name


@pytest.fixture(scope="session")
def strict(local_node):
    """kubectl in a namespace that admits restricted pods only."""
    local_node.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": STRICT,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
    )
    kubectl = Kubectl(local_node.kubeconfig, namespace=STRICT)
    kubectl.until("serviceaccount", "default", holds=bool, seconds=20)
    return kubectl


@pytest.fixture(scope="session")
def trial(request):
    """Return the trial's parts on the chosen cluster, images loaded and nothing installed."""
    require("cluster")
    if os.environ.get("KNECT_E2E_KUBECONFIG") or docker_works():
        with choose_cluster() as cluster:
            yield _loaded(cluster)
    else:
        yield _loaded(request.getfixturevalue("local_node"))


def _loaded(cluster):
    trial = Trial(cluster)
    trial.load_images()
    return trial
