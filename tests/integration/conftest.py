"""Which tests stay together when two processes share them.

Why: a Tryton, a Jaeger or an API server is started once per process, so all its tests go to one;
pods are processes of their own, so their tests only share a file's server.
"""

from pathlib import Path

import pytest

_SPREAD = "worker"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            folder = item.path.parent.name
            together = item.path.stem if folder == _SPREAD else folder
            item.add_marker(pytest.mark.xdist_group(together))
