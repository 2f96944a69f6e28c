"""The Kubernetes object shapes every document shares: metadata, references, conditions.

Must not: interpret what the API server writes there; those fields are accepted so that the output
of `kubectl get -o yaml` can be read back.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, JsonValue, StringConstraints

from knect.api.fields import ApiModel, Int, Name, TextMap

__all__ = ["Condition", "ConditionStatus", "ObjectMeta", "ObjectReference", "OpenObject"]

#: A free-form object, checked elsewhere (by a manifest's JSON schema) or not at all.
OpenObject = Annotated[
    dict[Annotated[str, Field(max_length=128)], JsonValue],
    Field(
        max_length=128,
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    ),
]

_Annotations = Annotated[
    dict[Annotated[str, Field(max_length=316)], Annotated[str, Field(max_length=65536)]],
    Field(max_length=128),
]


class ObjectMeta(ApiModel):
    """What names an object."""

    name: Name
    namespace: Name = "default"
    labels: TextMap = Field(default_factory=dict)
    annotations: _Annotations = Field(default_factory=dict)
    generation: Int = 1
    uid: str | None = None
    # written by the API server; read and forgotten
    creation_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    deletion_timestamp: Any = None
    finalizers: Any = None
    generate_name: Any = None
    managed_fields: Any = None
    owner_references: Any = None
    resource_version: Any = None
    self_link: Any = None


class ObjectReference(ApiModel):
    """Names another object of the same namespace."""

    name: Name = Field(description="Name of the object, in the same namespace.")


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """A standard Kubernetes condition."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=316)] = Field(
        description="What this says something about, in CamelCase."
    )
    status: ConditionStatus = Field(description="Whether it holds.")
    reason: Annotated[
        str,
        StringConstraints(
            min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
        ),
    ] = Field(description="Why, as one word of the published list.")
    message: Annotated[str, StringConstraints(max_length=1024)] = Field(
        description="Why, for people, and what to do next."
    )
    last_transition_time: datetime = Field(description="When the status last changed.")
    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The generation of the spec this is about."
    )
