"""Helm and, for what only an API server can judge, one of those."""

import pytest
from tests.support.cluster.control_plane import ControlPlane
from tests.support.cluster.crds import installed_crds
from tests.support.real.require import require


@pytest.fixture(scope="session", autouse=True)
def _helm():
    require("cluster")


@pytest.fixture(scope="session")
def plane():
    with ControlPlane() as plane:
        installed_crds(plane)
        yield plane
