"""The suites of the ledger and the engine run on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.ledgers import on_postgres

#: Folders whose every test runs twice; elsewhere a test asks for `database` by name.
_BOTH = ("tests/unit/ledger", "tests/unit/engine")
_ROOT = Path(__file__).parents[2]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folder = str(Path(metafunc.definition.path).parent.relative_to(_ROOT))
    if folder in _BOTH and "database" not in metafunc.fixturenames:
        metafunc.fixturenames.insert(0, "database")
    if "database" in metafunc.fixturenames:
        names = ["sqlite", "postgres"]
        for name, marker in (("sqlite", "sqlite_only"), ("postgres", "postgres_only")):
            if metafunc.definition.get_closest_marker(marker):
                names = [name]
        metafunc.parametrize("database", names, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return `sqlite` or `postgres`, after which the test's ledgers lie there."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    with on_postgres():
        yield "postgres"
