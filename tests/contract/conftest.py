"""Collects what every rule said of every connector, and prints it as a matrix."""

import pytest

#: (connector, rule) -> what came of it
RESULTS: dict[tuple[str, str], str] = {}


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
