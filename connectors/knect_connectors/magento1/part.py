"""What one entity's module brings to the writing side; `destination` holds the table of them.

Why: the destination itself knows no entity, so that a new one is one module and one line.
Must not: hold logic; a part is a record of functions.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Outcome, Reference, Removal
from knect.sdk.errors import ConnectorError
from knect_connectors.magento1.client import MagentoClient

__all__ = ["Answers", "Part", "Write", "find_nothing", "one_by_one"]

#: Value asked for -> the destination's id, or why there is none that can be used.
Answers = Mapping[str, str | ConnectorError]

_Finder = Callable[[MagentoClient, Sequence[Call]], Awaitable[Sequence[Found | None]]]
_Sender = Callable[[MagentoClient, Sequence[Call]], Awaitable[Sequence[Outcome]]]
_Resolver = Callable[[MagentoClient, Sequence[str]], Awaitable[Answers]]


class Write(Struct, frozen=True, kw_only=True):
    """One write of the manifest: how calls of it are sent, and how what they made is found."""

    send: _Sender
    find: _Finder
    candidates: (
        Callable[[MagentoClient, Sequence[Call]], Awaitable[Sequence[Sequence[Found]]]] | None
    ) = None


class Part(Struct, frozen=True, kw_only=True):
    """How one entity is written. `writes` by the manifest's names, `resolvers` by kind.

    `methods` are what the API user has to be allowed for it.
    """

    methods: tuple[str, ...]
    document: Callable[[Record, Mapping[str, Any]], dict[str, Any]]
    references: Callable[[Record], Sequence[Reference]]
    plan: Callable[[Delivery], Sequence[Effect]]
    removal: Callable[[Removal], Sequence[Effect]] | None = None
    writes: Mapping[str, Write] = field(default_factory=dict)
    resolvers: Mapping[str, _Resolver] = field(default_factory=dict)


async def find_nothing(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Find nothing: sending once more brings the same content."""
    del client
    return [None] * len(calls)


def one_by_one(send: Callable[[MagentoClient, Call], Awaitable[Outcome]]) -> _Sender:
    """Return a sender that judges each call on its own."""

    async def send_all(client: MagentoClient, calls: Sequence[Call]) -> list[Outcome]:
        outcomes = []
        for call in calls:
            try:
                outcomes.append(await send(client, call))
            except ConnectorError as error:
                if len(calls) == 1 and not error.answered:
                    raise
                outcomes.append(Outcome(error=error))
        return outcomes

    return send_all
