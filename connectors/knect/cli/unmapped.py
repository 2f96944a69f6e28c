"""`knect unmapped`: what a destination does not know, and saying what it means there.

Must not: guess a translation.
"""

import shlex

import click

from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Mapped, Mapping, Values
from knect.people.sentences import meaning

__all__ = ["unmapped"]

#: A table stays readable; `-o json` has every value.
_LONGEST = 50


@click.group(invoke_without_command=True)
@source_options
@output_option
@click.pass_context
def unmapped(context: click.Context, source: Chosen, output: str) -> int:
    """Values a destination does not know, and how many wait for each."""
    context.obj = source
    if context.invoked_subcommand is not None:
        return 0

    limit = _LONGEST if output in ("table", "wide") else None

    async def read() -> Values:
        async with source.open() as asked:
            return await asked.unmapped(limit=limit)

    answer = run_async(read)
    values = answer.items
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
    elif output == "name":
        for v in values:
            say(v.value)
    elif values:
        table(
            ["DESTINATION", "KIND", "VALUE", "WAITING", "FOR EXAMPLE"],
            [
                [v.destination, v.kind, v.value, str(v.waiting), " ".join(v.examples)]
                for v in values
            ],
        )
        if answer.truncated:
            say("… and more values; all of them: knect unmapped -o json")
        first = values[0]
        say("")
        pair = shlex.quote(f"{first.value}=OTHER")
        say(f"Add it there, or map it:  knect unmapped set {first.kind} {pair}")
    else:
        say("Nothing waits for a value.")
    return 0


@unmapped.command("set")
@click.argument("kind")
@click.argument("pair", metavar="VALUE=OTHER")
@source_options
@click.option("--destination", help="The Connection; needed only if several wait for the value.")
@click.option("--reason", help="Why; kept in the ledger.")
@click.pass_context
def set_value(
    context: click.Context,
    kind: str,
    pair: str,
    source: Chosen,
    destination: str | None,
    reason: str | None,
) -> int:
    """Say what VALUE means at the destination; all that wait for it go on."""
    value, separator, mapped = pair.partition("=")
    if not (separator and value and mapped):
        raise CommandError(f"{pair!r} is not VALUE=OTHER, e.g. KN-99=KN-0099", code=BAD_INPUT)
    before: Chosen = context.obj
    meant = source if source.named else before
    wish = Mapping(kind=kind, value=value, mapped=mapped, destination=destination, reason=reason)

    async def write() -> Mapped:
        async with meant.open() as asked:
            return await asked.map_value(wish)

    say(meaning(wish, run_async(write)))
    return 0
