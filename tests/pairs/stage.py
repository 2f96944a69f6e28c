"""A scene whose ends are any platform's simulators, started as people start them: `knect simulate`.

Must not: know a platform.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.faults.scene import KNECT, Scene
from tests.support.fault_wire import Wires
from tests.support.real.ports import free_ports

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
        (port,) = free_ports(1)
        words = ["simulate", connector, "--port", str(port)]
        words += ["--log", str(self.folder / f"{name}.jsonl")]
        words += ["--url", f"http://127.0.0.1:{self._wires.port(name)}"]
        words += [
            word for kind, rate in (faults or {}).items() for word in ("--fault", f"{kind}={rate}")
        ]
        words += [f"{option}={value}" for option, value in options.items()]
        process = subprocess.Popen(
            [KNECT, *words], env=self._env, stdout=subprocess.PIPE, cwd=self.folder
        )
        self._processes.append(process)
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("listening on "):
            lines.append(process.stdout.readline().decode())
            assert lines[-1], f"{name} did not start: {lines}"
        process.stdout.close()
        return port

    def lead(self, name: str, port: int) -> int:
        """Let the worker reach `port` through the wire `name`; return where."""
        self._wires.lead(name, port)
        return self._wires.port(name)

    def logged(self, name: str) -> tuple[int, int]:
        """Return the lines of a request log, and how many changed something."""
        calls = self.calls(name)
        return len(calls), sum(call.committed for call in calls)
