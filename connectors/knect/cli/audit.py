"""`knect status --audit`: asks both ends and names what is missing.

Must not: write.
"""

from collections.abc import Sequence
from pathlib import Path

from knect.cli.documents import declared
from knect.cli.failure import CommandError
from knect.cli.ledgers import opened, resolve
from knect.cli.output import say
from knect.engine.audit import audit_both_ends, audit_ledger
from knect.engine.parts import open_connections
from knect.ledger.checks import Finding
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock

__all__ = ["audit", "print_findings"]


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
    for finding in findings:
        say(f"✗ {finding.sentence}", style="red")
    for note in notes:
        say(f"◎ {note}")
    if not findings:
        say("✔ the audit found nothing missing")
