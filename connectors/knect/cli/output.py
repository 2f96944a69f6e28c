"""Printing: tables and sentences for people, JSON and YAML for scripts.

Why: colour never carries meaning alone, and nothing is coloured when it is not a terminal.
Must not: decide what is said.
"""

import sys
from collections.abc import Sequence
from typing import Any

import click

from knect.people.texts import visible

__all__ = ["emit", "output_option", "say", "shortened", "table"]

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


def say(text: str, *, style: str | None = None, err: bool = False) -> None:
    """Print a line; `style` is a colour, used on a terminal only."""
    stream = sys.stderr if err else sys.stdout
    text = visible(text)
    click.echo(click.style(text, fg=style) if style and stream.isatty() else text, err=err)


def shortened(text: str, widest: int | None) -> str:
    """Return at most so many characters of a text, and whether there were more."""
    return text if widest is None or len(text) <= widest else f"{text[: widest - 1]}…"


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
