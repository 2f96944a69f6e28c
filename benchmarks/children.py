"""Child processes of the benchmarks, measured from outside: wall time, CPU time, peak memory.

Must not: measure anything from within a process that is measured.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

__all__ = ["KNECT", "ROOT", "Spent", "counts", "ends", "environment", "run", "run_piped"]

ROOT = Path(__file__).parent.parent
#: How often a child is looked at.
_LOOK_SECONDS = 0.02
KNECT = str(Path(sys.executable).parent / "knect")


class Spent(NamedTuple):
    """What a child cost. Memory is the peak of its resident set, in MiB."""

    seconds: float
    cpu: float
    peak_mib: float

    def __add__(self, other: object) -> "Spent":
        """Two processes of one pipe: the longer time, both CPU times, both memories."""
        assert isinstance(other, Spent)
        return Spent(
            max(self.seconds, other.seconds), self.cpu + other.cpu, self.peak_mib + other.peak_mib
        )


def environment(**more: str) -> dict[str, str]:
    """Return ours without what changes Python, so that all children start alike."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | more


def run(command: Sequence[str], env: Mapping[str, str], *, cwd: Path = ROOT) -> Spent:
    """Run a child to its end. Exits if it failed."""
    (spent,) = run_piped([command], env, cwd=cwd)
    return spent


def run_piped(
    commands: Sequence[Sequence[str]], env: Mapping[str, str], *, cwd: Path = ROOT
) -> list[Spent]:
    """Run children whose outputs are the next one's input. Exits if one failed."""
    began = time.perf_counter()
    children: list[subprocess.Popen[bytes]] = []
    with TemporaryFile() as said:
        for command in commands:
            before = children[-1].stdout if children else None
            is_last = len(children) == len(commands) - 1
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=before,
                stdout=subprocess.DEVNULL if is_last else subprocess.PIPE,
                stderr=said,
            )
            if before is not None:
                before.close()
            children.append(child)
        with ThreadPoolExecutor(len(children)) as threads:
            return list(threads.map(lambda child: _waited_for(child, began, said), children))


def _waited_for(child: "subprocess.Popen[bytes]", began: float, said: IO[bytes]) -> Spent:
    peak = 0.0
    while True:
        peak = max(peak, _high_water(child.pid))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(_LOOK_SECONDS)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        said.seek(0)
        sys.exit(f"{child.args!r} ended with {child.returncode}: {said.read().decode()[-2000:]}")
    return Spent(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak)


def _high_water(pid: int) -> float:
    """Return the most memory the process has had, in MiB; rusage would count ours at the fork."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def ends(records: int) -> Iterator[str]:
    """Run shop, ERP and trace sink while inside; yields their URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ends", str(records)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        assert process.stdin is not None
        process.stdin.close()


def counts(url: str) -> dict[str, float]:
    """Return what arrived at the ends."""
    with urllib.request.urlopen(f"{url}/counts") as answer:  # noqa: S310 - our own loopback
        told: dict[str, float] = json.load(answer)
    return told
