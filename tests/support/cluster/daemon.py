"""One process of a test cluster, with its log and a note of its pid.

Why: a cluster is eight long-running programs; when one ends, the test must say which and show its
last lines, and whoever comes after a crash must find what is still running.
Must not: end a process it cannot prove to be the one it started.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["Daemon", "DaemonEnded", "end_noted", "is_alive", "noted_pids", "own_birth"]


class DaemonEnded(Exception):
    """A component of the cluster ended or did not become ready; the text has its last lines."""


class Daemon:
    """A named process; `namespace` is the network namespace it runs in."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        namespace: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._note = folder / f"{name}.pid"
        # Not `ip netns exec`: it mounts /sys anew, and kubelet then finds no cgroups.
        inside = ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []
        self._command = [*inside, *command]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process in a session of its own."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        pid = self._process.pid
        self._note.write_text(f"{pid} {_born(pid)}\n")

    def stop(self, *, seconds: float = 10, at_once: bool = False) -> None:
        """End it: politely for `seconds`, then by force; `at_once` pulls the plug."""
        end_noted(self._note, seconds=0 if at_once else seconds)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def ended(self) -> bool:
        """Tell whether the process is gone."""
        if self._process is not None:
            return self._process.poll() is not None
        return not noted_pids([self._note])

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return once `ready` holds; raise with the log's end when it ends or time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.ended():
                raise DaemonEnded(f"{self.name} ended before it was ready:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DaemonEnded(
                    f"{self.name} was not ready within {seconds:.0f} s:\n{self.tail()}"
                )
            time.sleep(0.05)


def is_alive(pid: int, born: str) -> bool:
    """Tell whether the process with this pid and start time still runs."""
    return bool(born) and _born(pid) == born


def own_birth() -> str:
    """Return this process's own start time, for `is_alive` to be asked later."""
    return _born(os.getpid())


def noted_pids(notes: Sequence[Path]) -> list[int]:
    """Return the pids in these notes that still belong to the process that was noted."""
    found = []
    for note in notes:
        words = note.read_text().split() if note.exists() else []
        if len(words) == 2 and is_alive(int(words[0]), words[1]):
            found.append(int(words[0]))
    return found


def end_noted(note: Path, *, seconds: float = 10) -> None:
    """End the noted process (SIGTERM, after `seconds` SIGKILL) and forget the note."""
    for pid in noted_pids([note]):
        born = note.read_text().split()[1]
        deadline = time.monotonic() + seconds
        _signal(pid, signal.SIGTERM if seconds else signal.SIGKILL)
        while is_alive(pid, born):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.02)
    note.unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _born(pid: int) -> str:
    """The start time in clock ticks since boot: with the pid it names a process for good."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text[text.rindex(")") + 2 :].split()
    return "" if fields[0] == "Z" else fields[19]  # a zombie is gone
