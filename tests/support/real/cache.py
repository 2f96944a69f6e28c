"""Where the tests keep what takes minutes to build.

`KNECT_CACHE` names the folder; else `knect` in the user's cache folder (XDG).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cache_folder", "only_one"]


def cache_folder() -> Path:
    """Return the cache folder, made if it is not there."""
    named = os.environ.get("KNECT_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(named) if named else Path(home) / "knect"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Let one process at a time build `name`; the others wait and then find it there."""
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
