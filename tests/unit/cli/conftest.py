"""A terminal in an empty folder."""

from pathlib import Path

import pytest
from tests.unit.cli.terminal import Terminal


@pytest.fixture
def knect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    for name in ("KNECT_LEDGER", "KNECT_DEBUG", "KNECT_TRACE_URL"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(tmp_path, capsys)
