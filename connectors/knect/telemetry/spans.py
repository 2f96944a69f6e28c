"""The trace of one transaction, drawn from what the ledger knows of it.

Why: spans are rendered at commit and not lived through, so a trace exists exactly where a ledger
row exists, can be sent again, and costs a fortieth of what a tracing library costs per record.

    sync orders                 the root, sent at discovery
     ├─ extract                 one per stage and attempt
     ├─ map
     ├─ resolve
     ├─ deliver
     │   ├─ party               one per effect
     │   └─ sale
     ├─ stalled at resolve      by the watchdog: a span that never ends is never exported
     └─ interrupted at deliver  by whoever took over a dead worker's lease

Instants are microseconds since 1970, UTC, as the ledger has them. Ids are a function of
(transaction, attempt, stage, effect), with the transaction's random half for chance: a trace sent
twice is the same trace.
Must not: do I/O, read a clock, or carry a payload, a secret or a masked field.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from knect.telemetry.otlp import Attribute, Link, Span, SpanKind, Status, attribute, nanoseconds

__all__ = [
    "SHORTEST_US",
    "AttemptStory",
    "EffectStory",
    "ExchangeStory",
    "LinkStory",
    "MarkKind",
    "MarkStory",
    "StageStory",
    "TransactionStory",
    "render",
    "render_exchange",
    "root_span_id",
    "stage_span_id",
]

#: Outcomes that leave a span without an error status; all others are what stopped it.
_FINE = frozenset({"ok", "delivered", "unchanged", "skipped", "superseded", "echo"})
#: Jaeger calls a span without any length broken and warns; its own unit is a microsecond.
SHORTEST_US = 1


class MarkKind(StrEnum):
    """Why a stage is shown although it did not end."""

    STALLED = "stalled"
    INTERRUPTED = "interrupted"


class LinkStory(Struct, frozen=True, kw_only=True, gc=False):
    """Another trace this one belongs with.

    `relation` says how: `replay-of`, `edit-of`, `order`, `exchange`, `transaction`. Without
    `span_id` the link points at the root of the transaction `trace_id`.
    """

    trace_id: str
    relation: str
    span_id: str | None = None


class EffectStory(Struct, frozen=True, kw_only=True, gc=False):
    """One write of a delivery; `exchanges` are the remote calls that carried it."""

    name: str
    start: int
    end: int
    outcome: str = "ok"  # ok, unknown, waiting, rejected
    reason: str | None = None
    destination_id: str | None = None
    exchanges: tuple[LinkStory, ...] = ()


class StageStory(Struct, frozen=True, kw_only=True, gc=False):
    """One finished stage of an attempt. `outcome` is `ok` or the fate the attempt ended with."""

    stage: str  # extract, map, resolve, deliver
    start: int
    end: int
    outcome: str = "ok"
    reason: str | None = None  # CamelCase, e.g. UnknownSku
    message: str | None = None  # the sentence people read; no payload
    exchanges: tuple[LinkStory, ...] = ()


class AttemptStory(Struct, frozen=True, kw_only=True, gc=False):
    """One try, numbered from 1."""

    number: int
    stages: tuple[StageStory, ...] = ()
    effects: tuple[EffectStory, ...] = ()


class MarkStory(Struct, frozen=True, kw_only=True):
    """A stage that did not end: `since` when it is there, `at` when that was noticed."""

    kind: MarkKind
    stage: str
    attempt: int
    since: int
    at: int
    reason: str | None = None


class TransactionStory(Struct, frozen=True, kw_only=True, gc=False):
    """What is told of one transaction. `id` is the trace id: 32 hexadecimal digits.

    It is told as far as it goes: at discovery it has no attempts, at each commit one more.
    """

    id: str
    pipeline: str
    entity: str
    key: str
    source_id: str
    discovered: int
    attempts: tuple[AttemptStory, ...] = ()
    marks: tuple[MarkStory, ...] = ()
    links: tuple[LinkStory, ...] = ()
    fate: str | None = None
    destination_id: str | None = None


class ExchangeStory(Struct, frozen=True, kw_only=True):
    """One remote call as a trace of its own; `served` names the transactions it carried."""

    trace_id: str
    span_id: str
    connection: str
    method: str
    template: str
    host: str
    start: int
    end: int
    status: int | None = None
    error: str | None = None
    served: tuple[LinkStory, ...] = ()


def root_span_id(transaction: str) -> str:
    """Return the id of a transaction's root span: 16 hexadecimal digits."""
    return stage_span_id(transaction, 0, "sync")


def stage_span_id(transaction: str, attempt: int, stage: str, effect: str = "") -> str:
    """Return the id of a stage's span, or of one effect's below it."""
    return f"{int(transaction[16:], 16) ^ _place(attempt, stage, effect):016x}"


#: For what is the same in span after span; what is read of it must stay as it is.
_common = lru_cache(maxsize=1024, typed=True)(attribute)


@lru_cache(maxsize=1024)
def _place(attempt: int, stage: str, effect: str) -> int:
    """Return the number of a place in any trace; the same few come again and again."""
    text = f"{attempt}/{stage}/{effect}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def render(story: TransactionStory) -> list[Span]:
    """Return the spans of a story, parents before children."""
    root = root_span_id(story.id)
    spans = [_root(story, root)]
    for attempt in story.attempts:
        last = attempt is story.attempts[-1]
        spans.extend(_attempt(story, attempt, root, last=last))
    spans.extend(_mark(story, mark, root) for mark in story.marks)
    return spans


def _root(story: TransactionStory, root: str) -> Span:
    start = story.discovered
    return Span(
        kind=SpanKind.INTERNAL,
        trace_id=story.id,
        span_id=root,
        name=f"sync {story.entity}",
        start_time_unix_nano=nanoseconds(start),
        end_time_unix_nano=nanoseconds(start + SHORTEST_US),
        attributes=[
            _common("knect.pipeline", story.pipeline),
            _common("knect.entity", story.entity),
            attribute("knect.key", story.key),
            attribute("knect.source.id", story.source_id),
        ],
        links=_links(story.links),
    )


def _attempt(
    story: TransactionStory, attempt: AttemptStory, root: str, *, last: bool
) -> Iterator[Span]:
    number = _common("knect.attempt", attempt.number)
    ids = _Ids(story.id, attempt.number)
    for stage in attempt.stages:
        attributes = [_common("knect.stage", stage.stage), number]
        if stage.reason is not None:
            attributes.append(attribute("knect.reason", stage.reason))
        if stage is attempt.stages[-1]:
            attributes.extend(_ending(story, stage, last=last))
        yield Span(
            kind=SpanKind.INTERNAL,
            trace_id=story.id,
            span_id=ids.next(stage.stage),
            parent_span_id=root,
            name=stage.stage,
            start_time_unix_nano=nanoseconds(stage.start),
            end_time_unix_nano=nanoseconds(max(stage.end, stage.start + SHORTEST_US)),
            attributes=attributes,
            links=_links(stage.exchanges),
            status=_status(stage.outcome, stage.message or stage.reason),
        )
    parent = ids.of("deliver", "")
    for effect in attempt.effects:
        yield _effect(story.id, number, effect, parent, ids.next("deliver", effect.name))


class _Ids:
    """Span ids of one attempt. A stage gone through again without a new attempt (the server asked
    for patience) is told apart by its place.
    """

    def __init__(self, transaction: str, attempt: int) -> None:
        self._chance = int(transaction[16:], 16)
        self._attempt = attempt
        self._seen: set[int] = set()

    def of(self, stage: str, effect: str) -> str:
        return f"{self._chance ^ _place(self._attempt, stage, effect):016x}"

    def next(self, stage: str, effect: str = "") -> str:
        place, again = _place(self._attempt, stage, effect), 1
        while place in self._seen:
            again += 1
            place = _place(self._attempt, stage, f"{effect}#{again}")
        self._seen.add(place)
        return f"{self._chance ^ place:016x}"


def _ending(story: TransactionStory, stage: StageStory, *, last: bool) -> Iterator[Attribute]:
    """Yield how the attempt ended: the same words whenever it is told, now or after later ones."""
    if stage.outcome != "ok":
        yield _common("knect.fate", stage.outcome)
    elif last:
        if story.fate is not None:
            yield _common("knect.fate", story.fate)
        if story.destination_id is not None:
            yield attribute("knect.destination.id", story.destination_id)


def _effect(
    transaction: str, number: Attribute, effect: EffectStory, parent: str, span_id: str
) -> Span:
    attributes = [
        _common("knect.effect", effect.name),
        number,
        _common("knect.outcome", effect.outcome),
    ]
    if effect.destination_id is not None:
        attributes.append(attribute("knect.destination.id", effect.destination_id))
    if effect.reason is not None:
        attributes.append(attribute("knect.reason", effect.reason))
    return Span(
        kind=SpanKind.INTERNAL,
        trace_id=transaction,
        span_id=span_id,
        parent_span_id=parent,
        name=effect.name,
        start_time_unix_nano=nanoseconds(effect.start),
        end_time_unix_nano=nanoseconds(max(effect.end, effect.start + SHORTEST_US)),
        attributes=attributes,
        links=_links(effect.exchanges),
        status=_status(effect.outcome, effect.reason),
    )


def _mark(story: TransactionStory, mark: MarkStory, root: str) -> Span:
    attributes = [
        attribute("knect.stage", mark.stage),
        attribute("knect.attempt", mark.attempt),
        attribute("knect.reason", mark.reason or mark.kind.value.capitalize()),
    ]
    return Span(
        kind=SpanKind.INTERNAL,
        trace_id=story.id,
        span_id=stage_span_id(story.id, mark.attempt, mark.stage, mark.kind.value),
        parent_span_id=root,
        name=f"{mark.kind.value} at {mark.stage}",
        start_time_unix_nano=nanoseconds(mark.since),
        end_time_unix_nano=nanoseconds(max(mark.at, mark.since + SHORTEST_US)),
        attributes=attributes,
        status=Status(code=2, message=f"{mark.kind.value} at {mark.stage}"),
    )


_HTTP = ("http.request.method", "url.template", "http.response.status_code")
_DATABASE = ("db.operation.name", "db.query.summary", "db.response.status_code")


def render_exchange(exchange: ExchangeStory) -> Span:
    """Return the client span of a remote call, linked to the transactions it served.

    Names follow OpenTelemetry's conventions for HTTP, and for databases where the template is no
    path but a statement's name; it is never a value.
    """
    is_http = exchange.template.startswith("/")
    method, template, status = _HTTP if is_http else _DATABASE
    attributes = [
        _common(method, exchange.method),
        _common(template, exchange.template),
        _common("server.address", exchange.host),
        _common("knect.connection", exchange.connection),
    ]
    if exchange.status is not None:
        attributes.append(attribute(status, exchange.status if is_http else str(exchange.status)))
    if exchange.error is not None:
        attributes.append(attribute("error.type", exchange.error))
    return Span(
        trace_id=exchange.trace_id,
        span_id=exchange.span_id,
        name=f"{exchange.method} {exchange.template}",
        kind=SpanKind.CLIENT,
        start_time_unix_nano=nanoseconds(exchange.start),
        end_time_unix_nano=nanoseconds(max(exchange.end, exchange.start + SHORTEST_US)),
        attributes=attributes,
        links=_links(exchange.served),
        status=Status() if exchange.error is None else Status(code=2, message=exchange.error),
    )


def _links(stories: tuple[LinkStory, ...]) -> list[Link]:
    if not stories:
        return _NO_LINKS
    return [
        Link(
            trace_id=story.trace_id,
            span_id=story.span_id or root_span_id(story.trace_id),
            attributes=[_common("knect.relation", story.relation)],
        )
        for story in stories
    ]


_NO_LINKS: list[Link] = []
_UNSET = Status()


def _status(outcome: str, message: str | None) -> Status:
    return _UNSET if outcome in _FINE else Status(code=2, message=message or outcome)
