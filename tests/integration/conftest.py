"""Which tests stay together when two processes share them.

Why: an API server and a Jaeger cost more to keep running than their tests do, so all of a folder's
go to one process; a Tryton or a pod is there in seconds, so their tests only share a file's, and
both processes end together.
"""

from pathlib import Path

import pytest

_TOGETHER = ("cluster", "jaeger")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the groups; after it there are none
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            path = item.path.relative_to(here)
            group = path.parts[0] if path.parts[0] in _TOGETHER else str(path.with_suffix(""))
            item.add_marker(pytest.mark.xdist_group(group))
