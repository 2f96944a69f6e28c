"""A destination made of parts: what one entity's module brings to the writing side.

Why: a platform's destination knows no entity, so that a new one is a module and a line in a table;
and who writes a connector states how an entity is written, not how calls find their way to it.
Must not: know a platform, or what an effect means.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Outcome, Reference, Removal
from knect.sdk.errors import ConnectorError, Fatal, Throttled
from knect.sdk.permit import is_time_for_more

__all__ = [
    "Answers",
    "Part",
    "PartsDestination",
    "Sender",
    "Write",
    "find_nothing",
    "not_begun",
    "one_by_one",
]

C = TypeVar("C")

#: Value asked for -> the destination's id, or why there is none that can be used.
Answers = Mapping[str, str | ConnectorError]
#: Sends calls of one write; returns one outcome each.
Sender = Callable[[C, Sequence[Call]], Awaitable[Sequence[Outcome]]]


class Write(Struct, Generic[C], frozen=True, kw_only=True):
    """One write of the manifest: how calls of it are sent, and how what they made is found.

    `candidates` finds what an older integration made, for `destination.match`.
    """

    send: Sender[C]
    find: Callable[[C, Sequence[Call]], Awaitable[Sequence[Found | None]]]
    candidates: Callable[[C, Sequence[Call]], Awaitable[Sequence[Sequence[Found]]]] | None = None


class Part(Struct, Generic[C], frozen=True, kw_only=True):
    """How one entity is written. `writes` by the manifest's names, `resolvers` by kind.

    `rights` names what Knect's user must be allowed for it, in the platform's words.
    """

    rights: tuple[str, ...] = ()
    document: Callable[[Record, Mapping[str, Any]], dict[str, Any]]
    references: Callable[[Record], Sequence[Reference]]
    plan: Callable[[Delivery], Sequence[Effect]]
    removal: Callable[[Removal], Sequence[Effect]] | None = None
    writes: Mapping[str, Write[C]] = field(default_factory=dict)
    resolvers: Mapping[str, Callable[[C, Sequence[str]], Awaitable[Answers]]] = field(
        default_factory=dict
    )


class PartsDestination(Generic[C]):
    """The writing side of a platform; implements `knect.sdk.contract.Destination`, but for
    `present`, which is one question for all parts.

    `name` is what the platform is called in sentences; writes and kinds of reference that parts
    share mean the same in all of them.
    """

    def __init__(self, client: C, parts: Mapping[str, Part[C]], *, name: str) -> None:
        self._client = client
        self._parts = parts
        self._name = name
        self._writes = {key: one for part in parts.values() for key, one in part.writes.items()}
        self._resolvers = {
            kind: ask for part in parts.values() for kind, ask in part.resolvers.items()
        }

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the destination's fields for a record."""
        return self._part(entity).document(record, settings)

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Return what the destination must know first."""
        return self._part(entity).references(record)

    async def resolve(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], str | ConnectorError]:
        """Look them up in bulk, by kind."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for reference in references:
            wanted[reference.kind].add(reference.value)
        found: dict[tuple[str, str], str | ConnectorError] = {}
        for kind, values in wanted.items():
            if ask := self._resolvers.get(kind):
                answers = await ask(self._client, sorted(values))
                found |= {(kind, value): answer for value, answer in answers.items()}
        return found

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Return the writes of a record."""
        return self._part(delivery.entity).plan(delivery)

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Return the writes of a deletion at the source."""
        plan = self._part(removal.entity).removal
        if plan is None:
            raise Fatal(
                f"{self._name}'s connector cannot {removal.how} {removal.entity};"
                " set destination.onSourceDelete to Ignore",
                path="destination.onSourceDelete",
            )
        return plan(removal)

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Find what an older integration made; all calls are of one write."""
        ask = self._write(calls).candidates if calls else None
        return await ask(self._client, calls) if ask else [() for _ in calls]

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what the calls may have made; all of one write."""
        return await self._write(calls).find(self._client, calls) if calls else []

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Send calls of one write."""
        return await self._write(calls).send(self._client, calls) if calls else []

    def _part(self, entity: str) -> Part[C]:
        part = self._parts.get(entity)
        if part is None:
            raise Fatal(f"{self._name}'s connector does not write {entity}")
        return part

    def _write(self, calls: Sequence[Call]) -> Write[C]:
        return self._writes[calls[0].effect.write]


async def find_nothing(client: object, calls: Sequence[Call]) -> list[Found | None]:
    """Find nothing: sending once more brings the same content."""
    del client
    return [None] * len(calls)


def not_begun() -> Outcome:
    """Return the outcome of a call that was not sent yet, for those before it took long."""
    return Outcome(
        error=Throttled(
            "it was not sent yet, for those sent with it took long; it comes with the next ones",
            retry_after=0.1,
            could_have_been_seen=False,
        )
    )


def one_by_one(send: Callable[[C, Call], Awaitable[Outcome]]) -> Sender[C]:
    """Return a sender that judges each call on its own."""

    async def send_all(client: C, calls: Sequence[Call]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for call in calls:
            if outcomes and not is_time_for_more():
                outcomes.append(not_begun())
                continue
            try:
                outcomes.append(await send(client, call))
            except ConnectorError as error:
                if len(calls) == 1 and not error.answered:
                    raise
                outcomes.append(Outcome(error=error))
        return outcomes

    return send_all
