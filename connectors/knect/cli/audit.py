"""`knect status --audit`: asks both ends and names what is missing.

Must not: write.
"""

from collections.abc import Sequence
from pathlib import Path

from knect.cli.documents import declared
from knect.cli.failure import CommandError
from knect.cli.ledgers import opened, resolve
from knect.cli.output import say
from knect.engine.telling.audit import audit_both_ends, audit_ledger
from knect.engine.working.parts import open_connections
from knect.ledger.questions.checks import Finding
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock

__all__ = ["audit", "print_findings"]

#: So many findings are for people; after a loss there are as many as records.
_MOST_SAID = 100


async def audit(
    ledger: str | None, files: Sequence[Path], allow: Sequence[str]
) -> tuple[list[Finding], list[str]]:
    """Return findings, and sentences about what could not be asked."""
    clock = SystemClock()
    async with opened(resolve(ledger)) as book:
        findings = await audit_ledger(book, clock)
        if not files:
            return findings, ["both ends were not asked: name the pipelines' files with -f"]
        try:
            found = declared(files)
        except CommandError as error:
            return findings, [f"both ends were not asked: {error}"]
        connectors = open_connections(
            found.document,
            catalog=found.catalog,
            http=ClientFactory(clock=clock, egress=Egress(allow)),
            clock=clock,
            secrets=found.secrets,
        )
        try:
            findings += await audit_both_ends(book, found.document, connectors)
        except ConnectorError as error:
            return findings, [f"not everything could be asked: {error}"]
        finally:
            for connector in connectors.values():
                await connector.close()
    return findings, []


def print_findings(findings: Sequence[Finding], notes: Sequence[str]) -> None:
    """Print them for people."""
    for finding in findings[:_MOST_SAID]:
        say(f"✗ {finding.sentence}", style="red")
    if len(findings) > _MOST_SAID:
        say(f"… and {len(findings) - _MOST_SAID} more; all of them: knect status --audit -o json")
    for note in notes:
        say(f"◎ {note}")
    if not findings:
        asked = "what was asked has nothing missing" if notes else "the audit found nothing missing"
        say(f"{'◎' if notes else '✔'} {asked}")
