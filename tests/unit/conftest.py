"""The suites of the ledger and the engine run on both databases; no test logs as one before it."""

import logging
from collections.abc import Iterator

import pytest
from tests.support.ledgers import on_postgres
from tests.support.statements import keep_compiled

keep_compiled()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" not in metafunc.fixturenames:
        return
    names = ["sqlite", "postgres"]
    for name, marker in (("sqlite", "sqlite_only"), ("postgres", "postgres_only")):
        if metafunc.definition.get_closest_marker(marker):
            names = [name]
    metafunc.parametrize("database", names, indirect=True)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A command that ran in this process wrote its log to a terminal that is closed after it."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    levels = {
        name: logging.getLogger(name).level for name in (None, "knect", "knect_connectors", "kopf")
    }
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return `sqlite` or `postgres`, after which the test's ledgers lie there."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    with on_postgres():
        yield "postgres"
