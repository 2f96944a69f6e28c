"""Which number a local node has: its namespace, its addresses and its folder follow from it.

Why: the node of `make cluster-up` and those of test runs live side by side; a killed run's number
is cleared and given out again. Must not: take a number whose owner still runs.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster.control_plane import SERVICES
from tests.support.cluster.folders import is_abandoned, sign_folder
from tests.support.cluster.network import SealedNetwork
from tests.support.cluster.node_files import NodeFiles
from tests.support.cluster.remains import remove_remains
from tests.support.real.require import Unavailable

__all__ = ["NAMED", "claim_slot", "node_files"]

#: The number of the node of `make cluster-up`.
NAMED = 0
_SLOTS = range(1, 32)
# Not in the cache folder: the numbers are the machine's, whoever's cache is used.
_ROOT = Path("/var/lib/knect-nodes")


def node_files(slot: int) -> NodeFiles:
    """Return where the node of this number lives."""
    network = SealedNetwork(slot, SERVICES)
    return NodeFiles(_ROOT / str(slot), Path(f"/run/{network.namespace}"), network)


def claim_slot() -> int:
    """Return a number for a node of this process; clears what dead owners left.

    Raises:
        Unavailable: all numbers are in use.
    """
    with _locked():
        for slot in _SLOTS:
            files = node_files(slot)
            if files.folder.exists() and is_abandoned(files.folder):
                remove_remains(files)
        free = [slot for slot in _SLOTS if not node_files(slot).folder.exists()]
        if not free:
            raise Unavailable(f"{len(_SLOTS)} local nodes run on this machine already")
        sign_folder(node_files(free[0]).folder)
        return free[0]


@contextmanager
def _locked() -> Iterator[None]:
    _ROOT.mkdir(parents=True, exist_ok=True)
    with (_ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
