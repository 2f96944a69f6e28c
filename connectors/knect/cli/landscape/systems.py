"""What is drawn, as values: systems, flows between them, and how each stands.

Must not: know where any of it was found, or how it will look.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

__all__ = ["HUB", "Block", "Flow", "Health", "Landscape", "Pair", "Standing", "System", "blocks"]

#: `spec.role` of the system in the middle.
HUB = "Hub"


class Health(StrEnum):
    """How something stands; never told by a colour alone."""

    FLOWS = "flows"
    PARTLY = "flows, some records stopped"
    STOPPED = "stopped"
    PAUSED = "paused"
    UNKNOWN = "not known"

    @property
    def mark(self) -> str:
        """Return the mark that says the same as the colour."""
        return _LOOKS[self][0]

    @property
    def colour(self) -> str:
        """Return a colour that can be read on white, as CSS writes it."""
        return _LOOKS[self][1]


_LOOKS = {
    Health.FLOWS: ("✔", "#15803d"),
    Health.PARTLY: ("▲", "#c2410c"),
    Health.STOPPED: ("✗", "#b91c1c"),
    Health.PAUSED: ("‖", "#475569"),
    Health.UNKNOWN: ("◎", "#4f46e5"),
}


class Standing(Struct, frozen=True):
    """How something stands, and why, in two or three words (`3 stopped`)."""

    health: Health = Health.UNKNOWN
    why: str = ""

    def __str__(self) -> str:
        """Return the mark, and what it means here."""
        return f"{self.health.mark} {self.why or self.health.value}"


class System(Struct, frozen=True, kw_only=True):
    """A Connection."""

    name: str
    connector: str
    role: str = "Spoke"
    standing: Standing = Standing()


class Flow(Struct, frozen=True, kw_only=True):
    """A SyncPipeline."""

    name: str
    entity: str
    source: str
    destination: str
    standing: Standing = Standing()


class Landscape(Struct, frozen=True, kw_only=True):
    """All of it; a flow may name a system that is not declared."""

    systems: Sequence[System]
    flows: Sequence[Flow]

    def system(self, name: str) -> System:
        """Return a system by its name; one that is not declared is stopped for that."""
        found = next((one for one in self.systems if one.name == name), None)
        missing = Standing(Health.STOPPED, "not declared")
        return found or System(name=name, connector="?", standing=missing)

    @property
    def unused(self) -> list[System]:
        """Return the systems nothing flows to or from."""
        used = {end for flow in self.flows for end in (flow.source, flow.destination)}
        return [one for one in self.systems if one.name not in used]


class Pair(Struct, frozen=True):
    """A system and what flows between it and the one its block belongs to."""

    system: System
    flows: Sequence[Flow]


class Block(Struct, frozen=True):
    """A hub and all that stands around it."""

    hub: System
    pairs: Sequence[Pair]


def blocks(landscape: Landscape) -> list[Block]:
    """Return the flows by hub, and by who is at their other end.

    Between two systems of which neither or both are hubs, the destination of the first flow is
    taken for one. What flows to the hub comes first.
    """
    by_hub: dict[str, dict[str, list[Flow]]] = {}
    for flow in sorted(landscape.flows, key=lambda one: (one.source, one.destination, one.name)):
        ends = (flow.source, flow.destination)
        known = ((hub, other) for hub, other in (ends, ends[::-1]) if other in by_hub.get(hub, {}))
        hub, other = next(known, None) or _hub_first(landscape, flow)
        by_hub.setdefault(hub, {}).setdefault(other, []).append(flow)
    return [
        Block(
            landscape.system(hub),
            [
                Pair(
                    landscape.system(other),
                    sorted(flows, key=lambda one: (one.destination != hub, one.entity, one.name)),
                )
                for other, flows in sorted(others.items())
            ],
        )
        for hub, others in sorted(by_hub.items())
    ]


def _hub_first(landscape: Landscape, flow: Flow) -> tuple[str, str]:
    source, destination = landscape.system(flow.source), landscape.system(flow.destination)
    if source.role == HUB and destination.role != HUB:
        return source.name, destination.name
    return destination.name, source.name
