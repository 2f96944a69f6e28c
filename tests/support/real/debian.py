"""Installs the Debian packages that real parts need, as root, where they are missing.

Why: a new machine has no containerd and no etcd, and a test that wants them must not depend on
somebody having prepared it. Must not: install anything that is already there, upgrade, or try as
another user than root.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.real.cache import only_one
from tests.support.real.require import Unavailable

__all__ = ["ensure_packages", "missing_packages"]

# Daemons live in folders that are not on every PATH.
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def missing_packages(wanted: Mapping[str, str]) -> list[str]:
    """Return the packages whose file is not there; `wanted` is package -> command or path."""
    return sorted(name for name, proof in wanted.items() if not _is_there(proof))


def ensure_packages(wanted: Mapping[str, str]) -> None:
    """Install what is missing of package -> command (or absolute path) that proves it.

    Raises:
        Unavailable: not root, not Debian, or apt-get failed.
    """
    if not missing_packages(wanted):
        return
    with only_one("apt"):
        missing = missing_packages(wanted)
        if missing:
            _install(missing, wanted)


def _is_there(proof: str) -> bool:
    return Path(proof).exists() if proof.startswith("/") else bool(shutil.which(proof, path=_PATH))


def _install(missing: list[str], wanted: Mapping[str, str]) -> None:
    words = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise Unavailable(f"this is no Debian, and these of its packages are missing: {words}")
    if os.geteuid() != 0:
        raise Unavailable(f"only root can install what is missing: apt-get install {words}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *missing],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Unavailable(f"`{' '.join(command)}` failed: {' '.join(said)}")
    still = missing_packages({name: wanted[name] for name in missing})
    if still:
        raise Unavailable(f"installed, but not where they are looked for: {' '.join(still)}")
