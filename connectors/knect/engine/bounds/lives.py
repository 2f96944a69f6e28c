"""Under which name a life of a worker holds its work, and whether an earlier life is over.

Why: a restarted pod goes on at once with what it had in hand, but on a database two processes may
have been given one name, and neither may take what the other has in hand. So a holder's name says
where its process runs: `name#machine.pid.random`. Only what is known to be over is taken back at
once; of anything else the leases run out. Must not: signal anybody.
"""

import hashlib
import os
import platform
from pathlib import Path

__all__ = ["is_over", "life_of"]

#: Differs from machine to machine, also where all are called `localhost`.
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def life_of(worker: str, chance: str) -> str:
    """Return the holder's name of this process's life as `worker`."""
    return f"{worker}#{_machine()}.{os.getpid()}.{chance}"


def is_over(holder: str) -> bool:
    """Tell whether that life is known to have ended; False also means: nobody here can know.

    A container that is restarted keeps its host's name, and its process often its number: who
    has our own number is an earlier life.
    """
    machine, _, rest = holder.rpartition("#")[2].partition(".")
    pid, _, _ = rest.partition(".")
    if machine != _machine() or not pid.isdecimal() or int(pid) == 0:
        return False
    return int(pid) == os.getpid() or not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _machine() -> str:
    try:
        boot = _BOOT.read_text()
    except OSError:
        boot = ""
    return hashlib.sha256(f"{platform.node()} {boot}".encode()).hexdigest()[:8]
