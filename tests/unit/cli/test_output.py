"""What comes from elsewhere cannot steer a person's terminal."""

import json
from collections.abc import Iterator, Sequence

import pytest
import yaml
from tests.unit.cli.terminal import Terminal
from tests.unit.ledger.book import Book

from knect.people.texts import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\u001b]0;owned\\u0007"),
        ("invoice\u202efdp.exe", "invoice\\u202efdp.exe"),
        ("a\rb\x00c\x9bd", "a\\u000db\\u0000c\\u009bd"),
        ("שלום", "שלום"),
        ("\N{GRINNING FACE} é\n\tß", "\N{GRINNING FACE} é\n\tß"),
    ],
)
def test_what_steers_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "words", [["find", "7"], ["stuck"], ["unmapped"], ["unmapped", "-o", "name"], ["show"]]
)
def test_no_command_passes_it_on(knect: Terminal, words: Sequence[str]) -> None:
    evil = "\x1b[2J\u202eKN"

    async def one(book: Book) -> None:
        await book.see("7", keys=[("number", "7")])
        (row,) = await book.work(
            "waiting", reason="UnknownSku", value=evil, field="lines[0].sku",
            message=f"erp knows no {evil}", waits_for=f"sku:{evil}@erp",
        )  # fmt: skip
        ids.append(row.id)

    ids: list[str] = []
    knect.write(one)
    code, out, _ = knect.on_ledger(*words, *(ids if words[0] == "show" else ()))
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "KN" in out


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("words", [["find", "7"], ["stuck"], ["unmapped"]])
def test_no_command_passes_it_on_to_a_script(
    knect: Terminal, words: Sequence[str], form: str
) -> None:
    evil = "\x1b[2J\u202e\x9b1mK\U000e0041N"

    async def one(book: Book) -> None:
        await book.see("7", keys=[("number", "7")])
        await book.work(
            "waiting", reason="UnknownSku", value=evil, field="lines[0].sku",
            message=f"erp knows no {evil}", waits_for=f"sku:{evil}@erp",
        )  # fmt: skip

    knect.write(one)
    code, out, _ = knect.on_ledger(*words, "-o", form)
    assert code == 0
    assert visible(out) == out
    read = json.loads(out) if form == "json" else yaml.safe_load(out)
    assert evil in "".join(_texts(read)), "a script reads another text"


def _texts(value: object) -> Iterator[str]:
    match value:
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)
        case _:
            yield str(value)
