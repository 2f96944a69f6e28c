"""Tests that stay together when several processes share a suite, by where they are.

Why: with pytest 9.2 the groups of pytest-xdist 3.8 are written to where nothing reads them
(`Item._nodeid`), and every test goes anywhere: each process then starts each server.
Must not: change what runs, or in which order within a group.
"""

from collections.abc import Callable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["by_group"]


class _Groups(LoadScopeScheduling):
    def __init__(self, config: pytest.Config, log: Any, group: Callable[[str], str]) -> None:
        super().__init__(config, log)
        self._group = group

    def _split_scope(self, nodeid: str) -> str:
        return self._group(nodeid)


def by_group(config: pytest.Config, log: Any, group: Callable[[str], str]) -> _Groups | None:
    """Return the scheduler of `--dist loadgroup`, with the group of each node id."""
    return _Groups(config, log, group) if config.getvalue("dist") == "loadgroup" else None
