"""The tutorial of examples/10-in-house-api, command by command, as its reader types them.

Only the port is another one: the reader's may be taken on a machine that runs tests.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
NAME = "examples/10-in-house-api"
FOLDER = ROOT / NAME
PORT = "18180"


def a_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def commands() -> list[str]:
    """Return the commands of the README's console blocks, in order."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


class Reader:
    """Types commands at the root of the project; programs in the background end with the test."""

    def __init__(self, folder: Path) -> None:
        self.port = str(a_free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder / "example"
        self.folder.mkdir()
        for one in FOLDER.glob("*.yaml"):
            text = one.read_text(encoding="utf-8").replace(PORT, self.port)
            (self.folder / one.name).write_text(text, encoding="utf-8")
        self.env = {
            **os.environ,
            "SALES_TOKEN": "in-house-token",
            "KNECT_LEDGER": str(folder / "tutorial.db"),
            "NO_COLOR": "1",
        }
        self.started: list[subprocess.Popen[str]] = []

    def types(self, command: str) -> str:
        for written, meant in (
            (".venv/bin/knect", f"{Path(sys.executable).parent}/knect"),
            (NAME, str(self.folder)),
            (PORT, self.port),
        ):
            command = command.replace(written, meant)
        words = shlex.split(command)
        if words[-1] == "&":
            return self._starts(words[:-1])
        done = subprocess.run(
            words, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _starts(self, words: list[str]) -> str:
        process = subprocess.Popen(words, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("listening on"), f"{words} does not stand"
        return said

    def ends(self) -> None:
        for process in self.started:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.ends()


def bookings(reader: Reader) -> dict[str, dict[str, object]]:
    state = json.loads(reader.types(f"curl -s {reader.url}/_knect/state"))
    found: dict[str, dict[str, object]] = state.get("bookings", {})
    return found


def test_every_command_of_the_tutorial_does_what_it_says(reader: Reader) -> None:
    said = dict.fromkeys(commands(), "")
    assert len(said) == 8
    for command in said:
        if command.startswith(".venv/bin/knect run"):
            assert bookings(reader) == {}, "plan wrote something"
        said[command] = reader.types(command)
    by_verb = {shlex.split(one)[1]: text for one, text in said.items() if "knect" in one}
    assert "listening on" in by_verb["simulate"]
    assert "2 Connections, 1 SyncPipelines: nothing to complain about" in by_verb["validate"]
    assert "Sales system" in by_verb["check"]
    assert "booking_no" in by_verb["plan"]
    assert "30" in by_verb["status"]
    assert "is in bookkeeping" in by_verb["find"]
    written = bookings(reader)
    assert len(written) == 30
    first = next(row for row in written.values() if row["booking_no"] == "S-10001")
    assert (first["amount"], first["currency"], first["pieces"]) == (25.80, "EUR", 3)
    assert str(first["ref"]).startswith("sales-system:S")


def test_a_second_run_writes_nothing_and_a_change_writes_once(reader: Reader) -> None:
    start, run = (next(one for one in commands() if verb in one) for verb in ("simulate", " run "))
    reader.types(start)
    reader.types(run)
    reader.types(run)
    assert len(bookings(reader)) == 30
    change = {
        "collection": "sales",
        "id": "S000003",
        "record": {"buyer": {"mail": "new@example.com"}},
    }
    reader.types(f"curl -s -d {shlex.quote(json.dumps(change))} {reader.url}/_knect/do/put")
    time_limit = time.monotonic() + 20
    while time.monotonic() < time_limit:
        reader.types(run)
        if any(row["debtor"] == "new@example.com" for row in bookings(reader).values()):
            break
    changed = [row for row in bookings(reader).values() if row["debtor"] == "new@example.com"]
    assert [row["booking_no"] for row in changed] == ["S-10003"]
    assert len(bookings(reader)) == 30
    log = json.loads(reader.types(f"curl -s {reader.url}/_knect/log"))
    assert [one["method"] for one in log].count("PUT") == 1
