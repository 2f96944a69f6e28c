"""Folders of running clusters, and clearing away what a killed test run left.

Why: a test run that is killed cannot clean up; the next one finds its folder, sees that the owner
is gone, and ends what it noted there. Must not: touch a folder whose owner still runs.
"""

import os
import shutil
import tempfile
from pathlib import Path

from tests.support.cluster.daemon import end_noted, is_alive, own_birth
from tests.support.real.cache import cache_folder, only_one

__all__ = ["claim_folder", "end_all_noted"]

_OWNER = "owner"


def claim_folder(kind: str) -> Path:
    """Return a new folder owned by this process; those of dead owners are cleared first."""
    parent = cache_folder() / kind
    parent.mkdir(exist_ok=True)
    with only_one(kind):
        for folder in parent.iterdir():
            if _is_abandoned(folder):
                end_all_noted(folder)
                shutil.rmtree(folder, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=parent))
        (folder / _OWNER).write_text(f"{os.getpid()} {own_birth()}")
    return folder


def end_all_noted(folder: Path) -> None:
    """End every process noted in the folder, at once."""
    for note in sorted(folder.glob("*.pid")):
        end_noted(note, seconds=0)


def _is_abandoned(folder: Path) -> bool:
    owner = folder / _OWNER
    words = owner.read_text().split() if owner.exists() else []
    return len(words) != 2 or not is_alive(int(words[0]), words[1])
