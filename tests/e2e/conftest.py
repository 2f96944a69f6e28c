"""One local node for the tests of the test kit itself; it is not asked of an existing cluster."""

import pytest
from tests.support.cluster.local_node import LocalNode, ensure_node
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
