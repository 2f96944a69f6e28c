"""`knect audit`: every planted violation is named from a file; what is no history is explained."""

import json
from pathlib import Path

import pytest
from tests.support.toy import a_pipeline, an_order
from tests.support.toy.world import World
from tests.unit.cli.terminal import Terminal
from tests.unit.history.test_planted_violations import PLANTED, clean

from knect.history import History, check, read_history, write_history


def _file(folder: Path, history: History) -> Path:
    path = folder / "case.jsonl"
    path.write_text("".join(f"{line}\n" for line in write_history(history)))
    return path


def test_a_history_is_the_same_from_its_lines() -> None:
    lines = list(write_history(clean()))
    assert list(write_history(read_history(lines))) == lines
    assert check(read_history(lines)) == []


@pytest.mark.parametrize("what", PLANTED)
def test_each_planted_violation_is_named_from_a_file(
    what: str, tmp_path: Path, knect: Terminal
) -> None:
    spoil, invariant, words = PLANTED[what]
    path = _file(tmp_path, spoil(clean()))
    code, out, _ = knect("audit", "--history", str(path))
    assert code == 1
    assert words in out
    assert f"({invariant})" in out


def test_there_are_enough_of_them() -> None:
    assert len(PLANTED) >= 15


def test_a_clean_history_is_called_clean(tmp_path: Path, knect: Terminal) -> None:
    code, out, _ = knect("audit", "--history", str(_file(tmp_path, clean())))
    assert code == 0
    assert "✔ nothing of it contradicts anything else" in out
    assert "Judged: 4 transactions" in out


def test_a_doubled_order_is_told_in_the_order_in_which_it_happened(
    tmp_path: Path, knect: Terminal
) -> None:
    spoil, _, _ = PLANTED["two documents of one order"]
    path = str(_file(tmp_path, spoil(clean())))
    _, out, _ = knect("audit", "--history", path)
    assert "14:02:01 create sent (answer lost) · 14:02:09 create sent 201" in out
    assert "I3: one committed create per external id" in out
    code, out, _ = knect("audit", "--history", path, "-o", "json")
    assert code == 1
    assert {one["key"] for one in json.loads(out)["violations"]} == {"1001"}
    assert knect("audit", "--history", path, "-o", "name").out == "1001\n"


def test_what_the_ledger_knows_is_exported_without_payloads(
    tmp_path: Path, knect: Terminal
) -> None:
    async def fill(world: World) -> None:
        for number in ("1001", "1002"):
            world.shop.put(f"g{number}", **an_order(number, note="a secret wish"))
        world.clock.advance(60)
        await world.run()

    knect.world(knect.folder, a_pipeline(), fill)
    path = tmp_path / "case.jsonl"
    code, out, _ = knect.on_ledger("audit", "--export", str(path))
    assert code == 0
    assert f"knect audit --history {path}" in out
    text = path.read_text()
    assert "secret wish" not in text
    history = read_history(text.splitlines())
    assert [one.fate for one in history.ledger.transactions] == ["delivered"] * 2
    assert all(one.timeline for one in history.ledger.transactions)
    assert check(history) == []
    code, out, _ = knect("audit", "--history", str(path))
    assert code == 0
    assert "◎ without destination_call lines nothing is said of what was sent twice" in out

    doubled = text + "".join(
        json.dumps(line) + "\n"
        for line in [
            {
                "line": "destination_call", "time": f"2026-11-24T14:02:0{second}Z",
                "method": "POST", "path": "/documents", "key": "shop:g1001", "status": status,
                "committed": True,
            }
            for second, status in ((1, None), (9, 201))
        ]
    )  # fmt: skip
    path.write_text(doubled)
    code, out, _ = knect("audit", "--history", str(path))
    assert code == 1
    assert "1001: create sent 14:02:01 (answer lost), create sent 14:02:09" in out


def test_what_is_no_history_is_explained_line_by_line(tmp_path: Path, knect: Terminal) -> None:
    path = tmp_path / "case.jsonl"
    path.write_text(
        '{"line": "history", "format": 7, "now": "2026-11-24T14:00:00Z"}\n'
        "no json\n"
        '{"line": "transition"}\n'
        '{"line": "life", "holder": "w"}\n'
        "[]\n"
    )
    code, _, err = knect("audit", "--history", str(path))
    assert code == 2
    for words in (
        "line 1: its format is 7, and this Knect reads 1",
        "line 2: is no JSON; one object per line is expected",
        "line 3: lines 'transition' are not known; known are history, transaction",
        "line 4: life: Object missing required field `calls`",
        'line 5: has no "line"; it says what the line is',
    ):
        assert words in err


def test_without_a_first_line_nothing_is_judged(tmp_path: Path, knect: Terminal) -> None:
    path = tmp_path / "case.jsonl"
    path.write_text('{"line": "life", "holder": "w", "calls": "a"}\n')
    code, _, err = knect("audit", "--history", str(path))
    assert code == 2
    assert "there are 0 history lines" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name a history to judge (--history FILE)"),
        (("--history", "gone.jsonl"), "gone.jsonl cannot be read: No such file or directory"),
        (("--history", "a", "--export", "b"), "name a history to judge"),
    ],
)
def test_what_was_asked_wrongly_is_said(words: tuple[str, ...], says: str, knect: Terminal) -> None:
    code, _, err = knect("audit", *words)
    assert code == 2
    assert says in err
