"""What a worker's process can be put into: a small disk, a clock of its own, little of everything.

Must not: touch the machine's own clock or limits; each is one process's, and gone with it.
"""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.scene import Scene
from tests.support.real.debian import ensure_packages
from tests.support.real.require import Unavailable

__all__ = ["fill", "foreign_clock", "little", "set_clock", "small_disk"]

_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
_DISK = "96m"  # a log of 32 MiB is nothing unusual
_CGROUPS = Path("/sys/fs/cgroup")
_MEMORY, _CPU = 128 * 2**20, 0.34


def _as_root(what: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"only root can {what}")


@contextmanager
def small_disk(scene: Scene) -> Iterator[None]:
    """Put the ledger on a disk of its own."""
    _as_root("mount a small disk")
    there = scene.folder / "disk"
    there.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", there]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    scene.ledger = there / "ledger.db"
    try:
        yield
    finally:
        scene.stop()
        subprocess.run(["umount", there], check=True)


def fill(ballast: Path) -> None:
    """Fill the disk that `ballast` is on."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


@contextmanager
def foreign_clock(scene: Scene) -> Iterator[None]:
    """Give workers a clock that `set_clock` sets."""
    try:
        ensure_packages({"libfaketime": _FAKETIME})
    except Unavailable as error:
        pytest.skip(str(error))
    scene.environment = {
        "LD_PRELOAD": _FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(scene.folder / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    set_clock(scene, "+0")
    try:
        yield
    finally:
        scene.stop()
        for pid in scene.pids:  # a killed process leaves the library's shared memory
            for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
                Path("/dev/shm", name).unlink(missing_ok=True)


def set_clock(scene: Scene, offset: str) -> None:
    """Let workers' clocks be off by so many seconds, within a second from now."""
    fresh = scene.folder / "clock.new"
    fresh.write_text(f"{offset}\n")
    fresh.rename(scene.folder / "clock")


@contextmanager
def little(scene: Scene) -> Iterator[None]:
    """Give workers 64 files, 128 MiB and a third of a core."""
    _as_root("make control groups")
    name = f"knect-little-{os.getpid()}"
    groups = [_group("memory", name), _group("cpu", name)]
    try:
        _limit_memory(groups[0])
        _limit_cpu(groups[1])
        joins = "".join(f'echo $$ > "{group}/cgroup.procs"; ' for group in dict.fromkeys(groups))
        shell = f'{joins}exec prlimit --nofile=64 -- "$@"'
        scene.before = ("sh", "-c", shell, "sh")
        yield
    finally:
        scene.stop()
        for group in dict.fromkeys(groups):
            group.rmdir()


def _group(controller: str, name: str) -> Path:
    root = _CGROUPS if (_CGROUPS / "cgroup.controllers").exists() else _CGROUPS / controller
    group = root / name
    try:
        group.mkdir(exist_ok=True)
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")
    return group


def _limit_memory(group: Path) -> None:
    old = group / "memory.limit_in_bytes"
    (old if old.exists() else group / "memory.max").write_text(str(_MEMORY))


def _limit_cpu(group: Path) -> None:
    quota = int(_CPU * 100_000)
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} 100000")
    else:
        (group / "cpu.cfs_quota_us").write_text(str(quota))
