"""SyncPipeline: moves one entity from one Connection to another.

Must not: know a connector, a database or a worker; it is what people wrote, checked in itself.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from knect.api.delivery import Audit, Cron, Delivery, Expect, Placement, Privacy, TimeZone
from knect.api.fields import ApiModel, Bool, Duration, FieldPath, Int, StartPoint, Text, Word
from knect.api.mapping import Mapping
from knect.api.metadata import Condition, ObjectMeta, ObjectReference, OpenObject

__all__ = [
    "Destination",
    "Mode",
    "OldestStuck",
    "Poll",
    "Schedule",
    "Source",
    "SourceDelete",
    "SyncPipeline",
    "SyncPipelineSpec",
    "SyncPipelineStatus",
    "Trigger",
    "Webhook",
    "Write",
]


class Write(StrEnum):
    """What may be written."""

    CREATE = "Create"
    UPDATE = "Update"
    UPSERT = "Upsert"


class SourceDelete(StrEnum):
    """What a proven deletion at the source does at the destination."""

    IGNORE = "Ignore"
    CANCEL = "Cancel"
    ARCHIVE = "Archive"
    DELETE = "Delete"


class Mode(StrEnum):
    """Whether writes are sent."""

    LIVE = "Live"
    OBSERVE = "Observe"


class Source(ApiModel):
    """The reading side."""

    connection_ref: ObjectReference = Field(description="The Connection to read from.")
    start: StartPoint = Field(
        description=(
            "Where reading begins: Now, Beginning or an RFC 3339 instant. Immutable; older "
            "history comes by `knect backfill`."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self == oldSelf",
                    "message": "start is immutable; older history comes by knect backfill",
                    "reason": "FieldValueForbidden",
                }
            ]
        },
    )
    filter: OpenObject = Field(
        default_factory=dict,
        description="What the system can filter itself: `knect connectors NAME ENTITY`.",
    )


class Destination(ApiModel):
    """The writing side."""

    connection_ref: ObjectReference = Field(description="The Connection to write to.")
    write: Write = Field(default=Write.UPSERT, description="Create, Update or Upsert.")
    match: Annotated[
        tuple[FieldPath, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(
        default=(),
        description=(
            "Fields of the record by which what is already there is adopted before anything is "
            "created, e.g. number."
        ),
    )
    on_source_delete: SourceDelete = Field(
        default=SourceDelete.IGNORE,
        description="What a deletion at the source does: Ignore, Cancel, Archive, Delete.",
    )
    settings: OpenObject = Field(
        default_factory=dict,
        description="The connector's settings for this entity: `knect connectors NAME ENTITY`.",
    )


class Schedule(ApiModel):
    """Read at certain times."""

    cron: Cron = Field(description='When, as five fields of cron, e.g. "0 3 * * *".')
    time_zone: TimeZone = Field(default="UTC", description="IANA zone of the schedule.")


class Poll(ApiModel):
    """Read again and again."""

    every: Duration = Field(description="Time between the end of a read and the next, e.g. 5m.")


class Webhook(ApiModel):
    """Read when told; a poll always stands behind, because webhooks get lost."""

    reconcile_every: Duration = Field(
        default=Duration("15m"), description="How often the poll behind the webhook runs."
    )


class Trigger(ApiModel):
    """When reading happens: exactly one of the three."""

    schedule: Schedule | None = Field(default=None, description="Read at certain times.")
    poll: Poll | None = Field(default=None, description="Read again and again.")
    webhook: Webhook | None = Field(
        default=None, description="Read when told, with a poll behind it."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("schedule", "poll", "webhook") if getattr(self, name)]
        if len(given) != 1:
            named = " and ".join(given) or "none"
            verb = "are" if len(given) > 1 else "is"
            raise ValueError(f"set exactly one of schedule, poll, webhook; {named} {verb} set")
        return self


_TWO_ENDS: JsonDict = {
    "rule": "self.source.connectionRef.name != self.destination.connectionRef.name",
    "message": "source and destination must be different Connections",
    "fieldPath": ".destination",
}


class SyncPipelineSpec(ApiModel):
    """What a pipeline is meant to do."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_TWO_ENDS]})

    entity: Word = Field(description="What is moved: orders, customers, products, inventory, …")
    source: Source = Field(description="The reading side.")
    destination: Destination = Field(description="The writing side.")
    trigger: Trigger = Field(
        description="When reading happens: exactly one of schedule, poll, webhook.",
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "[has(self.schedule), has(self.poll), has(self.webhook)]"
                    ".filter(x, x).size() == 1",
                    "message": "set exactly one of schedule, poll, webhook",
                }
            ]
        },
    )
    mapping: Mapping = Field(
        default_factory=Mapping, description="What becomes of a record's fields."
    )
    delivery: Delivery = Field(default_factory=Delivery, description="How records are written.")
    audit: Audit | None = Field(default=None, description="A regular comparison of both ends.")
    expect: Expect = Field(default_factory=Expect, description="What is normal for this pipeline.")
    privacy: Privacy = Field(default_factory=Privacy, description="What nobody is shown.")
    mode: Mode = Field(
        default=Mode.LIVE,
        description="Live, or Observe: everything but the writes; records wait for release.",
    )
    worker: Placement = Field(
        default_factory=Placement, description="The worker and where it runs."
    )
    suspend: Bool = Field(default=False, description="True: nothing is read or written.")

    @model_validator(mode="after")
    def _two_ends(self) -> Self:
        if self.source.connection_ref.name == self.destination.connection_ref.name:
            raise ValueError(
                "source and destination are the same Connection "
                f"{self.source.connection_ref.name!r}; they must differ"
            )
        return self


class OldestStuck(ApiModel):
    """The transaction that has been stuck longest."""

    transaction: Text = Field(description="Its id, which is its trace id.")
    key: Text = Field(description="The business key people know it by.")
    reason: Text = Field(description="Why it is stuck, from the published list.")


class FulfilledWish(ApiModel):
    """A Job that somebody asked for by an annotation, and that ended well."""

    job: Text = Field(description="Its name, made from the annotation's value.")
    ended_at: datetime | None = Field(default=None, description="When it ended.")


class SyncPipelineStatus(ApiModel):
    """What a pipeline is doing."""

    observed_generation: Annotated[Int, Field(ge=0)] | None = Field(
        default=None, description="The generation this status is about."
    )
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = Field(
        default=(),
        description=(
            "Ready, ConfigValid, ConnectionsReady, WorkerAvailable, Flowing, Fresh, "
            "TransactionsStuck, JobFailed."
        ),
    )
    last_success: datetime | None = Field(
        default=None, description="The last delivery, rounded to five minutes."
    )
    stuck: Annotated[Int, Field(ge=0)] | None = Field(
        default=None, description="How many transactions wait for a person."
    )
    oldest_stuck: OldestStuck | None = Field(
        default=None, description="The transaction that has been stuck longest."
    )
    worker: Text | None = Field(default=None, description="The Deployment that runs it.")
    last_handled_reconcile_at: Text | None = Field(
        default=None, description="The last `knect.dev/requested-at` token acted upon."
    )
    fulfilled: Annotated[
        tuple[FulfilledWish, ...],
        Field(
            max_length=8,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["job"],
            },
        ),
    ] = Field(
        default=(),
        description=(
            "Backfills and replays that stand in annotations and were done; none is done again "
            "when its Job is deleted."
        ),
    )


class SyncPipeline(ApiModel):
    """Moves one entity from one Connection to another."""

    api_version: Literal["knect.dev/v1alpha1"] = "knect.dev/v1alpha1"
    kind: Literal["SyncPipeline"] = "SyncPipeline"
    metadata: ObjectMeta
    spec: SyncPipelineSpec
    status: SyncPipelineStatus | None = None

    @property
    def name(self) -> str:
        """Return the name."""
        return self.metadata.name
