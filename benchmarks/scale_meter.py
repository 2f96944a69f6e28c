"""What is read to measure: the API server's audit log, and processes in /proc.

Must not: ask the operator about itself for anything an outsider can see.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = ["Request", "Usage", "cpu_seconds", "machine_busy_seconds", "requests", "rss_mib"]

_READING = frozenset({"get", "list", "watch"})
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was allowed: when it arrived (seconds since 1970), what it did to what."""

    at: float
    verb: str
    resource: str
    code: int

    @property
    def writes(self) -> bool:
        """Return whether it can change anything; renewing the Lease is counted apart."""
        return self.verb not in _READING and self.resource != "leases"


def requests(folder: Path, user: str) -> Iterator[Request]:
    """Yield what a user asked of the API server so far, from its audit log."""
    mark = f'"username":"{user}"'
    for path in sorted(folder.glob("audit*.log")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if mark not in line or not line.endswith("\n"):
                    continue
                event = json.loads(line)
                thing = event.get("objectRef") or {}
                if event["user"]["username"] != user or "resource" not in thing:
                    continue
                parts = (thing["resource"], thing.get("subresource"))
                yield Request(
                    datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
                    event["verb"],
                    "/".join(filter(None, parts)),
                    int((event.get("responseStatus") or {}).get("code", 0)),
                )


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far; 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def machine_busy_seconds() -> float:
    """Return the CPU time of everything on the machine so far."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = map(int, words[:7])
    return (user + nice + system + irq + softirq) / _TICKS


class Usage:
    """CPU of named processes, and of the rest of the machine, between two moments."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._busy = machine_busy_seconds()
        self._before = Counter({name: cpu_seconds(pid) for name, pid in pids.items()})

    def spent(self) -> dict[str, float]:
        """Return CPU seconds by process, `others` for whatever else ran."""
        spent = {name: cpu_seconds(pid) - self._before[name] for name, pid in self._pids.items()}
        spent["others"] = max(0.0, machine_busy_seconds() - self._busy - sum(spent.values()))
        return {name: round(value, 1) for name, value in spent.items()}
