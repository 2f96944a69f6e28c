"""The import contracts hold, and start-up pays only for what it uses."""

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def test_the_contracts_hold() -> None:
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_help_loads_nothing_but_the_command_line() -> None:
    """So it is there at once: everything else is loaded by the command that needs it."""
    code = (
        "import sys; before = set(sys.modules); from knect.cli.main import cli; "
        "cli(['--help'], standalone_mode=False); "
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "Where is 1001?" in done.stdout
    assert {one.partition(".")[0] for one in loaded} - sys.stdlib_module_names == {"click", "knect"}
    ours = {one for one in loaded if one.startswith("knect.")}
    assert ours == {"knect.cli", "knect.cli.failure", "knect.cli.main"}
