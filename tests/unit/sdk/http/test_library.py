"""The HTTP library is one line: the same tests pass with its continuation in its place."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = """
import sys, httpx2
sys.modules["httpx"] = httpx2
import pytest
from knect.sdk.http.library import library
assert library.__name__ == "httpx2", library
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_only_the_library_module_names_httpx() -> None:
    package = HERE.parents[3] / "connectors" / "knect"
    naming = {
        path.name
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("import httpx", "from httpx"))
    }
    assert naming == {"library.py"}


@pytest.mark.parametrize("module", [["test_truth.py", "test_client.py", "test_tls.py"]])
def test_everything_holds_on_httpx2(module: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *(str(HERE / name) for name in module)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]
