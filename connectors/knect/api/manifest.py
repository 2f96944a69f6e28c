"""The connector manifest: everything that is known of a connector without running it.

Why: the catalog, the operator, the document checks, the conformance kit and the docs all read the
same file, so a connector cannot promise one thing here and another there.
Must not: import connector code, or hold anything that only a remote system can answer.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from knect.api.connection import Role
from knect.api.fields import ApiModel, Bool, FieldName, FieldPath, Int, LongText, Text, Word
from knect.api.metadata import OpenObject
from knect.api.native import DataKey

__all__ = [
    "EGRESS_KEY",
    "ApiVersion",
    "AuthKind",
    "CredentialKey",
    "Cursor",
    "CursorSemantics",
    "DestinationField",
    "EntityManifest",
    "Exempt",
    "FieldType",
    "Manifest",
    "Once",
    "RateLimit",
    "RateLimitModel",
    "Removal",
    "WriteManifest",
    "config_path",
    "value_at",
]

#: `{baseUrl}`, `{auth.tokenUrl}`.
EGRESS_KEY = re.compile(r"\{([^{}]+)\}")
_Items = Field(max_length=256)


class AuthKind(StrEnum):
    """How a connector proves who it is."""

    NONE = "None"
    TOKEN = "Token"  # noqa: S105 - a kind of credentials, not one
    BASIC = "Basic"
    CLIENT_CREDENTIALS = "ClientCredentials"
    REFRESH_TOKEN = "RefreshToken"  # noqa: S105 - a kind of credentials, not one
    SESSION = "Session"
    SIGNATURE = "Signature"
    DATABASE = "Database"


class CursorSemantics(StrEnum):
    """What the field a cursor stands on tells."""

    UPDATED_AT = "UpdatedAt"  # moves with every change
    CREATED_AT = "CreatedAt"  # set once: changes are not seen
    SEQUENCE = "Sequence"  # a growing number
    SNAPSHOT = "Snapshot"  # none: everything is listed each time


class Once(StrEnum):
    """How a write is made at most once."""

    UNIQUE_KEY = "UniqueKey"  # the destination refuses a second one with our external id
    NATIVE_KEY = "NativeKey"  # the API takes an idempotency key
    SAME_TRANSACTION = "SameTransaction"  # our marker commits with the document
    LOOKUP_AFTER_SETTLE = "LookupAfterSettle"  # found by external id, `settleSeconds` after
    NONE = "None"  # at least once, and shown as such


class RateLimitModel(StrEnum):
    """How the system counts requests."""

    NONE = "None"
    COST = "Cost"  # points per query, refilled over time
    LEAKY_BUCKET = "LeakyBucket"
    FIXED_WINDOW = "FixedWindow"
    CONCURRENCY = "Concurrency"


class FieldType(StrEnum):
    """Types of a destination's fields."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    LIST = "list"
    OBJECT = "object"


class Removal(StrEnum):
    """What a deletion at the source can do at the destination."""

    CANCEL = "Cancel"
    ARCHIVE = "Archive"
    DELETE = "Delete"


class Cursor(ApiModel):
    """What reading continues by. `coarse`: equal values are common (whole seconds, days).

    `lateSeconds`: so long after the instant it is marked with a change may become visible, because
    a transaction took long or another clock marks it; one window in an hour goes back so far, all
    others by `overlapSeconds`.
    """

    field: Text
    semantics: CursorSemantics
    overlap_seconds: Annotated[Int, Field(ge=0, le=86_400)] = 0
    late_seconds: Annotated[Int, Field(ge=0, le=604_800)] = 0
    coarse: Bool = False


class EntityManifest(ApiModel):
    """What can be done with one entity. `keys`: record fields that are business keys.

    `matches`: record fields by which a document somebody else made can be found and adopted.
    `removals`: what can be done when a delivered record was deleted at the source.
    """

    read: Bool = False
    write: Bool = False
    webhook: Bool = False
    backfill: Bool = False
    deletes: Bool = False
    keys: Annotated[tuple[FieldPath, ...], Field(max_length=16)] = ()
    matches: Annotated[tuple[FieldPath, ...], Field(max_length=16)] = ()
    removals: Annotated[tuple[Removal, ...], Field(max_length=3)] = ()
    cursor: Cursor | None = None
    filter: OpenObject = Field(default_factory=dict)
    settings: OpenObject = Field(default_factory=dict)
    scopes: Annotated[tuple[Text, ...], Field(max_length=32)] = ()
    description: LongText = ""

    @model_validator(mode="after")
    def _readable_has_cursor(self) -> Self:
        if self.read and self.cursor is None:
            raise ValueError("an entity with read: true needs a cursor")
        if self.webhook and not self.read:
            raise ValueError("an entity with webhook: true needs read: true")
        return self


class WriteManifest(ApiModel):
    """One write and how it is made once. `maxBatch` 1: no batches. `atomic`: all or nothing.

    `overlaps`: two tries of it would stand side by side (an address, a mail), or a late one would
    undo what another entity's pipeline wrote meanwhile. Then also the same content is sent again
    only when a try that nobody answered can no longer arrive.
    """

    entity: Word
    once: Once
    settle_seconds: Annotated[Int, Field(ge=0, le=86_400)] = 0
    max_batch: Annotated[Int, Field(ge=1, le=10_000)] = 1
    atomic: Bool = True
    overlaps: Bool = False
    description: LongText = ""

    @model_validator(mode="after")
    def _settles(self) -> Self:
        if self.once is Once.LOOKUP_AFTER_SETTLE and not self.settle_seconds:
            raise ValueError("once: LookupAfterSettle needs settleSeconds above 0")
        return self


class CredentialKey(ApiModel):
    """A key of the Secret. `confidential` false: a log may name it (a user name).

    A key that is not `required` in itself may be with a config: `requiredWith` has path -> values.
    """

    key: DataKey
    description: LongText
    required: Bool = True
    required_with: Annotated[
        dict[Text, Annotated[tuple[Text, ...], Field(max_length=16)]], Field(max_length=8)
    ] = Field(default_factory=dict)
    confidential: Bool = True


class RateLimit(ApiModel):
    """How the system limits us; `perSecond` and `burst` only until the server says better."""

    model: RateLimitModel
    per_second: Annotated[Int, Field(ge=1)] | None = None
    burst: Annotated[Int, Field(ge=1)] | None = None
    description: LongText = ""


class ApiVersion(ApiModel):
    """The API version spoken, and when it ends."""

    current: Text
    sunset: date | None = None


class DestinationField(ApiModel):
    """A field that can be written; `mapping.set` and `owns` may name these and no others."""

    name: FieldName
    type: FieldType
    required: Bool = False
    description: LongText = ""


class Exempt(ApiModel):
    """A quality rule that does not apply, and why."""

    exempt: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Manifest(ApiModel):
    """A connector's `manifest.yaml`.

    `config` is the JSON schema of a Connection's `spec.config`. `egress` lists where a worker
    connects to: URLs, hosts (at HTTPS' port), `host:port`; `{key}` is a key of the config, dotted.
    `leadsTo` lists the keys of the config, dotted, that tell one system from another.
    `fields` is entity -> fields. `quality` is rule -> done, todo, or exempt with the reason.
    `webhookConfig` is the key of the config that declares webhooks, where nobody can receive any
    without.
    """

    id: Word
    title: Text
    summary: LongText = ""
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=2)]
    api_version: ApiVersion
    auth: Annotated[tuple[AuthKind, ...], Field(min_length=1, max_length=8)]
    credentials: Annotated[tuple[CredentialKey, ...], Field(max_length=32)] = ()
    config: OpenObject = Field(default_factory=dict)
    webhook_config: Word | None = None
    egress: Annotated[tuple[Text, ...], Field(max_length=32)] = ()
    leads_to: Annotated[tuple[Text, ...], Field(max_length=8)] = ()
    rate_limit: RateLimit
    entities: Annotated[dict[Word, EntityManifest], Field(min_length=1, max_length=32)]
    writes: Annotated[dict[Word, WriteManifest], Field(max_length=64)] = Field(default_factory=dict)
    fields: Annotated[
        dict[Word, Annotated[tuple[DestinationField, ...], _Items]], Field(max_length=32)
    ] = Field(default_factory=dict)
    quality: Annotated[dict[Word, Literal["done", "todo"] | Exempt], _Items] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        for name, write in self.writes.items():
            # a write may serve a part that is no entity of its own, such as an address
            entity = self.entities.get(write.entity)
            if entity is not None and not entity.write:
                raise ValueError(
                    f"write {name!r} is of entity {write.entity!r}, which has write: false"
                )
        for listed in self.fields:
            entity = self.entities.get(listed)
            if entity is None or not entity.write:
                raise ValueError(f"fields are listed for {listed!r}, which is not written")
        for name, keys in (("egress", sorted(self.egress_keys)), ("leadsTo", self.leads_to)):
            for key in keys if self.config else ():  # none: any config will do
                if value_at(self.config, config_path(key)) is None:
                    raise ValueError(f"{name} names {{{key}}}, which the config has not")
        return self

    @property
    def egress_keys(self) -> frozenset[str]:
        """The keys of the config, dotted, that `egress` names."""
        return frozenset(key for entry in self.egress for key in EGRESS_KEY.findall(entry))

    def field_names(self, entity: str) -> tuple[str, ...]:
        """Return the names of the fields that can be written, in the manifest's order."""
        return tuple(field.name for field in self.fields.get(entity, ()))

    def required_keys(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the keys a Secret must have for a Connection of that config."""
        return tuple(
            key.key
            for key in self.credentials
            if key.required
            or any(value_at(config, path) in values for path, values in key.required_with.items())
        )


def config_path(key: str) -> str:
    """Return where the schema of a config describes a key of it, both dotted."""
    return f"properties.{key.replace('.', '.properties.')}"


def value_at(tree: Any, path: str) -> Any:
    """Return what stands at a dotted path of nested mappings, None where nothing does."""
    for step in path.split("."):
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree
