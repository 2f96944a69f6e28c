"""A scene whose ends are any platform's simulators, started as people start them: `knect simulate`.

Must not: know a platform.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.faults.scene import KNECT, Scene
from tests.support.fault_wire import Wires

__all__ = ["Stage"]


class Stage(Scene):
    """One run; `lead` says how the worker reaches an end: through its wire."""

    def __init__(self, folder: Path, wires: Wires) -> None:
        super().__init__(folder, None, wires)
        self._wires = wires

    def simulate(
        self,
        name: str,
        connector: str,
        options: Mapping[str, object],
        faults: Mapping[str, float] | None = None,
    ) -> int:
        """Start a simulator; return its port. Its request log is `NAME.jsonl`."""
        words = [f"--fault={kind}={rate}" for kind, rate in (faults or {}).items()]
        words += [f"{option}={value}" for option, value in options.items()]
        address = self._simulator([KNECT, "simulate", connector], name, words)
        return int(address.rpartition(":")[2])

    def lead(self, name: str, port: int) -> int:
        """Let the worker reach `port` through the wire `name`; return where."""
        self._wires.lead(name, port)
        return self._wires.port(name)

    def logged(self, name: str) -> tuple[int, int]:
        """Return the lines of a request log, and how many changed something."""
        calls = self.calls(name)
        return len(calls), sum(call.committed for call in calls)
