"""`knect status --audit`: asks both ends and names what is missing.

Must not: write.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import structs

from knect.cli.documents import declared
from knect.cli.failure import CommandError
from knect.cli.ledgers import opened, resolve
from knect.cli.output import say
from knect.engine.telling.audit import Audited, audit_both_ends, audit_ledger
from knect.engine.working.parts import open_connections
from knect.ledger import Ledger
from knect.ledger.questions.queries import coverage
from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock

__all__ = ["audit", "print_audit"]

#: So many findings are for people; after a loss there are as many as records.
_MOST_SAID = 100


_NO_FILES = "both ends were not asked: name the pipelines' files with -f"


async def audit(ledger: str | None, files: Sequence[Path], allow: Sequence[str]) -> Audited:
    """Return what is missing, and what could not be asked."""
    clock = SystemClock()
    async with opened(resolve(ledger)) as book:
        within = Audited(findings=await audit_ledger(book, clock))
        if not files:
            return structs.replace(within, failed=[_NO_FILES])
        try:
            found = declared(files)
        except CommandError as error:
            return structs.replace(within, failed=[f"both ends were not asked: {error}"])
        connectors = open_connections(
            found.document,
            catalog=found.catalog,
            http=ClientFactory(clock=clock, egress=Egress(allow)),
            clock=clock,
            secrets=found.secrets,
        )
        try:
            both = await audit_both_ends(book, found.document, connectors, found.catalog)
        finally:
            for connector in connectors.values():
                await connector.close()
        unread = await _unread(book, set(connectors))
    return structs.replace(
        both, findings=within.findings + both.findings, failed=both.failed + unread
    )


async def _unread(book: Ledger, connections: Collection[str]) -> list[str]:
    return [
        f"{feed.connection} {feed.entity} was not asked: no read of it is complete yet"
        for feed in await book.read(coverage)
        if feed.connection in connections and not feed.is_read
    ]


def print_audit(told: Audited) -> None:
    """Print it for people."""
    findings = told.findings
    for finding in findings[:_MOST_SAID]:
        say(f"✗ {finding.sentence}", style="red")
    if len(findings) > _MOST_SAID:
        say(f"… and {len(findings) - _MOST_SAID} more; all of them: knect status --audit -o json")
    for failure in told.failed:
        say(f"✗ {failure}", style="red")
    for note in told.beyond:
        say(f"◎ {note}")
    if not findings:
        is_whole = not told.failed and not told.beyond
        asked = "the audit found" if is_whole else "what was asked has"
        say(f"{'✔' if is_whole else '◎'} {asked} nothing missing")
