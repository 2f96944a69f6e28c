"""Which tests stay together when two processes share them.

Why: an API server and a Jaeger cost more to keep running than their tests do, so all of a folder's
go to one process, but for those of the gateway, which wait as long as all others of the cluster; a
Tryton or a pod is there in seconds, so their tests only share a file's, and both processes end
together.
"""

from typing import Any

import pytest
from tests.support.groups import by_group

_TOGETHER = ("/cluster/test_gateway", "/cluster/", "/jaeger/")


def _group(nodeid: str) -> str:
    return next((one for one in _TOGETHER if one in nodeid), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return by_group(config, log, _group)
