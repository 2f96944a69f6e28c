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

__all__ = ["claim_folder", "end_all_noted", "is_abandoned", "sign_folder"]

_OWNER = "owner"


def claim_folder(kind: str) -> Path:
    """Return a new folder owned by this process; those of dead owners are cleared first."""
    parent = cache_folder() / kind
    parent.mkdir(exist_ok=True)
    with only_one(kind):
        for folder in parent.iterdir():
            if is_abandoned(folder):
                end_all_noted(folder)
                shutil.rmtree(folder, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=parent))
        sign_folder(folder)
    return folder


def sign_folder(folder: Path) -> None:
    """Make the folder, if need be, and note that this process owns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _OWNER).write_text(f"{os.getpid()} {own_birth()}")


def end_all_noted(folder: Path) -> None:
    """End every process noted in the folder, at once."""
    for note in sorted(folder.glob("*.pid")):
        end_noted(note, seconds=0)


def is_abandoned(folder: Path) -> bool:
    """Tell whether the process that owned the folder is gone."""
    owner = folder / _OWNER
    words = owner.read_text().split() if owner.exists() else []
    return len(words) != 2 or not is_alive(int(words[0]), words[1])
