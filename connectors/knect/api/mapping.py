"""`spec.mapping` of a SyncPipeline: what is let in, what becomes of its fields.

Must not: know the expression language; expressions are texts here, checked by whoever owns it.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from knect.api.fields import ApiModel, Expression, FieldName, Int, Text, Word
from knect.api.metadata import ObjectReference

__all__ = ["AdmitRule", "Admittance", "Guard", "Mapping", "Unmapped", "ValueMap", "ZeroValue"]


class Admittance(StrEnum):
    """What an admit rule decides."""

    DELIVER = "Deliver"
    SKIP = "Skip"
    WAIT = "Wait"
    REJECT = "Reject"


class Unmapped(StrEnum):
    """What happens to a record with a value no value map knows."""

    WAIT = "Wait"
    REJECT = "Reject"
    DEFAULT = "Default"


class AdmitRule(ApiModel):
    """One rule; the first whose condition holds decides."""

    when: Expression = Field(description="Condition over the canonical record, e.g. order.test.")
    then: Admittance = Field(description="What becomes of the record: Deliver, Skip, Wait, Reject.")
    reason: Text = Field(default="", description="Said to people who ask about the record.")


class ZeroValue(StrEnum):
    """What a guard does with a value of 0 or below."""

    PARK = "Park"
    ALLOW = "Allow"


class Guard(ApiModel):
    """A number that is not to jump: what goes too far waits until a person approves it."""

    field: FieldName = Field(description="Destination field it watches, e.g. price.")
    or_else: FieldName | None = Field(
        default=None,
        description="Field that counts where this one is empty: price, for a special_price, so that"
        " what is paid is watched however it is written.",
    )
    max_change_percent: Annotated[Int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="Largest change against what was delivered last, in percent of that.",
    )
    zero: ZeroValue = Field(
        default=ZeroValue.PARK, description="What becomes of 0 or less: Park or Allow."
    )


class ValueMap(ApiModel):
    """A table that translates values, kept in a ConfigMap."""

    name: Word = Field(description='Its name in expressions: lookup("carriers", x).')
    config_map_ref: ObjectReference = Field(description="The ConfigMap with the table.")
    default: Text | None = Field(
        default=None, description="Used for unknown values when onUnmapped is Default."
    )


_DEFAULTS_EXIST: JsonDict = {
    "rule": "!has(self.onUnmapped) || self.onUnmapped != 'Default' || !has(self.valueMaps) || "
    "self.valueMaps.all(m, has(m.default))",
    "message": "onUnmapped is Default, so each of valueMaps needs a default",
}


class Mapping(ApiModel):
    """How a record becomes the destination's document."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_DEFAULTS_EXIST]})

    admit: Annotated[
        tuple[AdmitRule, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(
        default=(),
        description=(
            "Rules in order; if none holds, the record is delivered. An order that was let in and "
            "is cancelled is taken back whatever they say; and what was let in, and may be there "
            "already, is looked for before a rule that came later holds it."
        ),
    )
    set: Annotated[dict[FieldName, Expression], Field(max_length=128)] = Field(
        default_factory=dict,
        description=(
            "Destination field to expression over the record, e.g. order.number; overrides the "
            "connector's own mapping. `knect connectors NAME ENTITY` lists both."
        ),
    )
    guards: Annotated[
        tuple[Guard, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["field"],
            },
        ),
    ] = Field(default=(), description="Numbers that wait for approval when they jump.")
    value_maps: Annotated[
        tuple[ValueMap, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = Field(default=(), description="Tables that translate values.")
    on_unmapped: Unmapped = Field(
        default=Unmapped.WAIT,
        description="What happens to a record with a value no table knows: Wait, Reject, Default.",
    )
    owns: Annotated[
        tuple[FieldName, ...],
        Field(max_length=128, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="The only destination fields this pipeline may write; empty: all it maps.",
    )
    create_only: Annotated[
        tuple[FieldName, ...],
        Field(max_length=128, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default=(), description="Fields written once and then left to the destination.")

    @model_validator(mode="after")
    def _defaults_exist(self) -> "Mapping":
        if self.on_unmapped is Unmapped.DEFAULT:
            for table in self.value_maps:
                if table.default is None:
                    raise ValueError(
                        f"onUnmapped is Default, but value map {table.name!r} has no default"
                    )
        return self
