"""The import contracts hold, and start-up pays only for what it uses."""

import resource
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def test_the_contracts_hold() -> None:
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_help_is_quick() -> None:
    """Under 200 ms on a quiet machine; counted is the processor's time, for this one may be busy."""
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([BIN / "knect", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert 0 < min(took) < 0.4, took


def test_the_command_line_imports_nothing_heavy_for_help() -> None:
    code = (
        "import sys; from knect.cli.main import cli; "
        "heavy = {'sqlalchemy', 'pydantic', 'aiohttp', 'httpx', 'opentelemetry', 'rich', 'kopf'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
