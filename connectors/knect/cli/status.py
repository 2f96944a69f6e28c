"""`knect status`: the equation, freshness, what is stuck.

Must not: say that all is well when the sum is not.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from knect.cli.failure import BAD_INPUT, FAILED, STUCK, CommandError
from knect.cli.ledgers import last_run, run_async
from knect.cli.output import emit, output_option, say, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Sums
from knect.ledger import Fate
from knect.ledger.questions.queries import Coverage, Equation
from knect.people.sentences import nobody_takes, read_until, reading_fails
from knect.people.times import absolute, ago

if TYPE_CHECKING:
    from knect.engine.telling.audit import Audited

__all__ = ["status"]

#: So many warnings are a screenful; after a loss there are as many as records.
_MOST_SAID = 20


@click.command()
@click.argument("pipeline", required=False)
@source_options
@output_option
@click.option("--audit", is_flag=True, help="Compare the ledger with itself and with both ends.")
@click.option(
    "-f",
    "--files",
    "files",
    multiple=True,
    metavar="FILE|DIR",
    help="With --audit: the pipelines' files; default: those of the last run in this folder.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST|NETWORK",
    help="With --audit: a private address that may be connected to.",
)
@click.option("--fail-on-stuck", is_flag=True, help="Exit with 4 if anything is stuck.")
def status(
    pipeline: str | None,
    source: Chosen,
    output: str,
    *,
    audit: bool,
    files: tuple[str, ...],
    allow: tuple[str, ...],
    fail_on_stuck: bool,
) -> int:
    """Does it add up? Per pipeline: seen = delivered + … + waiting + unknown + in flight."""
    if audit and source.in_cluster:
        raise CommandError(
            "an audit asks both ends, which only workers reach; declare it in the pipeline "
            "(spec.audit), and what it finds is among the warnings here",
            code=BAD_INPUT,
        )

    async def read() -> Sums:
        async with source.open() as asked:
            return await asked.status(pipeline)

    answer = run_async(read)
    sums, feeds, warnings = answer.sums, answer.feeds, answer.warnings
    told = _audited(source.ledger, files, allow) if audit else None
    if output in ("json", "yaml"):
        document = _document(sums, feeds)
        document["warnings"] = [structs.asdict(warning) for warning in warnings]
        document["more_warnings"] = answer.more_warnings
        document["unattended"] = [
            {
                "pipeline": one.pipeline,
                "count": one.count,
                "due_since": absolute(one.since_us),
                "examples": list(one.examples),
            }
            for one in answer.unattended
        ]
        if told is not None:
            document["audit"] = [structs.asdict(finding) for finding in told.findings]
            document["not_asked"] = [*told.failed, *told.beyond]
        emit(document, output)
    elif output == "name":
        for one in sums:
            click.echo(one.name)
    else:
        _print(answer)
        for warning in warnings[:_MOST_SAID]:
            say(f"  ✗ {warning.sentence}", style="red")
        more = len(warnings) - _MOST_SAID + answer.more_warnings
        if more > 0:
            say(f"  … and {more} more of what the last audits found (-o json)")
        if told is not None:
            from knect.cli.audit import print_audit  # noqa: PLC0415 - only when asked

            print_audit(told)
    whole = all(one.balanced for one in sums)
    if told is not None:
        whole = whole and not told.findings and not told.failed
    code = 0 if whole else FAILED
    held = answer.held or answer.unattended
    return STUCK if code == 0 and fail_on_stuck and held else code


def _audited(ledger: str | None, files: tuple[str, ...], allow: tuple[str, ...]) -> "Audited":
    from knect.cli.audit import audit  # noqa: PLC0415 - only when asked

    last = last_run()
    paths = [Path(file) for file in files] or [Path(file) for file in last.files]
    hosts = allow or last.allow
    return run_async(lambda: audit(ledger, paths, hosts))


def _terms(one: Equation) -> dict[str, int]:
    return {"seen": one.seen, **one.fates}


def _document(sums: list[Equation], feeds: list[Coverage]) -> dict[str, Any]:
    keys = ["seen", *(fate.value for fate in Fate)]
    total: dict[str, Any] = {key: sum(_terms(one)[key] for one in sums) for key in keys}
    total["balanced"] = all(one.balanced for one in sums)
    return {
        "pipelines": [{"name": one.name, **_terms(one)} for one in sums],
        "total": total,
        "feeds": [
            {
                "connection": feed.connection,
                "entity": feed.entity,
                "complete_from": absolute(feed.start_us)
                if feed.is_read and feed.start_us
                else None,
                "complete_until": absolute(feed.complete_until_us) if feed.is_read else None,
                "failing_since": absolute(feed.failing_since_us),
                "reason": feed.reason,
                "message": feed.failure,
            }
            for feed in feeds
        ],
    }


def _print(answer: Sums) -> None:
    sums, feeds = answer.sums, answer.feeds
    if not sums:
        say("The ledger knows no pipeline yet: knect run -f DIR")
        return
    now = datetime.now(UTC)
    shown = [fate for fate in Fate if any(one.fates[fate] for one in sums)]
    heads = ["PIPELINE", "SEEN", *(fate.value.upper() for fate in shown), "ADDS UP"]
    rows = [
        [
            one.name,
            str(one.seen),
            *(str(one.fates[fate]) for fate in shown),
            "yes" if one.balanced else f"NO, {one.seen - sum(one.fates.values()):+d} missing",
        ]
        for one in sums
    ]
    table(heads, rows)
    for feed in feeds:
        say(f"  {read_until(feed, ago(feed.complete_until_us, now), now)}")
        if feed.failure:
            say(f"  ✗ {reading_fails(feed, ago(feed.failing_since_us or 0, now))}", style="red")
    if answer.oldest_us is not None:
        oldest = ago(answer.oldest_us, now)
        say(f"  {answer.stopped} stopped, the oldest {oldest}: knect stuck")
    for left in answer.unattended:
        say(f"  ✗ {nobody_takes(left, now)}", style="red")
