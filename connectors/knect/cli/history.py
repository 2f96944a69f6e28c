"""`knect audit`: judges a history, or writes what the ledger knows of one.

Why: support and tests judge by the same invariants; a support case is a file. What a *live* ledger
and both ends say now is `knect status --audit`'s to ask.
Must not: ask a remote, or write a ledger.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import json, structs

from knect.cli.failure import BAD_INPUT, FAILED, CommandError
from knect.cli.ledgers import ledger_option, opened, run_async
from knect.cli.output import emit, output_option, say
from knect.history import HistoryUnreadable, by_key, check, meaning_of, read_history
from knect.history.lines import FORMAT

if TYPE_CHECKING:
    from knect.history import Broken, History
    from knect.ledger import Connection

__all__ = ["audit"]


@click.command()
@click.option(
    "--history",
    "judged",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The history to judge: JSON lines.",
)
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what the ledger knows, as such lines.",
)
@click.option("--at-rest", is_flag=True, help="With --history: all work had ended by then.")
@ledger_option
@output_option
def audit(
    judged: Path | None, exported: Path | None, ledger: str | None, output: str, *, at_rest: bool
) -> int:
    """Was anything lost or doubled? Judges request logs of both ends against the ledger.

    `knect audit --export FILE` writes what the ledger knows, without payloads. Add the request
    logs of both ends to it (connectors/knect/history/README.md describes the lines), then
    `knect audit --history FILE` names every record of which something cannot be true.
    """
    if (judged is None) == (exported is None):
        raise CommandError(
            "name a history to judge (--history FILE) or a file to write what the ledger knows "
            "(--export FILE)",
            code=BAD_INPUT,
        )
    if exported is not None:
        return _export(exported, ledger)
    assert judged is not None
    history = _read(judged)
    if at_rest:
        history = structs.replace(history, is_quiet=True)
    broken = by_key(history, check(history))
    if output in ("json", "yaml"):
        emit(_document(history, broken), output)
    elif output == "name":
        for one in broken:
            say(one.key)
    else:
        _print(history, broken)
    return FAILED if broken else 0


def _read(path: Path) -> "History":
    try:
        with path.open(encoding="utf-8") as lines:
            return read_history(lines)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CommandError(f"{path} cannot be read: {why}", code=BAD_INPUT) from None
    except HistoryUnreadable as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{path} is no history:\n{problems}", code=BAD_INPUT) from None


# ---------------------------------------------------------------- what is said


def _print(history: "History", broken: Iterable["Broken"]) -> None:
    ledger = history.ledger
    say(
        f"Judged: {len(ledger.transactions)} transactions, {len(ledger.effects)} effects, "
        f"{len(history.source_calls)} calls at sources, {len(history.destination_calls)} at "
        f"destinations, {len(history.records)} records, {len(history.documents)} documents, "
        f"{len(history.faults)} faults."
    )
    for what in _not_judged(history):
        say(f"◎ {what}")
    named: dict[str, None] = {}
    for one in broken:
        for violation in one.violations:
            say(f"✗ {violation.excerpt} ({violation.invariant})", style="red")
            named[violation.invariant] = None
        if one.story:
            say(f"    {one.story}")
    for invariant in named:
        say(f"  {invariant}: {meaning_of(invariant)}")
    if not named:
        say("✔ nothing of it contradicts anything else")


def _not_judged(history: "History") -> Iterable[str]:
    """Say which promises nothing can be said of, for want of evidence."""
    if not history.destination_calls:
        yield "without destination_call lines nothing is said of what was sent twice (I3, I8, I10)"
    if not history.documents:
        yield "without document lines nothing is said of what the destination holds (I3 to I6)"
    if not history.records:
        yield "without record lines nothing is said of what the source holds (I2, I4, I6)"
    if not history.is_quiet:
        yield "work was under way: what is open is not judged (--at-rest judges it, I9)"


def _document(history: "History", broken: Iterable["Broken"]) -> dict[str, Any]:
    return {
        "violations": [
            {
                "invariant": violation.invariant,
                "meaning": meaning_of(violation.invariant),
                "key": one.key,
                "excerpt": violation.excerpt,
                "story": one.story,
            }
            for one in broken
            for violation in one.violations
        ],
        "judged": {
            "transactions": len(history.ledger.transactions),
            "source_calls": len(history.source_calls),
            "destination_calls": len(history.destination_calls),
            "records": len(history.records),
            "documents": len(history.documents),
            "faults": len(history.faults),
        },
    }


# ---------------------------------------------------------------- what the ledger knows


def _export(path: Path, ledger: str | None) -> int:
    from knect.ledger.questions.export import exported  # noqa: PLC0415 - only when asked

    first = {"line": "history", "format": FORMAT, "now": datetime.now(UTC), "quiet": False}

    def write(connection: "Connection") -> int:
        count = 1
        with path.open("wb") as file:
            file.write(json.encode(first) + b"\n")
            for line, row in exported(connection):
                count += 1
                if "timeline" in row:
                    row["timeline"] = json.decode(row["timeline"])
                file.write(json.encode({"line": line, **row}) + b"\n")
        return count

    async def work() -> int:
        async with opened(ledger) as book:
            return await book.read(write)

    try:
        count = run_async(work)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; name another file"
        raise CommandError(message, code=BAD_INPUT) from None
    say(f"✔ {count} lines in {path}; add the request logs of both ends, then:")
    say(f"  knect audit --history {path}")
    return 0
