"""A short command loads what it needs: most of its time is importing."""

import subprocess
import sys

import pytest

_HEAVY = ("aiohttp", "httpx", "knect.engine.mapping", "pydantic", "sqlalchemy.orm", "starlette")


@pytest.mark.parametrize("command", ["find", "explain", "stuck", "status"])
def test_a_question_loads_no_engine_and_no_object_mapper(command: str) -> None:
    code = (
        f"import sys, knect.cli.{command}, knect.cli.beside, knect.ledger.store.postgres\n"
        f"print(*sorted(set({_HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
