"""The images others are built on, made from Debian packages and Go binaries.

Why: the Dockerfile says `FROM python:3.11-slim-bookworm`, and where no registry can be reached an image of
that very name must be in the builder's storage: a slim Debian 12 with its own Python 3.11.
Must not: hold more than the slim image a user gets.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster.binaries import kubernetes
from tests.support.cluster.buildah import Image, archived, buildah, content_key, has_image
from tests.support.real.require import Unavailable

__all__ = ["bootstrap", "ensure_python_base", "pause_image", "scratch_container"]

PYTHON_BASE = "docker.io/library/python:3.11-slim-bookworm"
_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
# What Debian's slim images leave out, and what only apt needs.
_NEEDLESS = (
    "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
    "usr/share/groff", "usr/share/linda", "var/lib/apt/lists", "var/cache/apt", "var/log",
    "var/lib/postgresql",
)  # fmt: skip


def ensure_python_base() -> None:
    """Make sure the builder has an image under the name of the Dockerfile's FROM."""
    if has_image(PYTHON_BASE):
        return
    with bootstrap(_PACKAGES) as tree, scratch_container() as container:
        buildah("add", "--quiet", container, tree, "/")
        buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", container)
        buildah("config", "--env", "LANG=C.UTF-8", "--cmd", "python3", container)
        buildah("commit", "--quiet", container, PYTHON_BASE)


def pause_image() -> Image:
    """Return the sandbox image of the local node."""
    binary = kubernetes() / "pause"

    def build(name: str) -> None:
        with scratch_container() as container:
            buildah("copy", "--quiet", container, binary, "/pause")
            buildah("config", "--entrypoint", '["/pause"]', "--user", "65535", container)
            buildah("commit", "--quiet", container, name)

    return archived("pause", content_key(binary), build)


@contextmanager
def scratch_container(base: str = "scratch") -> Iterator[str]:
    """Give a working container of buildah's, and remove it."""
    container = buildah("from", "--pull-never", base)
    try:
        yield container
    finally:
        buildah("rm", container)


@contextmanager
def bootstrap(packages: Sequence[str]) -> Iterator[Path]:
    """Give a slim Debian tree with these packages, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="knect-debian-"))
    tree = folder / "tree"
    try:
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}"]
        done = subprocess.run(
            [*command, _SUITE, str(tree)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise Unavailable(f"debootstrap failed:\n{said}")
        for name in _NEEDLESS:
            shutil.rmtree(tree / name, ignore_errors=True)
            (tree / name).mkdir(parents=True)
        for cached in tree.glob("usr/**/__pycache__"):
            shutil.rmtree(cached)
        yield tree
    finally:
        shutil.rmtree(folder)
