"""The tutorial of examples/10-in-house-api, command by command, as its reader types them.

Only the port is another one: the reader's may be taken on a machine that runs tests.
"""

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.tutorial.reader import Reader, commands

pytestmark = pytest.mark.integration

NAME = "10-in-house-api"
PORT = "18180"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, NAME, [PORT])
    yield reader
    reader.ends()


def bookings(reader: Reader) -> dict[str, dict[str, object]]:
    state = json.loads(reader.types(f"curl -s http://127.0.0.1:{PORT}/_knect/state"))
    found: dict[str, dict[str, object]] = state.get("bookings", {})
    return found


def test_every_command_of_the_tutorial_does_what_it_says(reader: Reader) -> None:
    said = dict.fromkeys(commands(NAME), "")
    assert len(said) == 10
    for command in said:
        if command.startswith(".venv/bin/knect run"):
            assert bookings(reader) == {}, "plan wrote something"
        said[command] = reader.types(command)
    by_verb = {shlex.split(one)[1]: text for one, text in said.items() if "knect" in one}
    assert "listening on" in by_verb["simulate"]
    assert "2 Connections, 1 SyncPipeline: nothing to complain about" in by_verb["validate"]
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
    start, token, run = (
        next(one for one in commands(NAME) if verb in one)
        for verb in ("simulate", "export ", " run ")
    )
    reader.types(start)
    reader.types(token)
    reader.types(run)
    reader.types(run)
    assert len(bookings(reader)) == 30
    change = {
        "collection": "sales",
        "id": "S000003",
        "record": {"buyer": {"mail": "new@example.com"}},
    }
    reader.types(
        f"curl -s -d {shlex.quote(json.dumps(change))} http://127.0.0.1:{PORT}/_knect/do/put"
    )
    time_limit = time.monotonic() + 20
    while time.monotonic() < time_limit:
        reader.types(run)
        if any(row["debtor"] == "new@example.com" for row in bookings(reader).values()):
            break
    changed = [row for row in bookings(reader).values() if row["debtor"] == "new@example.com"]
    assert [row["booking_no"] for row in changed] == ["S-10003"]
    assert len(bookings(reader)) == 30
    log = json.loads(reader.types(f"curl -s http://127.0.0.1:{PORT}/_knect/log"))
    assert [one["method"] for one in log].count("PUT") == 1
