"""The contract between the engine and every connector.

Why: the engine knows no platform and a connector knows no ledger; this module is all they share.
A connector package exports `open_connector(context) -> Connector`. Everything a connector keeps
between calls (sessions, pools) dies with the process; everything that must last is the engine's.
Must not: import the ledger, the engine, or any connector.

Payloads (`raw`) are decoded JSON: dict, list, str, int, Decimal, bool, None; never float.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct, field

from knect.model import Record
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory
from knect.sdk.ratelimit import BudgetPool
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = [
    "LONGEST_ID",
    "Call",
    "Change",
    "CheckReport",
    "Connector",
    "ConnectorContext",
    "Delivered",
    "Delivery",
    "Destination",
    "Effect",
    "EntityCheck",
    "Found",
    "Hint",
    "Operation",
    "Outcome",
    "Page",
    "Reference",
    "Removal",
    "Source",
    "WebhookRequest",
    "Webhooks",
    "Window",
]


#: No id of a source is longer; the ledger looks records up by it.
LONGEST_ID = 512

# ---------------------------------------------------------------- reading


class Window(Struct, frozen=True, kw_only=True):
    """A bounded read: `since <= change time < until`, both instants of the *server's* clock.

    `page_size` is a wish; the connector caps it at the platform's limit. `filter` is what the
    pipeline declared under `source.filter`.
    """

    since: datetime
    until: datetime
    page_size: int = 250
    filter: Mapping[str, Any] = field(default_factory=dict)


class Change(Struct, frozen=True, kw_only=True):
    """One source record as it is now, or (`deleted`) the fact that it is gone.

    `token` orders the versions of one id as text (an ISO 8601 instant in UTC with microseconds,
    or a zero-padded number); empty where the source has no order: equal content is then the same
    version, and what is read later is newer. `at` is where the record stands in the window.
    """

    id: str
    token: str
    at: datetime
    raw: Any = None
    deleted: bool = False


class Page(Struct, frozen=True, kw_only=True):
    """Changes in (time, id) order; the window is complete when the iterator ends."""

    changes: Sequence[Change]


class Source(Protocol):
    """The reading side."""

    async def server_time(self) -> datetime:
        """Return the remote's own clock, UTC: the exclusive end of the next window.

        Where whole seconds are told (an HTTP Date) and the cursor overlaps, the window includes
        the second that is told.
        """
        ...

    def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window, once each, ordered by (time, id).

        Where thousands have one instant (an import), those may come in any order: reading that is
        interrupted begins again at its last instant, not after it.
        """
        ...

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`, by the platform's bulk interface where it has one."""
        ...

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        ...

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record. Pure. Raises BadRecord with path and value."""
        ...


# ---------------------------------------------------------------- webhooks


class WebhookRequest(Struct, frozen=True, kw_only=True):
    """A delivery as it came in. Header names are lower case; `body` is untouched."""

    headers: Mapping[str, str]
    body: bytes
    received: datetime


class Hint(Struct, frozen=True, kw_only=True):
    """Look at this id. `event_id` is the platform's name of the event, for duplicates."""

    entity: str
    id: str
    event_id: str
    triggered: datetime | None = None


class Webhooks(Protocol):
    """The receiving side of a source that pushes."""

    def verify(self, request: WebhookRequest) -> Sequence[Hint]:
        """Return what to look at. Raises CredentialsRejected when forged or too old. Pure."""
        ...

    async def subscribe(self, entities: Sequence[str], url: str) -> None:
        """Make the remote send to `url`; repair what was removed; leave others' alone."""
        ...


# ---------------------------------------------------------------- writing


class Operation(StrEnum):
    """What an effect does."""

    ENSURE = "Ensure"  # find by external id or business key, else create
    CREATE = "Create"  # create; if it exists already by external id, adopt it
    UPDATE = "Update"  # bring `target` to the body's content
    ACT = "Act"  # move `target` to a state (confirm, cancel); repeating it is harmless


class Reference(Struct, frozen=True, kw_only=True, gc=False):
    """Something a document names and the destination must know, e.g. a SKU.

    `path` is where the canonical record names it: `lines[2].sku`. A kind that is an entity
    (`orders`) means another record of the source, by its id there: the engine answers from what
    was delivered, in either direction, and the destination is never asked.
    """

    kind: str  # sku, country, carrier …
    value: str
    path: str


class Delivery(Struct, frozen=True, kw_only=True):
    """What a plan is made from.

    `external_id` is deterministic per source record and at most 64 characters. `bound` is the
    destination id if an earlier version was delivered. `resolved` maps (kind, value) to
    destination ids; of a record's own parent (kind `orders`, …) too. `document` holds the
    destination's fields by name, `previous` those last delivered, `tried` those sent since of which
    nobody knows whether they arrived: what is to be taken away may be of any of these. `match` maps
    the fields of the record by which the pipeline adopts what an older integration made to their
    values; empty when something is bound, or a value is missing. `sought`: it has ended before this
    ledger knew of it, and what would have made it is planned to look for it by, not to be sent.
    `removed`: what was delivered last was that it is gone at the source, where it is again.
    """

    entity: str
    external_id: str
    document: Mapping[str, Any]
    record: Record
    bound: str | None
    resolved: Mapping[tuple[str, str], str]
    settings: Mapping[str, Any]
    match: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, Any] | None = None
    tried: Sequence[Mapping[str, Any]] = ()
    sought: bool = False
    removed: bool = False

    @property
    def before(self) -> Sequence[Mapping[str, Any]]:
        """What may be there of us: the document last delivered, and what was tried since."""
        return self.tried if self.previous is None else (self.previous, *self.tried)


class Removal(Struct, frozen=True, kw_only=True):
    """A delivered record that is gone at the source, proven by asking for its id.

    `how` is one of the manifest's `removals`: Cancel, Archive or Delete. `bound` is the
    destination id of what was delivered.
    """

    entity: str
    external_id: str
    how: str
    bound: str
    settings: Mapping[str, Any]


class Effect(Struct, frozen=True, kw_only=True):
    """One write of a delivery.

    `write` names an entry of the manifest's `writes`, which says how it is made once. `key` is
    the business key nobody else may write at the same time (e-mail of a party, number of an
    order). `needs` are names of earlier effects whose destination ids the call is given.
    `primary` marks the effect whose destination id is what the source record is bound to.
    `body` is JSON-able. A Create with `match` is looked up by `Destination.candidates` first;
    exactly one candidate is adopted: the same effect is then sent as an Update of it. Its `key`
    has to be the same for all records that match alike, so that two never adopt one document.
    """

    name: str
    write: str
    entity: str
    operation: Operation
    key: str
    external_id: str
    body: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    target: str | None = None
    primary: bool = False
    match: Mapping[str, Any] = field(default_factory=dict)


class Call(Struct, frozen=True, kw_only=True):
    """An effect about to be sent; `given` maps names of `needs` to destination ids.

    `idempotency_key` is the same for every try of this effect of this transaction. `transaction` is
    the same for all its effects: what one of them left behind is of use to the next one of the
    same transaction only, as another one may have written the record in between. `again`: an
    earlier try was not answered, and may yet be carried out: what is made now may stand beside it.
    `gone`: a person wants made once more what had this id, and `present` says that it is there no
    more; what is left of it (a mark of ours, say) is not it.
    """

    effect: Effect
    given: Mapping[str, str]
    idempotency_key: str
    transaction: str = ""
    again: bool = False
    gone: str | None = None
    unvouched: bool = False  # a ledger that is gone may have made it; nobody has looked yet


class Found(Struct, frozen=True, kw_only=True, gc=False):
    """What a look-up by external id (or business key) found.

    `number` is the document number people know; `token` the version after our write, if the
    platform tells, so that our own write coming back is recognised. `over` is the version that was
    there when the write was about to leave, of what existed before: if nobody has read that one,
    somebody's edit comes back with our write, and it is not taken for ours. `remark` is what people
    should know though it went well; it stands in the record's story. `was_there`: a create was
    refused because of it, and of what content it is nobody knows. `ended`: it was voided there, or
    cancelled.
    """

    destination_id: str
    number: str | None = None
    token: str | None = None
    over: str | None = None
    remark: str | None = None
    was_there: bool = False
    ended: bool = False


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one call: `found` with an id, or `error`."""

    found: Found | None = None
    error: ConnectorError | None = None


class Delivered(Struct, frozen=True, kw_only=True):
    """A document an audit asks for: what the ledger has of it, which is not its content."""

    entity: str
    external_id: str
    destination_id: str


class Destination(Protocol):
    """The writing side."""

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the destination's fields for a record: the default mapping. Pure.

        Of an order, `cancelled` says that it is: by that it is known later that it was taken back.
        """
        ...

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Return what must exist at the destination before the record can. Pure.

        An order that is cancelled does not wait for it: it is planned with what of it is known.
        """
        ...

    async def resolve(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], str | ConnectorError]:
        """Look references up, in bulk; what is missing is left out of the answer.

        An error instead of an id says why there is none that can be used: it exists twice, or
        only something like it does. It is judged as if the write had been refused with it.
        """
        ...

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Return the ordered effects; an empty plan means nothing to write. Pure."""
        ...

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Return the ordered effects of a deletion at the source; the last one is primary. Pure."""
        ...

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Find documents by `Effect.match` that carry nobody's external id; all, per call."""
        ...

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what a call may have made, by external id or business key; one answer per call.

        No answers at all where nobody was asked: all are `unvouched`, and either their creates are
        refused where they are there (`Found.was_there`), or there is no way to ask.
        """
        ...

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there, whatever became of them; all are of one entity.

        By the id they had there: one that was made since by our external id is another one.
        None where the platform cannot be asked: an audit then says so, and nothing is called gone.
        """
        ...

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Send calls of *one* write of the manifest; one outcome per call, in order.

        A batch the remote refuses as a whole raises; the engine then bisects it. All requests of
        a batch have one deadline: who sends several asks `permit.is_time_for_more` before each,
        and answers what is not begun with `parts.not_begun`.
        """
        ...


# ---------------------------------------------------------------- the whole


class EntityCheck(Struct, frozen=True, kw_only=True):
    """What the credentials may do with one entity; `problem` is a sentence when not enough."""

    entity: str
    read: bool
    write: bool
    problem: str | None = None


class CheckReport(Struct, frozen=True, kw_only=True):
    """What `knect check` says of a Connection."""

    product: str
    version: str
    entities: Sequence[EntityCheck]


class ConnectorContext(Struct, frozen=True, kw_only=True):
    """What a connector is opened with.

    `secrets` is a live view: it is read at each use, so a rotated Secret needs no restart.
    `http` makes the client for this Connection (pool, guard, limits, redaction). `share_percent`
    is our part of the account's request budget, `pool` where it is drawn from if other processes
    use it, too: both go into a `CostBudget`.
    """

    name: str
    config: Mapping[str, Any]
    secrets: Mapping[str, Secret]
    http: ClientFactory
    clock: Clock
    share_percent: int = 100
    pool: BudgetPool | None = None


class Connector(Protocol):
    """One Connection at work. `source`, `destination`, `webhooks` are None where not spoken."""

    source: Source | None
    destination: Destination | None
    webhooks: Webhooks | None

    async def check(self) -> CheckReport:
        """Ask the remote who we are and what we may do. Raises ConnectorError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
