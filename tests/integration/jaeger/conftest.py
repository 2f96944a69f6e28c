"""One real Jaeger for all tests of this folder."""

import pytest
from tests.support.real.jaeger import JaegerServer
from tests.support.real.require import require


@pytest.fixture(scope="session")
def jaeger():
    require("jaeger")
    with JaegerServer() as server:
        yield server
