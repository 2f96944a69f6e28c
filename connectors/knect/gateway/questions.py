"""The questions: each is a function of an open ledger.

Why: the command line asks its own ledger, the gateway a namespace's, and both give the same
answer. What is masked is blanked out here, before an answer exists. Must not: write, or print.
"""

from typing import Any

from msgspec import structs

from knect.engine.deciding.keys import normalise
from knect.engine.deciding.masking import mask_payloads, shown_edits
from knect.engine.deciding.terms import counted_us
from knect.gateway.answers import (
    Activity,
    Connections,
    Explanation,
    Found,
    Groups,
    Listed,
    Shown,
    Sums,
    Values,
)
from knect.gateway.refusal import Refusal
from knect.ledger import Connection, Fate, Ledger
from knect.ledger.payload import payloads_of, unpack
from knect.ledger.questions.activity import activity as activity_in
from knect.ledger.questions.connections import connections as connections_in
from knect.ledger.questions.details import calls_of, effect_lines
from knect.ledger.questions.explaining import explained
from knect.ledger.questions.health import last_findings, unmet_expectations
from knect.ledger.questions.listing import Which
from knect.ledger.questions.listing import listed as listed_in
from knect.ledger.questions.nearby import nearby
from knect.ledger.questions.queries import (
    Summary,
    coverage,
    equations,
    forgotten,
    waiting_for_same,
)
from knect.ledger.questions.queries import find as find_in
from knect.ledger.questions.queries import show as show_in
from knect.ledger.questions.stopped import stuck as stuck_in
from knect.ledger.questions.stopped import stuck_totals
from knect.ledger.questions.unattended import unattended
from knect.ledger.questions.waits import unmapped_values
from knect.ledger.revisions import newest_body
from knect.model import decode_json, encode_json

__all__ = [
    "DETAILED",
    "FEW",
    "MANY",
    "activity",
    "connections",
    "explain",
    "find",
    "show",
    "status",
    "stuck",
    "unmapped",
]

#: Rows of a page: transactions, and groups or values.
FEW, MANY = 50, 500
#: Of so many found transactions it is said how many others wait for the same.
DETAILED = 3
_SHORTEST_ID = 6
#: So many pipelines are named to who asks for one that is not there.
_NAMED = 10
_NOT_KNOWN = (
    "the record was not worked on yet, or could not be read, so what is to be masked is not known"
)
_TOO_LARGE = "the payload is too large to be shown here"


async def find(book: Ledger, key: str, *, limit: int = FEW, offset: int = 0) -> Found:
    """Return what a key leads to, the newest transaction per record and pipeline.

    Raises Refusal for a key of nothing.
    """
    if not normalise(key):
        raise Refusal(400, "say what to find: an order number, an e-mail, a SKU, a document, an id")

    def ask(c: Connection) -> Found:
        rows = find_in(c, normalise(key), typed=key.strip(), limit=limit + 1, offset=offset)
        items = rows[:limit]
        return Found(
            items=[_bare(one) for one in items],
            feeds=coverage(c),
            others={
                one.seq: waiting_for_same(c, one.waits_for, one.seq)
                for one in items[:DETAILED]
                if one.waits_for and "@" in one.waits_for
            },
            forgotten=forgotten(c),
            truncated=len(rows) > limit,
            like=[] if rows or offset else nearby(c, normalise(key)),
        )

    return await book.read(ask)


async def listed(book: Ledger, which: Which, *, limit: int | None = None) -> Listed:
    """Return the transactions that are so. Raises Refusal for an unknown pipeline or fate."""
    if unknown := set(which.fates) - set(Fate):
        raise Refusal(400, f"there is no fate {min(unknown)}; there are: {', '.join(Fate)}")

    def ask(c: Connection) -> list[Summary]:
        found = listed_in(c, which, None if limit is None else limit + 1)
        if not found and which.pipeline is not None:
            _refuse_unknown(c, which.pipeline)  # it counts all there is
        return found

    rows = await book.read(ask)
    truncated = limit is not None and len(rows) > limit
    return Listed(items=[_bare(one) for one in rows[:limit]], truncated=truncated)


async def show(
    book: Ledger, identifier: str, *, payload: bool = False, largest: int | None = None
) -> Shown:
    """Return all of the transaction whose id begins so. Raises Refusal if there is none.

    `largest` is the most characters of a payload.
    """
    wanted = identifier.strip().lower().replace("-", "")
    if len(wanted) < _SHORTEST_ID:
        raise Refusal(400, f"{identifier!r} is too short; give {_SHORTEST_ID} digits")

    def ask(c: Connection) -> Shown:
        found = show_in(c, wanted)
        if not found:
            raise Refusal(404, f"the ledger knows no transaction {wanted}")
        if len(found) > 1:
            return Shown(several=[_bare(one) for one in found])
        one = found[0]
        return Shown(
            one=_bare(one),
            effects=effect_lines(c, one.seq),
            calls=calls_of(c, one.seq),
            payloads=_bodies(c, one, largest) if payload else {},
        )

    return await book.read(ask)


def _bare(one: Summary) -> Summary:
    """Leave out what serves to hide values: with it, they could be guessed."""
    return structs.replace(one, hidden=None, mapping_body=None)


def _bodies(c: Connection, one: Summary, largest: int | None) -> dict[str, str]:
    named = {"source": one.hash, "destination": one.document, "edits": one.edits}
    newest = newest_body(c, one.pipeline)
    mapping = one.mapping_body or newest
    mask = _mask(mapping)
    if (mask or mapping is None) and one.hidden is None:
        return {"hidden": encode_json(_NOT_KNOWN).decode()}
    hidden = decode_json(one.hidden) if one.hidden else ()
    stored = payloads_of(c, [digest for digest in named.values() if digest])
    found = {
        side: decode_json(unpack(stored[digest]))
        for side, digest in named.items()
        if digest in stored
    }
    if "edits" in found:
        found["edits"] = shown_edits(found["edits"], mask | _mask(newest))
    texts: dict[str, Any] = {}
    for side, shown in mask_payloads(found, hidden).items():
        text = encode_json(shown).decode()
        fits = largest is None or len(text) <= largest
        texts[side] = text if fits else encode_json(_TOO_LARGE).decode()
    return texts


def _mask(body: str | None) -> set[str]:
    """Return the paths that a mapping revision masks."""
    return set(decode_json(body).get("mask", ())) if body else set()


async def explain(book: Ledger, sku: str) -> Explanation:
    """Return what the numbers behind a SKU were made of."""
    return await book.read(
        lambda c: Explanation(
            sku=sku, items=list(explained(c, sku, counted_us=counted_us)), feeds=coverage(c)
        )
    )


async def stuck(
    book: Ledger, pipeline: str | None, *, now_us: int, limit: int | None = None, offset: int = 0
) -> Groups:
    """Return what is stopped, grouped by cause. Raises Refusal for an unknown pipeline."""
    more = None if limit is None else limit + 1

    def ask(c: Connection) -> Groups:
        rows = stuck_in(c, pipeline, limit=more, offset=offset)
        if pipeline is not None and not rows:
            _refuse_unknown(c, pipeline)
        return Groups(
            items=rows[:limit],
            truncated=limit is not None and len(rows) > limit,
            unread=[one for one in coverage(c, pipeline) if one.failure],
            unattended=unattended(c, pipeline, now_us=now_us),
        )

    return await book.read(ask)


def _refuse_unknown(c: Connection, pipeline: str) -> None:
    """Refuse a pipeline the ledger does not know: "nothing is stuck there" would be no answer."""
    known = [one.name for one in equations(c)]
    if pipeline not in known:
        those = f"; it knows {', '.join(known[:_NAMED])}" if known else ""
        more = " and others" if len(known) > _NAMED else ""
        raise Refusal(404, f"the ledger knows no pipeline {pipeline!r}{those}{more}")


async def unmapped(book: Ledger, *, limit: int | None = None, offset: int = 0) -> Values:
    """Return the values destinations do not know."""
    more = None if limit is None else limit + 1
    rows = await book.read(lambda c: unmapped_values(c, limit=more, offset=offset))
    return Values(items=rows[:limit], truncated=limit is not None and len(rows) > limit)


async def activity(book: Ledger, *, limit: int | None = None, offset: int = 0) -> Activity:
    """Return what people did, newest first."""
    more = None if limit is None else limit + 1
    rows = await book.read(lambda c: activity_in(c, limit=more, offset=offset))
    return Activity(items=rows[:limit], truncated=limit is not None and len(rows) > limit)


async def connections(book: Ledger, *, since_us: int, now_us: int) -> Connections:
    """Return how each Connection is, with its calls since then."""
    items = await book.read(lambda c: connections_in(c, since_us=since_us, now_us=now_us))
    return Connections(items=items, since_us=since_us)


async def status(book: Ledger, pipeline: str | None, *, now_us: int) -> Sums:
    """Return the equation per pipeline, and what is wrong. Raises Refusal for an unknown one."""

    def ask(c: Connection) -> Sums:
        sums = equations(c, pipeline)
        if pipeline is not None and not sums:
            _refuse_unknown(c, pipeline)
        counts = stuck_totals(c, pipeline)
        unmet = [w for w in unmet_expectations(c, now_us) if pipeline in (None, w.pipeline)]
        found, count = last_findings(c, pipeline, limit=MANY)
        return Sums(
            sums=sums,
            feeds=coverage(c),
            warnings=[*unmet, *found],
            more_warnings=count - len(found),
            stopped=sum(count for count, _ in counts.values()),
            oldest_us=min((oldest for _, oldest in counts.values()), default=None),
            held=any(fate != Fate.IN_FLIGHT for fate in counts),
            unattended=unattended(c, pipeline, now_us=now_us),
        )

    return await book.read(ask)
