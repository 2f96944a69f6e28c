"""Every test here runs on both databases."""

import pytest


@pytest.fixture(autouse=True)
def _on_both(database: str) -> None:
    """Let the ledgers of each test lie in files, then on a real PostgreSQL."""
