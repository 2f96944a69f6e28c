"""`knect unmapped`: what a destination does not know, and saying what it means there.

Must not: guess a translation.
"""

import getpass
import shlex

import click

from knect.cli.act import carry_out
from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.ledgers import ledger_option, opened, run_async
from knect.cli.output import emit, output_option, say, table
from knect.engine.requests import Request
from knect.ledger.waits import UnmappedValue, unmapped_values

__all__ = ["unmapped"]


@click.group(invoke_without_command=True)
@ledger_option
@output_option
@click.pass_context
def unmapped(context: click.Context, ledger: str | None, output: str) -> None:
    """Values a destination does not know, and how many wait for each."""
    context.obj = ledger
    if context.invoked_subcommand is not None:
        return

    async def read() -> list[UnmappedValue]:
        async with opened(ledger) as book:
            return await book.read(unmapped_values)

    values = run_async(read)
    if output in ("json", "yaml"):
        emit(
            [
                {
                    "destination": v.destination,
                    "kind": v.kind,
                    "value": v.value,
                    "waiting": v.waiting,
                    "examples": list(v.examples),
                }
                for v in values
            ],
            output,
        )
    elif values:
        table(
            ["DESTINATION", "KIND", "VALUE", "WAITING", "FOR EXAMPLE"],
            [
                [v.destination, v.kind, v.value, str(v.waiting), " ".join(v.examples)]
                for v in values
            ],
        )
        first = values[0]
        say("")
        pair = shlex.quote(f"{first.value}=OTHER")
        say(f"Add it there, or map it:  knect unmapped set {first.kind} {pair}")
    else:
        say("Nothing waits for a value.")


@unmapped.command("set")
@click.argument("kind")
@click.argument("pair", metavar="VALUE=OTHER")
@click.option("--destination", help="The Connection; needed only if several wait for the value.")
@click.pass_context
def set_value(context: click.Context, kind: str, pair: str, destination: str | None) -> int:
    """Say what VALUE means at the destination; all that wait for it go on."""
    value, separator, mapped = pair.partition("=")
    if not (separator and value and mapped):
        raise CommandError(f"{pair!r} is not VALUE=OTHER, e.g. KN-99=KN-0099", code=BAD_INPUT)
    ledger: str | None = context.obj

    async def read() -> list[UnmappedValue]:
        async with opened(ledger) as book:
            return await book.read(unmapped_values)

    if destination is None:
        waiting = {v.destination for v in run_async(read) if (v.kind, v.value) == (kind, value)}
        if len(waiting) != 1:
            known = ", ".join(sorted(waiting)) or "none"
            raise CommandError(
                f"say for which Connection (--destination); {kind} {value} is waited for at: "
                f"{known}",
                code=BAD_INPUT,
            )
        destination = waiting.pop()
    wish = Request(
        verb="map",
        actor=getpass.getuser(),
        destination=destination,
        kind=kind,
        value=value,
        mapped=mapped,
    )
    woke = run_async(lambda: carry_out(ledger, wish))["count"]
    say(f"{kind} {value} is {mapped} at {destination}; {woke} waiting go on with the next run")
    return 0
