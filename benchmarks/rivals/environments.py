"""The rivals' environments: one venv each, pinned, in the cache folder.

Must not: touch Knect's own environment.
"""

import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

from tests.support.real.cache import cache_folder, only_one

__all__ = ["python_of"]

_HERE = Path(__file__).parent
_UV = str(Path(sys.executable).parent / "uv")


def python_of(name: str) -> str:
    """Return the Python of a rival's environment, made at first use."""
    requirements = _HERE / f"requirements-{name}.txt"
    digest = blake2b(requirements.read_bytes(), digest_size=6).hexdigest()
    folder = cache_folder() / f"bench-{name}-{digest}"
    python = folder / "bin" / "python"
    with only_one(folder.name):
        if not (folder / ".ready").exists():
            subprocess.run(
                [_UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
                check=True,
            )
            install = [_UV, "pip", "install", "--quiet", "--compile-bytecode", "--python"]
            subprocess.run([*install, str(python), "-r", str(requirements)], check=True)
            (folder / ".ready").touch()
    return str(python)
