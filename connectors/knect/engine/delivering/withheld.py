"""A destination whose writes are withheld: for `knect plan`.

Why: the plan goes the real way (read, map, resolve, look up) up to the wire, so it can be trusted;
only `write` is answered here. Must not: let a write through.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import (
    Call,
    Delivered,
    Delivery,
    Destination,
    Effect,
    Found,
    Operation,
    Outcome,
    Reference,
    Removal,
)
from knect.sdk.errors import ConnectorError

__all__ = ["PlannedWrite", "WithheldDestination"]

#: The id of what would have been made.
PLANNED = "(planned)"


class PlannedWrite(Struct, frozen=True, kw_only=True):
    """A write that was not sent: what it would have done to which fields."""

    destination: str
    external_id: str
    name: str
    operation: Operation
    target: str | None
    body: Mapping[str, Any]


class WithheldDestination:
    """Passes reads on and keeps writes in `planned`. Implements `Destination`."""

    def __init__(self, name: str, destination: Destination) -> None:
        self._name = name
        self._destination = destination
        self.planned: list[PlannedWrite] = []

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Pass on."""
        return self._destination.to_document(entity, record, settings)

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Pass on."""
        return self._destination.references(entity, record)

    async def resolve(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], str | ConnectorError]:
        """Pass on: a read."""
        return await self._destination.resolve(references)

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Pass on."""
        return self._destination.plan(delivery)

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Pass on."""
        return self._destination.plan_removal(removal)

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Pass on: a read."""
        return await self._destination.candidates(calls)

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Pass on, except for what hangs on something that is only planned."""
        asking = [call for call in calls if PLANNED not in call.given.values()]
        answers = await self._destination.lookup(asking) if asking else ()
        if not answers:
            return [None] * len(calls)
        left = iter(answers)
        return [next(left) if call in asking else None for call in calls]

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Pass on: a read."""
        return await self._destination.present(documents)

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Keep the writes; nothing is sent."""
        self.planned += [
            PlannedWrite(
                destination=self._name,
                external_id=call.effect.external_id,
                name=call.effect.name,
                operation=call.effect.operation,
                target=call.effect.target,
                body=call.effect.body,
            )
            for call in calls
        ]
        return [
            Outcome(found=Found(destination_id=call.effect.target or PLANNED)) for call in calls
        ]
