"""One real API server for all tests of this folder."""

import pytest
from tests.support.cluster.control_plane import ControlPlane
from tests.support.real.require import require


@pytest.fixture(scope="session")
def plane():
    require("cluster")
    with ControlPlane(controllers=True) as plane:
        yield plane
