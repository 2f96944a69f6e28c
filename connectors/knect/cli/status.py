"""`knect status`: the equation, freshness, what is stuck.

Must not: say that all is well when the sum is not.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from msgspec import structs

from knect.cli.failure import FAILED, NOT_FOUND, STUCK, CommandError
from knect.cli.ledgers import last_run, ledger_option, opened, run_async
from knect.cli.output import absolute, ago, emit, output_option, say, table
from knect.ledger import Fate
from knect.ledger.checks import Finding
from knect.ledger.health import last_findings, unmet_expectations
from knect.ledger.instants import to_us
from knect.ledger.queries import Coverage, Equation, StuckGroup, coverage, equations, stuck

__all__ = ["status"]


@click.command()
@click.argument("pipeline", required=False)
@ledger_option
@output_option
@click.option("--audit", is_flag=True, help="Compare the ledger with itself and with both ends.")
@click.option("-f", "--files", "files", multiple=True, help="With --audit: the pipelines' files.")
@click.option("--allow", multiple=True, metavar="HOST", help="With --audit: private hosts.")
@click.option("--fail-on-stuck", is_flag=True, help="Exit with 4 if anything is stuck.")
def status(
    pipeline: str | None,
    ledger: str | None,
    output: str,
    *,
    audit: bool,
    files: tuple[str, ...],
    allow: tuple[str, ...],
    fail_on_stuck: bool,
) -> int:
    """Does it add up? Per pipeline: seen = delivered + … + waiting + unknown + in flight."""
    now_us = to_us(datetime.now(UTC))

    async def read() -> tuple[list[Equation], list[Coverage], list[StuckGroup], list[Finding]]:
        async with opened(ledger) as found:
            return await found.read(
                lambda c: (
                    equations(c, pipeline),
                    coverage(c),
                    stuck(c, pipeline),
                    [*unmet_expectations(c, now_us), *last_findings(c)],
                )
            )

    sums, feeds, groups, warnings = run_async(read)
    findings, notes = _audited(ledger, files, allow) if audit else ([], [])
    if pipeline is not None and not sums:
        raise CommandError(f"the ledger knows no pipeline {pipeline!r}", code=NOT_FOUND)
    if output in ("json", "yaml"):
        document = _document(sums, feeds)
        document["warnings"] = [structs.asdict(warning) for warning in warnings]
        if audit:
            document["audit"] = [structs.asdict(finding) for finding in findings]
        emit(document, output)
    elif output == "name":
        for one in sums:
            click.echo(one.name)
    else:
        _print(sums, feeds, groups)
        for warning in warnings:
            say(f"  ✗ {warning.sentence}", style="red")
        if audit:
            from knect.cli.audit import print_findings  # noqa: PLC0415 - only when asked

            print_findings(findings, notes)
    code = 0 if all(one.balanced for one in sums) and not findings else FAILED
    held = [g for g in groups if g.fate in (Fate.WAITING, Fate.REJECTED, Fate.UNKNOWN)]
    return STUCK if code == 0 and fail_on_stuck and held else code


def _audited(
    ledger: str | None, files: tuple[str, ...], allow: tuple[str, ...]
) -> tuple[list[Finding], list[str]]:
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
                "complete_until": absolute(feed.complete_until_us),
                "failing_since": absolute(feed.failing_since_us),
                "reason": feed.reason,
                "message": feed.failure,
            }
            for feed in feeds
        ],
    }


def _print(sums: list[Equation], feeds: list[Coverage], groups: list[StuckGroup]) -> None:
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
        fresh = f"{feed.connection} {feed.entity}: reads are complete until "
        fresh += ago(feed.complete_until_us, now)
        say(f"  {fresh}")
        if feed.failure:
            since = ago(feed.failing_since_us or 0, now)
            say(
                f"  ✗ reading has failed for {since.removesuffix(' ago')}: {feed.failure}",
                style="red",
            )
    count = sum(group.count for group in groups)
    if count:
        oldest = min(group.oldest_us for group in groups)
        say(f"  {count} stopped, the oldest {ago(oldest, now)}: knect stuck")
