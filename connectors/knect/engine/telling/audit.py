"""The audit: the ledger against itself, and against both ends.

Why: a fate that was recorded right can become wrong later, when somebody deletes a document or a
row; only asking both ends again shows it. Must not: write at either end or in the ledger.
"""

import logging
import shlex
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field, structs

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.engine.deciding.defects import failed_while
from knect.engine.reading.sighter import content_of
from knect.ledger import Ledger, LedgerError
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
from knect.sdk.contract import Change, Connector, Delivered, Destination, Source, Window
from knect.sdk.errors import ConnectorError
from knect.seams import Clock

__all__ = ["OF_BOTH_ENDS", "Audited", "audit_both_ends", "audit_ledger", "brought_in"]

_log = logging.getLogger("knect.audit")

_AT_ONCE = 100
_GONE, _NEVER_SEEN = "MissingAtDestination", "NeverSeen"
#: Kinds of findings that only the ends can tell of.
OF_BOTH_ENDS = frozenset((_GONE, _NEVER_SEEN))
_REMEDY = "bring it in with knect backfill"


class Audited(Struct, frozen=True, kw_only=True):
    """What both ends said. `failed`: sentences about what could not be asked now; `beyond`: about
    what can never be asked there; `passed_over`: when those changed that nobody saw, by feed.
    """

    findings: list[Finding] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    passed_over: dict[int, list[datetime]] = field(default_factory=dict)


def brought_in(findings: Sequence[Finding], pipeline: str) -> list[Finding]:
    """Return findings of which those nobody saw have been brought in for a pipeline since."""
    return [
        structs.replace(one, sentence=one.sentence.replace(_REMEDY, "the audit has brought it in"))
        if one.kind == _NEVER_SEEN and pipeline in one.pipeline.split()
        else one
        for one in findings
    ]


async def audit_ledger(ledger: Ledger, clock: Clock) -> list[Finding]:
    """Return what the ledger says against itself."""
    now = to_us(clock.now())
    return await ledger.read(lambda c: self_check(c, now_us=now))


async def audit_both_ends(
    ledger: Ledger,
    document: WorkerDocument,
    connectors: Mapping[str, Connector],
    catalog: Catalog,
) -> Audited:
    """Return what is missing at the destinations, and what the sources list and nobody saw.

    An end that does not answer keeps no other from being asked.
    """
    told = Audited()
    for pipeline in document.pipelines:
        name = pipeline.spec.destination.connection_ref.name
        connector = connectors.get(name)
        if connector is not None and connector.destination is not None:
            asking = _lost(ledger, pipeline.name, connector.destination, told)
            await _asked(asking, name, f"what {pipeline.name} delivered", told)
    for feed, pipelines in await ledger.read(subscribed_feeds):
        name = feed.key.connection
        connector = connectors.get(name)
        if connector is not None and connector.source is not None:
            again = _overlap(document, catalog, feed)
            asking = _unseen(ledger, connector.source, feed, pipelines, again, told)
            await _asked(asking, name, f"its {feed.key.entity}", told)
    return told


async def _asked(asking: Awaitable[None], name: str, what: str, told: Audited) -> None:
    try:
        await asking
    except ConnectorError as error:
        why = error.message
    except LedgerError:
        raise
    except Exception as error:  # noqa: BLE001 - what one end makes of a question ends no audit
        _log.error("defect", exc_info=error, extra={"connection": name})
        why = failed_while("asking", error).message
    else:
        return
    told.failed.append(f"{name} could not be asked for {what}: {why}")


async def _lost(ledger: Ledger, pipeline: str, destination: Destination, told: Audited) -> None:
    """Ask for every document of a pipeline, some thousands after the other."""
    after, silent, where = 0, 0, ""
    while True:
        documents, after = await ledger.read(
            lambda c, a=after: delivered_documents(c, pipeline, after=a)  # type: ignore[misc]
        )
        for start in range(0, len(documents), _AT_ONCE):
            part = documents[start : start + _AT_ONCE]
            answers = await destination.present([_question(document) for document in part])
            told.findings.extend(_missing(part, answers))
            silent, where = silent + sum(one is None for one in answers), part[0].destination
        if not after:
            break
    if silent:
        told.beyond.append(
            f"{where} cannot be asked whether what {pipeline} delivered is still there: {silent}"
            f" record{'s' if silent != 1 else ''}"
        )


def _missing(
    documents: Sequence[DeliveredDocument], answers: Sequence[bool | None]
) -> list[Finding]:
    return [
        Finding(
            kind=_GONE,
            pipeline=document.pipeline,
            key=document.key,
            transaction=document.transaction,
            sentence=(
                f"{document.key} was delivered to {document.destination} as "
                f"{document.number or document.destination_id}, but is not there any more; to have "
                f"it there again: knect replay {shlex.quote(document.key)}"
            ),
        )
        for document, is_there in zip(documents, answers, strict=True)
        if is_there is False
    ]


def _question(document: DeliveredDocument) -> Delivered:
    return Delivered(
        entity=document.entity,
        external_id=document.external_id,
        destination_id=document.destination_id,
    )


def _overlap(document: WorkerDocument, catalog: Catalog, feed: Feed) -> timedelta:
    """Return how far before the cursor the next read begins."""
    (connection, *_) = [one for one in document.connections if one.name == feed.key.connection]
    entity = catalog[connection.spec.connector].entities.get(feed.key.entity)
    cursor = entity.cursor if entity is not None else None
    return timedelta(seconds=cursor.overlap_seconds if cursor is not None else 0)


async def _unseen(
    ledger: Ledger,
    source: Source,
    feed: Feed,
    pipelines: Sequence[str],
    again: timedelta,
    told: Audited,
) -> None:
    """List the source from the start up to the cursor once more."""
    cursor = await ledger.read(lambda c: cursor_of(c, feed.seq))
    window = Window(
        since=from_us(cursor.start_us),
        until=from_us(cursor.at_us),
        filter=decode_json(feed.key.filter),
    )
    if window.since >= window.until:
        return
    async for page in source.read(feed.key.entity, window):
        ids = {change.id for change in page.changes}
        known = await ledger.read(lambda c, i=ids: known_versions(c, feed.seq, i))  # type: ignore[misc]
        for change in page.changes:
            comes_again = change.at >= window.until - again
            if sentence := _passed_over(change, known.get(change.id), comes_again=comes_again):
                said = f"{feed.key.connection} lists {feed.key.entity} {change.id}, {sentence}"
                told.findings.append(
                    Finding(
                        kind=_NEVER_SEEN, pipeline=" ".join(pipelines), key=change.id, sentence=said
                    )
                )
                told.passed_over.setdefault(feed.seq, []).append(change.at)


def _passed_over(
    change: Change, known: tuple[str, frozenset[str]] | None, *, comes_again: bool
) -> str | None:
    """Return what is to be said of a listed change, if the ledger does not have it.

    What the next read looks at again may be another one by now: no version of it is passed over.
    """
    if known is None:
        return f"changed before the cursor, and the ledger never saw it; {_REMEDY}"
    token, hashes = known
    digest = content_of(change)[1]
    if comes_again or (change.deleted and digest in hashes):
        return None  # what is gone stays gone, whatever it was marked with first
    is_newer = bool(change.token) and change.token > token
    is_another = change.token in ("", token) and digest not in hashes
    if not is_newer and not is_another:
        return None
    return (
        f"marked {change.at:%Y-%m-%d %H:%M:%S} UTC, before the cursor, and it is another one there"
        f" than the ledger saw last; {_REMEDY}"
    )
