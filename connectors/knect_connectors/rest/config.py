"""What a Connection says of its API, typed: one word of `spec.config` per field.

The JSON schema in `manifest.yaml` checks the form before anything runs; here the rest is checked:
that placeholders are known and what belongs together is given together.
Must not: hold secrets; those are read through the live view of the context.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct, field

from knect.sdk.config import typed
from knect.sdk.errors import Fatal
from knect_connectors.rest.paths import compile_path, placeholders

__all__ = [
    "Batch",
    "Config",
    "Endpoint",
    "Entity",
    "ErrorRule",
    "Lookup",
    "Paging",
    "RateLimit",
    "Read",
    "Times",
    "Webhooks",
    "Write",
    "read_config",
]


class Auth(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How requests prove who we are; which keys the Secret needs follows from `kind`."""

    kind: Literal["None", "Bearer", "Header", "Basic", "ClientCredentials"] = "None"
    header: str = "Authorization"
    prefix: str = ""
    token_path: str = "/oauth/token"  # noqa: S105 - an address
    token_url: str | None = None  # where it is another host's
    credentials_in: Literal["Header", "Body"] = "Header"
    token_parameters: dict[str, str] = field(default_factory=dict)
    scope: str = ""


class RateLimit(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`burst` calls at once, `perSecond` come back; `headers` name where the server says more."""

    burst: float
    per_second: float
    used_header: str | None = None  # its value is `32/40`
    remaining_header: str | None = None


class Check(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where to ask whether the API is there. `time` leads to its clock, else `Date` is taken."""

    path: str
    product: str = ""
    version: str = ""
    time: str | None = None


class Times(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How instants are written. `zone` is that of texts without one."""

    format: Literal["Rfc3339", "Local", "Unix", "UnixMillis"] = "Rfc3339"
    zone: str = "UTC"


class Paging(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How pages follow each other; `parameter` carries the number, offset or token.

    A token may come in a header of the answer (`next_header`) and go in one of the next request
    (`header`).
    """

    kind: Literal["None", "Page", "Offset", "Cursor", "Link", "Url"] = "None"
    parameter: str | None = None
    header: str | None = None
    first: int = 1
    size_parameter: str | None = None
    size: int = 250
    next: str | None = None  # path to the next token or URL
    next_header: str | None = None
    total: str | None = None  # path to how many there are
    expired: tuple[int, ...] = (410,)  # statuses of a token that has ended


class Fetch(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One record by its id."""

    path: str
    record: str = ""


class Read(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How an entity is listed. Without `cursor` all is listed each time and compared by content."""

    path: str
    id: str
    query: dict[str, str] = field(default_factory=dict)
    records: str = ""
    cursor: str | None = None
    times: Times = field(default_factory=Times)
    paging: Paging = field(default_factory=Paging)
    sorted: bool = True
    deleted: str | None = None
    fetch: Fetch | None = None
    record: dict[str, Any] | None = None
    most_records: int = 100_000  # held in memory where the API does not sort


class Endpoint(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request that changes one record."""

    path: str
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    wrap: str | None = None


class Batch(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request that creates many; outcomes by position in `results`."""

    path: str
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    size: int = 100
    wrap: str | None = None
    results: str | None = None
    error: str | None = None  # path in one result; something there means it was refused


class Lookup(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A search for a record by our external id.

    `external_id` is where an answer has it, if not where the body of a write does. `null_is_none`:
    it says by null at `records` that there is none.
    """

    path: str
    query: dict[str, str] = field(default_factory=dict)
    records: str = ""
    external_id: str | None = None
    null_is_none: bool = False


class Once(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How the API keeps one write from being made twice.

    `Repeatable`: the same request once more changes nothing, as with a stock level that is set.
    """

    kind: Literal["UniqueKey", "NativeKey", "Repeatable", "LookupAfterSettle", "None"]
    header: str = "Idempotency-Key"
    settle_seconds: Literal[5, 30, 300] = 30


class Write(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How an entity is written.

    `record` leads to the record in the answer to create and update; `id`, `number`, `token` and
    `externalId` (where our id goes) are paths in a record.
    """

    once: Once
    create: Endpoint | None = None
    batch: Batch | None = None
    update: Endpoint | None = None  # of what is Repeatable: create, if not another one
    cancel: Endpoint | None = None
    archive: Endpoint | None = None
    delete: Endpoint | None = None
    lookup: Lookup | None = None
    document: Literal["Canonical", "Mapped"] = "Canonical"
    record: str = ""
    external_id: str | None = None
    id: str | None = None
    number: str | None = None
    token: str | None = None


class Entity(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One entity of the API."""

    read: Read | None = None
    write: Write | None = None


class ErrorRule(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What an answer means; the first that fits decides. `message` and the like are paths."""

    then: Literal["Refuse", "Retry", "Throttle", "Duplicate", "Missing", "Person", "Fatal", "Gone"]
    status: tuple[int, ...] = ()
    path: str | None = None
    equals: str | None = None
    message: str | None = None
    code: str | None = None
    field: str | None = None
    value: str | None = None
    kind: str = "record"  # what is missing, for Missing


class Event(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which entity an event is about; `type` is compared with the value at `typePath`."""

    entity: str
    id: str
    type: str | None = None


class Webhooks(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How the API signs what it sends us."""

    kind: Literal["StandardWebhooks", "HmacSha256"]
    events: tuple[Event, ...]
    header: str = "x-signature"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    event_id: str | None = None  # a path in the body; StandardWebhooks brings its own
    type_path: str = "type"


class Config(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The whole of `spec.config`."""

    base_url: str
    check: Check
    entities: dict[str, Entity]
    certificate_authority: str = ""
    auth: Auth = field(default_factory=Auth)
    headers: dict[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
    errors: tuple[ErrorRule, ...] = ()
    webhooks: Webhooks | None = None
    parallel_calls: int = 8


#: Placeholders a request may use.
_OF_READ = frozenset({"since", "until", "page_size"})
_OF_ID = frozenset({"id"})
_OF_LOOKUP = frozenset({"external_id"})


def read_config(config: Mapping[str, Any]) -> Config:
    """Return the typed config. Raises Fatal with path, value and what is expected."""
    declared = typed(config, Config)
    for problem in _problems(declared):
        raise problem
    return declared


def _problems(config: Config) -> Iterator[Fatal]:
    yield from _of_paths(config)
    for name, entity in config.entities.items():
        where = f"config.entities.{name}"
        if entity.read is not None:
            yield from _of_read(entity.read, f"{where}.read")
        if entity.write is not None:
            yield from _of_write(entity.write, f"{where}.write")
    for number, event in enumerate(config.webhooks.events if config.webhooks else ()):
        named = config.entities.get(event.entity)
        if named is None or named.read is None or named.read.fetch is None:
            yield Fatal(
                f"config.webhooks.events[{number}] is about {event.entity}, of which nobody says"
                f" how one is fetched; add config.entities.{event.entity}.read.fetch",
                path=f"config.webhooks.events[{number}].entity",
                value=event.entity,
            )


def _of_paths(config: Config) -> Iterator[Fatal]:
    """Yield what is no path; those of a record are compiled with it."""
    named = {"check.version": config.check.version, "check.time": config.check.time}
    for name, entity in config.entities.items():
        if (read := entity.read) is not None:
            at, page = f"entities.{name}.read", read.paging
            named |= {
                f"{at}.records": read.records, f"{at}.id": read.id, f"{at}.cursor": read.cursor,
                f"{at}.deleted": read.deleted, f"{at}.paging.next": page.next,
                f"{at}.paging.total": page.total,
                f"{at}.fetch.record": read.fetch.record if read.fetch else None,
            }  # fmt: skip
        if (write := entity.write) is not None:
            at, look, batch = f"entities.{name}.write", write.lookup, write.batch
            named |= {
                f"{at}.record": write.record, f"{at}.id": write.id, f"{at}.number": write.number,
                f"{at}.token": write.token, f"{at}.externalId": write.external_id,
                f"{at}.lookup.records": look.records if look else None,
                f"{at}.lookup.externalId": look.external_id if look else None,
                f"{at}.batch.results": batch.results if batch else None,
                f"{at}.batch.error": batch.error if batch else None,
            }  # fmt: skip
    for number, rule in enumerate(config.errors):
        for word in ("path", "message", "code", "field", "value"):
            named[f"errors[{number}].{word}"] = getattr(rule, word)
    if (hooks := config.webhooks) is not None:
        named |= {"webhooks.typePath": hooks.type_path, "webhooks.eventId": hooks.event_id}
        for number, event in enumerate(hooks.events):
            named[f"webhooks.events[{number}].id"] = event.id
    for where, path in named.items():
        try:
            compile_path(path or "")
        except Fatal as error:
            yield Fatal(f"config.{where}: {error.message}", path=f"config.{where}", value=path)


def _of_read(read: Read, where: str) -> Iterator[Fatal]:
    paging = read.paging
    if optional := sorted(one for one in placeholders(read.path) if one.startswith("filter.")):
        yield Fatal(
            f"{where}.path uses {{{optional[0]}}}, which a pipeline may leave out; use it in"
            f" {where}.query, where such a word is left out with it",
            path=f"{where}.path",
            value=read.path,
        )
    for key, text in {"path": read.path, **read.query}.items():
        known = {one for one in placeholders(text) if one.startswith("filter.")} | _OF_READ
        yield from _unknown(text, known, f"{where}.{key if key == 'path' else f'query.{key}'}")
    yield from _of_paging(paging, f"{where}.paging")
    if read.fetch is not None:
        yield from _unknown(read.fetch.path, _OF_ID, f"{where}.fetch.path")


def _of_paging(paging: Paging, where: str) -> Iterator[Fatal]:
    by_token = paging.kind == "Cursor"
    if paging.header is not None and not by_token:
        yield Fatal(f"{where}.header is for Cursor only", path=f"{where}.header")
    carries = paging.parameter or (by_token and paging.header)
    if paging.kind in ("Page", "Offset", "Cursor") and not carries:
        either = "parameter or paging.header" if by_token else "parameter"
        yield Fatal(f"paging by {paging.kind} needs paging.{either}", path=f"{where}.parameter")
    if paging.kind in ("Cursor", "Url") and (paging.next is None) == (paging.next_header is None):
        yield Fatal(
            f"paging by {paging.kind} needs paging.next (a path in the answer) or"
            " paging.nextHeader (a header of it), one of the two",
            path=f"{where}.next",
        )


def _of_write(write: Write, where: str) -> Iterator[Fatal]:
    if write.create is None and write.batch is None:
        yield Fatal(f"{where} needs create or batch", path=where)
    if write.batch is not None and write.once.kind == "NativeKey":
        yield Fatal(
            "a batch has no idempotency key of its own when it is retried in halves; leave out"
            " batch, or choose another once",
            path=f"{where}.batch",
        )
    if write.batch is not None and write.batch.results is None and write.id is not None:
        yield Fatal(
            f"{where}.id is read from each result of a batch; say in batch.results where they are"
            " (an empty path if the answer is the list), or leave out id",
            path=f"{where}.batch.results",
        )
    for key in ("update", "cancel", "archive", "delete"):
        endpoint: Endpoint | None = getattr(write, key)
        if endpoint is not None:
            known = _OF_ID | (_fields_in(endpoint.path) if key == "update" else set())
            yield from _unknown(endpoint.path, known, f"{where}.{key}.path")
    if write.create is not None:
        known = _OF_LOOKUP | _fields_in(write.create.path)
        yield from _unknown(write.create.path, known, f"{where}.create.path")
    if write.lookup is not None:
        for text in (write.lookup.path, *write.lookup.query.values()):
            yield from _unknown(text, _OF_LOOKUP, f"{where}.lookup")
        if write.external_id is None and (
            write.create is None or "external_id" not in placeholders(write.create.path)
        ):
            yield Fatal(
                f"{where}.lookup looks for our id, which the API is never given; say in"
                " externalId where it goes, or use {external_id} in create.path",
                path=f"{where}.externalId",
            )
    elif write.once.kind in ("LookupAfterSettle", "UniqueKey"):
        yield Fatal(
            f"once: {write.once.kind} needs lookup: without it nobody can find out what a lost"
            " answer has made; declare lookup, or once: None for at least once",
            path=f"{where}.lookup",
        )


def _fields_in(text: str) -> set[str]:
    """Return the placeholders that stand for a field of what is written."""
    return {one for one in placeholders(text) if one.startswith("field.")}


def _unknown(text: str, known: frozenset[str] | set[str], path: str) -> Iterator[Fatal]:
    if strange := sorted(placeholders(text) - known):
        names = ", ".join(f"{{{one}}}" for one in sorted(known))
        yield Fatal(
            f"{path} uses {{{strange[0]}}}, which is not known there; known: {names}",
            path=path,
            value=text,
        )
