"""How a SyncPipeline works: delivery, audit, expectations, privacy, and where its worker runs.

Must not: decide anything from these values; the engine and the operator do.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from knect.api.fields import ApiModel, Duration, FieldPath, Int, Label, Text, TextMap
from knect.api.metadata import OpenObject

__all__ = [
    "Audit",
    "Cron",
    "Delivery",
    "Expect",
    "Placement",
    "Privacy",
    "Repair",
    "Resources",
    "Retry",
    "TimeZone",
    "Toleration",
]

_FIVE_FIELDS: JsonDict = {
    "x-kubernetes-validations": [
        {
            "rule": "self.matches('^\\\\s*\\\\S+(\\\\s+\\\\S+){4}\\\\s*$')",
            "message": "a schedule has five fields: minute hour day month weekday",
        }
    ]
}
#: Five fields of cron; read by cronsim wherever a document is checked or a schedule kept.
Cron = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, strict=True),
    Field(json_schema_extra=_FIVE_FIELDS),
]
#: An IANA zone.
TimeZone = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$", strict=True)
]


class Retry(ApiModel):
    """How often, and how far apart, what failed is tried again."""

    attempts: Annotated[Int, Field(ge=1, le=100)] = Field(
        default=8, description="Tries in all before a person is asked."
    )
    initial: Duration = Field(default=Duration("2s"), description="Wait before the second try.")
    max: Duration = Field(default=Duration("15m"), description="The longest wait between tries.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.initial.delta > self.max.delta:
            raise ValueError(f"initial ({self.initial}) is longer than max ({self.max})")
        return self


class Delivery(ApiModel):
    """How records are written."""

    batch_size: Annotated[Int, Field(ge=1, le=10000)] = Field(
        default=100, description="Records per write, where the destination takes several."
    )
    max_in_flight: Annotated[Int, Field(ge=1, le=256)] = Field(
        default=8, description="Writes under way at the same time."
    )
    retry: Retry = Field(default_factory=Retry, description="How often what failed is tried again.")
    stalled_after: Duration = Field(
        default=Duration("5m"), description="After this long in one stage a record is stalled."
    )


class Repair(StrEnum):
    """What an audit does about what it finds."""

    NONE = "None"
    MISSING = "Missing"


class Audit(ApiModel):
    """A regular comparison of both ends."""

    schedule: Cron = Field(description='When, as five fields of cron, e.g. "0 3 * * *".')
    time_zone: TimeZone = Field(default="UTC", description="IANA zone of the schedule.")
    repair: Repair = Field(
        default=Repair.NONE,
        description="None: report only. Missing: also bring in what the source lists and nobody"
        " saw, and write stock and prices once more where the destination has others. What somebody"
        " deleted at the destination stays a finding.",
    )


class Expect(ApiModel):
    """What is normal, so that silence and trouble can be told."""

    min_per_day: Annotated[Int, Field(ge=0, le=100_000_000)] | None = Field(
        default=None, description="Fewer records in 24 hours are suspicious silence."
    )
    max_stuck: Annotated[Int, Field(ge=0, le=100_000_000)] | None = Field(
        default=None, description="More stuck records than this, and the flow counts as broken."
    )


class Privacy(ApiModel):
    """What nobody is shown."""

    mask: Annotated[
        tuple[FieldPath, ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="Fields of the record hidden in traces, logs and answers, e.g. customer.email.",
    )


_Quantities = Annotated[
    dict[Annotated[str, Field(max_length=63)], Annotated[str, Field(max_length=32)]],
    Field(max_length=16),
]


class Resources(ApiModel):
    """Kubernetes resource requests and limits."""

    requests: _Quantities = Field(default_factory=dict, description="What is reserved.")
    limits: _Quantities = Field(default_factory=dict, description="What is not exceeded.")


class Toleration(ApiModel):
    """A Kubernetes toleration."""

    key: Text | None = Field(default=None, description="Taint key.")
    operator: Text | None = Field(default=None, description="Exists or Equal.")
    value: Text | None = Field(default=None, description="Taint value.")
    effect: Text | None = Field(default=None, description="Taint effect.")
    toleration_seconds: Int | None = Field(default=None, description="For NoExecute: how long.")


class Placement(ApiModel):
    """The worker that runs a pipeline, and where. Used in a cluster only."""

    group: Label | None = Field(
        default=None, description="Pipelines of one group share a pod; default: one of its own."
    )
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = Field(
        default=None, description="An image with connectors of your own."
    )
    resources: Resources = Field(default_factory=Resources, description="Requests and limits.")
    node_selector: TextMap = Field(default_factory=dict, description="Labels of the nodes to use.")
    tolerations: Annotated[
        tuple[Toleration, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default=(), description="Taints the pod tolerates.")
    topology_spread_constraints: Annotated[
        tuple[OpenObject, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default=(), description="Passed through to the pod.")
    priority_class_name: Label | None = Field(default=None, description="Passed through.")
