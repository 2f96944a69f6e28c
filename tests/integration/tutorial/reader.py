"""A reader of an example: types the commands of its README, at the root of the project.

Only the ports are others: the reader's may be taken on a machine that runs tests.
Must not: know which example it is, or anything its reader is not told, such as a password.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.real.ports import free_ports

__all__ = ["ROOT", "TIME", "Reader", "commands", "outputs"]

ROOT = Path(__file__).parents[3]


def commands(example: str) -> list[str]:
    """Return the commands of the README's console blocks, in order."""
    text = (ROOT / "examples" / example / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


#: What differs from run to run in what is printed.
TIME = re.compile(r"\d\d:\d\d:\d\d UTC")


def outputs(example: str) -> list[str]:
    """Return what the README prints of answers: its text blocks, in order."""
    text = (ROOT / "examples" / example / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```text\n(.*?)```", text, re.DOTALL)


class Reader:
    """Types commands; programs in the background end with `ends`."""

    def __init__(self, folder: Path, example: str, ports: Sequence[str]) -> None:
        self.folder = folder / "example"
        self.folder.mkdir()
        self._name = f"examples/{example}"
        self._ports = dict(zip(ports, map(str, free_ports(len(ports))), strict=True))
        there = (ROOT / self._name).iterdir()
        for one in (path for path in there if path.suffix in (".py", ".yaml")):
            text = self._here(one.read_text(encoding="utf-8"))
            (self.folder / one.name).write_text(text, encoding="utf-8")
        self.env = {
            **os.environ,
            "KNECT_LEDGER": str(folder / "tutorial.db"),
            "NO_COLOR": "1",
        }
        self._started: list[subprocess.Popen[str]] = []

    def port(self, written: str) -> str:
        """Return the port that stands for the one the README names."""
        return self._ports[written]

    def types(self, command: str, *, code: int = 0) -> str:
        """Run a command as it is written; return what it says."""
        command = self._here(command.replace(".venv/bin/", f"{Path(sys.executable).parent}/"))
        words = shlex.split(command.replace(self._name, str(self.folder)))
        if words[0] == "export":
            self.env.update(word.split("=", 1) for word in words[1:])
            return ""
        if words[-1] == "&":
            return self._starts(words[:-1])
        done = subprocess.run(
            words, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        said = f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, said
        return done.stdout

    def _here(self, text: str) -> str:
        for written, meant in self._ports.items():
            text = text.replace(written, meant)
        return text

    def _starts(self, words: list[str]) -> str:
        process = subprocess.Popen(words, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True)
        self._started.append(process)
        assert process.stdout is not None
        said = ""
        while "listening on" not in said:
            line = process.stdout.readline()
            assert line, f"{words} does not stand: {said}"
            said += line
        return said

    def ends(self) -> None:
        """End what was started."""
        for process in self._started:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()
