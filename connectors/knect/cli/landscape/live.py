"""The landscape of live objects, and how it stands by what the operator says of them.

Why fields of its own: what is drawn are a few words of each object, and objects of a newer API
are drawn, too. Must not: judge what the operator judged.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, convert

from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect.api.pipeline import Mode
from knect.api.reasons import ConditionReason, ConditionType
from knect.cli.landscape.systems import Flow, Health, Landscape, Standing, System

__all__ = ["of_objects"]

_ON_ITS_WAY = (ConditionReason.PROGRESSING, ConditionReason.NOT_CHECKED)


class _Named(Struct, frozen=True):
    name: str = "?"


class _End(Struct, frozen=True, rename="camel"):
    connection_ref: _Named = _Named()


class _Spec(Struct, frozen=True):
    connector: str = "?"
    role: str = "Spoke"
    entity: str = "?"
    source: _End = _End()
    destination: _End = _End()
    mode: str = Mode.LIVE.value
    suspend: bool = False


class _Condition(Struct, frozen=True):
    type: str
    status: str = "Unknown"
    reason: str = ""


class _Status(Struct, frozen=True, rename="camel"):
    conditions: Sequence[_Condition] = ()
    stuck: int | None = None
    last_success: datetime | None = None


class _Object(Struct, frozen=True):
    kind: str
    metadata: _Named
    spec: _Spec = _Spec()
    status: _Status = _Status()


def of_objects(items: Sequence[dict[str, Any]]) -> Landscape:
    """Return what Connections and SyncPipelines, as the API server gives them, make together."""
    found = convert(items, list[_Object])
    return Landscape(
        systems=[
            System(
                name=one.metadata.name,
                connector=one.spec.connector,
                role=one.spec.role,
                standing=_standing(one),
            )
            for one in found
            if one.kind == CONNECTION_KIND
        ],
        flows=[
            Flow(
                name=one.metadata.name,
                entity=one.spec.entity,
                source=one.spec.source.connection_ref.name,
                destination=one.spec.destination.connection_ref.name,
                standing=_standing(one),
            )
            for one in found
            if one.kind == SYNC_PIPELINE_KIND
        ],
    )


def _standing(one: _Object) -> Standing:
    ready = next((c for c in one.status.conditions if c.type == ConditionType.READY), None)
    if one.spec.suspend:
        return Standing(Health.PAUSED, "suspended")
    if ready is None or ready.status == "Unknown" or ready.reason in _ON_ITS_WAY:
        return Standing(Health.UNKNOWN, ready.reason if ready else "not looked at yet")
    if ready.status != "True":
        return Standing(Health.STOPPED, ready.reason)
    if one.spec.mode == Mode.OBSERVE:
        return Standing(Health.PAUSED, "observed only")
    if one.status.stuck:
        return Standing(Health.PARTLY, f"{one.status.stuck} stuck")
    last = one.status.last_success
    told = f"last delivery {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if last else ""
    return Standing(Health.FLOWS, told)
