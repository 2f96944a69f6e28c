"""Removes every trace of a local node: processes, shims, mounts, cgroups, links, namespaces.

Why: a node that was killed half-way must not stand in the way of the next one, nor may a finished
one leave anything on the machine. Must not: touch what does not carry the node's own name, socket
or folder.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from tests.support.cluster.folders import end_all_noted
from tests.support.cluster.network import run_quietly
from tests.support.cluster.node_files import NodeFiles

__all__ = ["find_remains", "remove_remains"]

_CGROUPS = Path("/sys/fs/cgroup")


def remove_remains(files: NodeFiles) -> None:
    """Remove everything of the node; safe to call when nothing is there."""
    end_all_noted(files.folder)
    sockets = [path for pid in _shims(files) for path in _sockets_of(pid)]
    _kill(pids=_shims(files))  # first: a living shim would report and start to clean up itself
    _kill(pids=_pids_in_cgroups(files))
    for path in sockets:
        path.unlink(missing_ok=True)
    for mount in reversed(_mounts(files)):
        run_quietly("umount", "--lazy", str(mount))
    for group in _cgroups(files):
        for path in sorted(group.rglob("*/"), key=lambda one: -len(one.parts)):
            _remove_cgroup(path)
        _remove_cgroup(group)
    files.network.down()
    for path in _network_results(files):
        path.unlink(missing_ok=True)
    for link in Path("/var/log/containers").glob("*.log"):
        if str(link.readlink()).startswith(f"{files.folder}/"):
            link.unlink()
    shutil.rmtree(files.run, ignore_errors=True)
    shutil.rmtree(files.folder, ignore_errors=True)


def find_remains(files: NodeFiles) -> list[str]:
    """Return what of the node is still on the machine, as words for people."""
    network = files.network
    found = [f"process {pid}" for pid in (*_shims(files), *_pids_in_cgroups(files))]
    found += [f"process {pid}" for pid in _pids_naming(files)]
    found += [f"mount {path}" for path in _mounts(files)]
    found += [f"cgroup {path}" for path in _cgroups(files)]
    paths = (
        files.folder,
        files.run,
        Path("/run/netns") / network.namespace,
        Path("/sys/class/net") / network.cable,
    )
    return found + [str(path) for path in (*paths, *_network_results(files)) if path.exists()]


def _network_results(files: NodeFiles) -> list[Path]:
    """What CNI plugins remember, in a folder of the machine, of pods whose namespace lay in ours."""
    mark = f"{files.run}/"
    found = Path("/var/lib/cni/results").glob("*")
    return [path for path in found if path.is_file() and mark in _text(path)]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _mounts(files: NodeFiles) -> list[Path]:
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    own = (f"{files.folder}/", f"{files.run}/")
    return [Path(place) for place in places if place.startswith(own)]


def _cgroups(files: NodeFiles) -> list[Path]:
    """One folder on cgroup v2, one per controller on v1."""
    name = files.cgroup.lstrip("/")
    return [path for path in (_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")) if path.is_dir()]


def _pids_in_cgroups(files: NodeFiles) -> list[int]:
    found: set[int] = set()
    for group in _cgroups(files):
        for path in group.rglob("cgroup.procs"):
            found.update(int(word) for word in path.read_text().split())
    # cgroup v2 shows a process that is just ending as 0; to signal that would hit ourselves.
    return sorted(found - {0})


def _processes() -> Iterable[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text(errors="replace").split("\0")
        except OSError:
            continue
        yield int(path.parent.name), words


def _shims(files: NodeFiles) -> list[int]:
    address = str(files.containerd_socket)
    return [
        pid
        for pid, words in _processes()
        if words[0].endswith("containerd-shim-runc-v2") and address in words
    ]


def _pids_naming(files: NodeFiles) -> list[int]:
    """Daemons of the node: their flags name its folder."""
    mark = f"{files.folder}/"
    return [pid for pid, words in _processes() if any(mark in word for word in words)]


def _sockets_of(pid: int) -> list[Path]:
    """The socket files a process listens on."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = str(entry.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    lines = Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return [Path(row[7]) for row in rows if len(row) > 7 and row[6] in inodes and row[7][0] == "/"]


def _kill(pids: Iterable[int]) -> None:
    pending = list(pids)
    for pid in pending:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + 10
    while pending and time.monotonic() < deadline:
        pending = [pid for pid in pending if _is_running(pid)]
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _remove_cgroup(path: Path) -> None:
    deadline = time.monotonic() + 5
    while path.exists():
        try:
            path.rmdir()
        except OSError:  # busy until the kernel has buried the last process
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
