"""Collects what every rule said of every connector, and prints it as a matrix.

The rules of one connector share its server, so they run in one process.
"""

from typing import Any

import pytest
from tests.support.groups import by_group

from knect.api.catalog import Catalog

#: (connector, rule) -> what came of it
RESULTS: dict[tuple[str, str], str] = {}


def _group(nodeid: str) -> str:
    about = nodeid.partition("[")[2]
    return next(
        (one for one in Catalog.installed() if about.startswith((f"{one}-", f"{one}]"))), ""
    )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return by_group(config, log, _group)


@pytest.fixture
def matrix() -> dict[tuple[str, str], str]:
    return RESULTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not RESULTS:
        return
    connectors = sorted({connector for connector, _ in RESULTS})
    rules = list(dict.fromkeys(rule for _, rule in RESULTS))
    width = max(map(len, rules)) + 2
    terminalreporter.write_sep("-", "conformance: connector x rule")
    terminalreporter.write_line(" " * width + "".join(f"{name:<14}" for name in connectors))
    for rule in rules:
        cells = "".join(f"{RESULTS.get((name, rule), ''):<14}" for name in connectors)
        terminalreporter.write_line(f"{rule:<{width}}{cells}")
