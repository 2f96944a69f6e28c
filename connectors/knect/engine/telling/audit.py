"""The audit: the ledger against itself, and against both ends.

Why: a fate that was recorded right can become wrong later, when somebody deletes a document or a
row; only asking both ends again shows it. Must not: write at either end or in the ledger.
"""

from collections.abc import Mapping, Sequence

from knect.api.worker import WorkerDocument
from knect.engine.reading.sighter import content_of
from knect.ledger import Ledger
from knect.ledger.feeds import Feed, cursor_of, subscribed_feeds
from knect.ledger.instants import from_us, to_us
from knect.ledger.questions.checks import (
    DeliveredDocument,
    Finding,
    delivered_documents,
    known_versions,
    self_check,
)
from knect.model import decode_json
from knect.sdk.contract import (
    Call,
    Change,
    Connector,
    Destination,
    Effect,
    Operation,
    Source,
    Window,
)
from knect.seams import Clock

__all__ = ["audit_both_ends", "audit_ledger"]

_AT_ONCE = 100
_REMEDY = "bring it in with knect backfill"


async def audit_ledger(ledger: Ledger, clock: Clock) -> list[Finding]:
    """Return what the ledger says against itself."""
    now = to_us(clock.now())
    return await ledger.read(lambda c: self_check(c, now_us=now))


async def audit_both_ends(
    ledger: Ledger, document: WorkerDocument, connectors: Mapping[str, Connector]
) -> list[Finding]:
    """Return what is missing at the destinations, and what the sources list and nobody saw.

    Raises ConnectorError when an end cannot be asked.
    """
    findings: list[Finding] = []
    for pipeline in document.pipelines:
        connector = connectors.get(pipeline.spec.destination.connection_ref.name)
        if connector is not None and connector.destination is not None:
            findings += await _lost(ledger, pipeline.name, connector.destination)
    for feed, pipelines in await ledger.read(subscribed_feeds):
        connector = connectors.get(feed.key.connection)
        if connector is not None and connector.source is not None:
            findings += await _unseen(ledger, connector.source, feed, pipelines)
    return findings


async def _lost(ledger: Ledger, pipeline: str, destination: Destination) -> list[Finding]:
    """Look every document of a pipeline up, some thousands after the other."""
    findings, after = list[Finding](), 0
    while True:
        documents, after = await ledger.read(
            lambda c, a=after: delivered_documents(c, pipeline, after=a)  # type: ignore[misc]
        )
        findings += await _missing(destination, documents)
        if not after:
            return findings


async def _missing(
    destination: Destination, documents: Sequence[DeliveredDocument]
) -> list[Finding]:
    findings: list[Finding] = []
    for start in range(0, len(documents), _AT_ONCE):
        part = documents[start : start + _AT_ONCE]
        answers = await destination.lookup([_question(document) for document in part])
        findings += [
            Finding(
                kind="MissingAtDestination",
                pipeline=document.pipeline,
                key=document.key,
                transaction=document.transaction,
                sentence=(
                    f"{document.key} was delivered to {document.destination} as "
                    f"{document.number or document.destination_id}, but is not there any more"
                ),
            )
            for document, found in zip(part, answers, strict=True)
            if found is None
        ]
    return findings


def _question(document: DeliveredDocument) -> Call:
    key = document.lease.removeprefix(f"{document.destination}/{document.entity}/")
    return Call(
        effect=Effect(
            name=document.name,
            write=document.write,
            entity=document.entity,
            operation=Operation.CREATE,
            key=key,
            external_id=document.external_id,
            body={},
            target=document.destination_id,
            primary=True,
        ),
        given={},
        idempotency_key=document.transaction,
    )


async def _unseen(
    ledger: Ledger, source: Source, feed: Feed, pipelines: Sequence[str]
) -> list[Finding]:
    """List the source from the start up to the cursor once more."""
    cursor = await ledger.read(lambda c: cursor_of(c, feed.seq))
    window = Window(
        since=from_us(cursor.start_us),
        until=from_us(cursor.at_us),
        filter=decode_json(feed.key.filter),
    )
    findings: list[Finding] = []
    if window.since >= window.until:
        return findings
    async for page in source.read(feed.key.entity, window):
        ids = {change.id for change in page.changes}
        known = await ledger.read(lambda c, i=ids: known_versions(c, feed.seq, i))  # type: ignore[misc]
        for change in page.changes:
            if sentence := _passed_over(change, known.get(change.id)):
                told = f"{feed.key.connection} lists {feed.key.entity} {change.id}, {sentence}"
                findings.append(
                    Finding(
                        kind="NeverSeen", pipeline=" ".join(pipelines), key=change.id, sentence=told
                    )
                )
    return findings


def _passed_over(change: Change, known: tuple[str, frozenset[str]] | None) -> str | None:
    """Return what is to be said of a listed change, if the ledger does not have it."""
    if known is None:
        return f"changed before the cursor, and the ledger never saw it; {_REMEDY}"
    token, hashes = known
    is_newer = bool(change.token) and change.token > token
    is_another = change.token in ("", token) and content_of(change)[1] not in hashes
    if not is_newer and not is_another:
        return None
    return (
        f"marked {change.at:%Y-%m-%d %H:%M:%S} UTC, before the cursor, and it is another one there"
        f" than the ledger saw last; {_REMEDY}"
    )
