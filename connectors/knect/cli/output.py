"""Printing: tables and sentences for people, JSON and YAML for scripts.

Why: colour never carries meaning alone, and nothing is coloured when it is not a terminal.
Must not: decide what is said.
"""

import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

__all__ = ["absolute", "ago", "emit", "output_option", "say", "table", "visible"]

#: Control characters, and those that only steer (among them the direction of writing).
_UNSEEN = ("Cc", "Cf")

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml", "name"]),
    default="table",
    show_default=True,
    help="Tables for people; json or yaml for scripts.",
)


def emit(value: Any, output: str) -> None:
    """Print a value (dicts, lists, scalars) as JSON or YAML."""
    if output == "json":
        import json  # noqa: PLC0415 - not needed for tables

        # within a text of JSON, what steers is written out as JSON has it: it stays the same text
        click.echo(visible(json.dumps(value, indent=2, ensure_ascii=False, default=str)))
    else:
        import yaml  # noqa: PLC0415 - not needed for tables

        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip()
        if visible(text) != text:  # then as YAML has it, and all other letters with it
            text = yaml.safe_dump(value, sort_keys=False).rstrip()
        click.echo(text)


def visible(text: str) -> str:
    """Return a text from elsewhere without what would move the cursor or turn the line around."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in _UNSEEN else _written_out(c)
        for c in text
    )


def _written_out(letter: str) -> str:
    """Return a letter by its number, in JSON's way: two halves beyond the first 65,536."""
    halves = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[i : i + 2].hex()}" for i in range(0, len(halves), 2))


def say(text: str, *, style: str | None = None, err: bool = False) -> None:
    """Print a line; `style` is a colour, used on a terminal only."""
    stream = sys.stderr if err else sys.stdout
    text = visible(text)
    click.echo(click.style(text, fg=style) if style and stream.isatty() else text, err=err)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Print aligned columns; numbers are aligned to the right."""
    if not rows:
        return
    cells = [list(heads), *[[visible(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    right = [all(_is_number(row[i]) for row in cells[1:]) for i in range(len(heads))]
    for row in cells:
        line = "  ".join(
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        )
        click.echo(f"{indent}{line.rstrip()}")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def absolute(microseconds: int | None) -> str | None:
    """Return an instant as RFC 3339 in UTC, for scripts."""
    if microseconds is None:
        return None
    when = datetime.fromtimestamp(microseconds / 1e6, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(microseconds: int, now: datetime) -> str:
    """Return how long ago an instant was, as people say it: `3 min ago`."""
    seconds = now.timestamp() - microseconds / 1e6
    if seconds < 0:
        return f"in {_span(-seconds)}"
    return "just now" if seconds < 1 else f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    for limit, size, name in (
        (90, 1, "s"),
        (90 * 60, 60, "min"),
        (48 * 3600, 3600, "h"),
        (float("inf"), 86400, "days"),
    ):
        if seconds < limit:
            return f"{seconds / size:.0f} {name}"
    return ""
