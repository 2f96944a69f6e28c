"""`knect console` as a process of its own, as a person starts it.

Must not: hide what it printed when it did not start.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.support.gateway.process import KNECT

__all__ = ["ConsoleProcess"]


class ConsoleProcess:
    """`with ConsoleProcess(folder, "--ledger", …) as console:`; `entrance` is what it printed."""

    def __init__(self, folder: Path, *words: str, **env: str) -> None:
        self._printed = folder / "console.txt"
        with self._printed.open("wb") as printed:
            self.process = subprocess.Popen(
                [KNECT, "console", "--port", "0", *words],
                cwd=folder,
                stdout=printed,
                stderr=printed,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
            )
        self.entrance = ""

    @property
    def address(self) -> str:
        """Return where its pages are."""
        return self.entrance.partition("/enter")[0]

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 30
        while not self.entrance:
            found = re.search(r"http://\S+\n", self.printed())
            if found:
                self.entrance = found[0].strip()
            elif self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"knect console did not start: {self.printed()}")
            else:
                time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, self.printed()
        assert "Traceback" not in self.printed()

    def printed(self) -> str:
        """Return what it printed."""
        return self._printed.read_text()
