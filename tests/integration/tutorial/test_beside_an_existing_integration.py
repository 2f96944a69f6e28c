"""examples/12: what an older integration lost is named exactly, and nothing is written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tutorial.reader import TIME, Reader, commands, outputs

pytestmark = pytest.mark.integration

NAME = "12-beside-an-existing-integration"
SHOP, ERP, PEOPLE = "18380", "18381", "18382"
RUN = f".venv/bin/knect run -f examples/{NAME} --allow 127.0.0.1"
LOST = {"100000004", "100000023", "100000041"}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, NAME, [SHOP, ERP, PEOPLE])
    yield reader
    reader.ends()


def state(reader: Reader, port: str) -> Any:
    return json.loads(reader.types(f"curl -s http://127.0.0.1:{port}/_knect/state"))


def logged(reader: Reader, name: str) -> list[Any]:
    lines = (reader.folder.parent / name).read_text().splitlines()
    return [json.loads(line) for line in lines]


def missing(reader: Reader) -> set[str]:
    groups = json.loads(reader.types(".venv/bin/knect stuck -o json"))
    return {str(one["value"]) for one in groups if one["reason"] == "MissingAtDestination"}


def with_logs(reader: Reader, command: str) -> str:
    """Return the command with a request log where it starts a simulator."""
    for word, name in (("simulate magento1", "shop.jsonl"), ("simulate dynamics-gp", "gp.jsonl")):
        command = command.replace(word, f"{word} --log {reader.folder.parent / name}")
    return command


def test_exactly_what_was_lost_is_named_and_nothing_is_written(reader: Reader) -> None:
    said: dict[str, str] = {}
    for command in commands(NAME):
        if command == RUN:
            before = state(reader, SHOP)["orders"], state(reader, PEOPLE)["documents"]
        said[command] = reader.types(with_logs(reader, command))
    entered = next(text for one, text in said.items() if "old_integration" in one)
    assert entered.startswith("success: ")
    assert missing(reader) == LOST
    told = said[".venv/bin/knect find 100000023"]
    (printed,) = outputs(NAME)
    assert TIME.sub("", told).startswith(TIME.sub("", printed))
    assert "acme-gp has nothing with number '100000023': it never arrived" in printed
    stuck = said[".venv/bin/knect stuck -o wide"]
    assert "acme-gp has it already, as ORD" in stuck
    after = state(reader, SHOP)["orders"], state(reader, PEOPLE)["documents"]
    assert after == before
    for name in ("shop.jsonl", "gp.jsonl"):
        calls = logged(reader, name)
        assert calls, f"{name} is empty"
        assert [one for one in calls if one["committed"]] == []


def test_going_live_creates_what_was_lost_and_adopts_the_rest(reader: Reader) -> None:
    for command in commands(NAME):
        reader.types(command)
    before = {one["number"]: one for one in state(reader, PEOPLE)["documents"]}
    live = reader.folder / "orders.yaml"
    live.write_text(live.read_text().replace("mode: Observe", "mode: Live"))
    reader.types(RUN)
    after = {one["number"]: one for one in state(reader, PEOPLE)["documents"]}
    made = [one for number, one in after.items() if number not in before]
    assert {one["customer_order"].strip() for one in made} == LOST
    assert before.keys() <= after.keys()
