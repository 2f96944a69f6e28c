"""What lists are asked by: searchCriteria, as the pairs of a query. Pure.

Filters of one group are alternatives, groups have all to hold. A list is walked by key (time, then
id), always from its first page: what changes while it is read moves to the end of the order, and
pages by number would then pass over what moves up; and past the last page Magento gives the last
one again.
Must not: know an entity.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct

__all__ = ["Filter", "Query", "after", "criteria", "declared", "encoded", "one_of", "segment"]

#: Plain names and values, in the order they are sent.
Query = Sequence[tuple[str, str]]


class Filter(Struct, frozen=True, kw_only=True):
    """One condition: `eq`, `in` (a list with commas), `gt`, `gteq`, `lteq`, `nin` and so on."""

    field: str
    value: str
    condition: str = "eq"


#: Alternatives.
Group = Sequence[Filter]


def criteria(
    groups: Sequence[Group],
    *,
    sort: Sequence[str] = (),
    size: int,
    page: int = 1,
) -> list[tuple[str, str]]:
    """Return searchCriteria: all groups hold, ordered by `sort`, the `page`th `size` of it."""
    pairs: list[tuple[str, str]] = []
    for number, group in enumerate(groups):
        for index, one in enumerate(group):
            name = f"searchCriteria[filter_groups][{number}][filters][{index}]"
            pairs += [
                (f"{name}[field]", one.field),
                (f"{name}[value]", one.value),
                (f"{name}[condition_type]", one.condition),
            ]
    for index, field in enumerate(sort):
        name = f"searchCriteria[sortOrders][{index}]"
        pairs += [(f"{name}[field]", field), (f"{name}[direction]", "ASC")]
    return [
        *pairs,
        ("searchCriteria[pageSize]", str(size)),
        ("searchCriteria[currentPage]", str(page)),
    ]


def after(first: str, reached: str, second: str, last: str) -> list[Group]:
    """Return the groups of what comes after a key, in the order of two fields."""
    return [
        [Filter(field=first, value=reached, condition="gteq")],
        [
            Filter(field=first, value=reached, condition="gt"),
            Filter(field=second, value=last, condition="gt"),
        ],
    ]


def one_of(field: str, values: Sequence[str]) -> Group:
    """Return the group of rows with one of these values; a comma parts the values of a list."""
    listed = [value for value in values if "," not in value]
    alone = [Filter(field=field, value=value) for value in values if "," in value]
    if listed:
        alone.append(Filter(field=field, value=",".join(listed), condition="in"))
    return alone


def declared(filter_: Mapping[str, Any]) -> list[Group]:
    """Return the groups of what a pipeline declared under `source.filter`."""
    return [
        one_of(name, [str(one) for one in value])
        if isinstance(value, list | tuple)
        else [Filter(field=name, value=str(value))]
        for name, value in filter_.items()
    ]


def encoded(query: Query) -> str:
    """Return a query as it is sent: a blank is %20, for a plus is not read as one everywhere."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)


def segment(text: str) -> str:
    """Return a SKU as a part of an address; a web server may have to be told to let %2F pass."""
    return quote(text, safe="")
