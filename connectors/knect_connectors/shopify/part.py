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
from knect_connectors.shopify.client import ShopifyClient

__all__ = ["Answers", "Part", "Write"]

#: Value asked for -> the destination's id, or why there is none that can be used.
Answers = Mapping[str, str | ConnectorError]

_Finder = Callable[[ShopifyClient, Sequence[Call]], Awaitable[Sequence[Found | None]]]
_Candidates = Callable[[ShopifyClient, Sequence[Call]], Awaitable[Sequence[Sequence[Found]]]]
_Sender = Callable[[ShopifyClient, Sequence[Call]], Awaitable[Sequence[Outcome]]]
_Resolver = Callable[[ShopifyClient, Sequence[str]], Awaitable[Answers]]


class Write(Struct, frozen=True, kw_only=True):
    """One write of the manifest: how calls of it are sent, and how what they made is found."""

    send: _Sender
    find: _Finder
    candidates: _Candidates | None = None


class Part(Struct, frozen=True, kw_only=True):
    """How one entity is written. `writes` by the manifest's names, `resolvers` by kind.

    `scopes` are what the app needs for it.
    """

    scopes: tuple[str, ...]

    document: Callable[[Record, Mapping[str, Any]], dict[str, Any]]
    references: Callable[[Record], Sequence[Reference]]
    plan: Callable[[Delivery], Sequence[Effect]]
    removal: Callable[[Removal], Sequence[Effect]] | None = None
    writes: Mapping[str, Write] = field(default_factory=dict)
    resolvers: Mapping[str, _Resolver] = field(default_factory=dict)
