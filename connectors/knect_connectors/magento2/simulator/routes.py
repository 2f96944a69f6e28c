"""What a request becomes: a call with its parameters, query and body; and what answers it.

Must not: know a resource.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from knect_connectors.magento2.simulator.books import Row
from knect_connectors.magento2.simulator.errors import ApiError, missing
from knect_connectors.magento2.simulator.money import shown
from knect_connectors.magento2.simulator.search import listed

__all__ = ["Called", "Route", "body_of", "matching", "page_of"]

_SLOT = re.compile(r"\\\{(\w+)\\\}")


class Called(Struct, kw_only=True):
    """One call. `store` is the scope in the address; `most` is the page size with input limits."""

    store: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    most: int | None = None

    def given(self, name: str) -> Any:
        """Return a parameter of the body, which must be there."""
        if not isinstance(self.body, Mapping) or self.body.get(name) is None:
            raise missing(name)
        return self.body[name]

    def listed(self, name: str) -> list[Any]:
        """Return a list of the body; with input limits only of so many."""
        found = self.given(name)
        if not isinstance(found, list):
            raise ApiError("Invalid input data format. Expected an array.")
        if self.most and len(found) > _MOST_ITEMS:
            raise ApiError('Maximum items of type "%1" is %2', [name, _MOST_ITEMS])
        return found


_MOST_ITEMS = 20


class Route(Struct, frozen=True, kw_only=True):
    """A method and a path below V1, `order/{id}/ship`; the right it needs ("": none)."""

    method: str
    path: str
    resource: str
    do: Callable[[Called], Any]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return what matches its path."""
        return re.compile(_SLOT.sub(r"(?P<\1>[^/]+)", re.escape(self.path)))


def matching(
    routes: Sequence[tuple[re.Pattern[str], Route]], method: str, path: str
) -> tuple[Route, dict[str, str]]:
    """Return the route of a path, as it was sent, and its parameters. Raises ApiError."""
    for pattern, route in routes:
        if route.method == method and (found := pattern.fullmatch(path)):
            return route, {name: unquote_plus(value) for name, value in found.groupdict().items()}
    raise ApiError("Request does not match any route.", status=404)


def page_of(
    rows: Iterable[Row], call: Called, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a list as the API tells one; `names` are columns that rows call otherwise."""

    def column(row: Row, field: str) -> Any:
        field = (names or {}).get(field, field)
        if field in row:
            return row[field]
        custom = row.get("custom_attributes")
        if isinstance(custom, Mapping):
            return custom.get(field)
        raise KeyError(field)

    found, told, total = listed(rows, call.query, column, most=call.most)
    return {"items": shown(found), "search_criteria": shown(told), "total_count": total}


def body_of(content: bytes) -> Any:
    """Return the decoded body. Raises ApiError."""
    if not content:
        return None
    try:
        return msgspec.json.Decoder(float_hook=Decimal).decode(content)
    except msgspec.DecodeError:
        raise ApiError("Decoding error: Syntax error") from None
