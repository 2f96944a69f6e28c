"""What tests on a real API server are given: the server, Knect's kinds, a namespace, a client.

Why one place: four suites want the same, and a copy that drifts is a test that lies.
Must not: keep anything of one test for the next but the server itself.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from tests.support.cluster.control_plane import ControlPlane
from tests.support.cluster.crds import installed_crds
from tests.support.real.require import require

from knect_operator.kube.aio import AioClient

__all__ = ["cluster", "get", "kube", "namespace", "plane"]


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """One real API server, with controllers, for all tests of a session."""
    require("cluster")
    with ControlPlane(controllers=True) as plane:
        yield plane


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> ControlPlane:
    """The same, which knows Knect's kinds."""
    installed_crds(plane)
    return plane


@pytest.fixture
def namespace(cluster: ControlPlane) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"t-{os.urandom(4).hex()}"
    cluster.kubectl.run("create", "namespace", name)
    yield name
    cluster.kubectl.run("delete", "namespace", name, "--wait=false")


@pytest.fixture
def get(cluster: ControlPlane, namespace: str) -> Callable[..., Any]:
    """Return what kubectl gets from that namespace."""

    def get(*words: str) -> Any:
        return cluster.kubectl.get(*words, f"--namespace={namespace}")

    return get


@pytest.fixture
async def kube(cluster: ControlPlane) -> AsyncIterator[AioClient]:
    """The operator's own client."""
    async with await AioClient.connect(str(cluster.kubeconfig)) as client:
        yield client
