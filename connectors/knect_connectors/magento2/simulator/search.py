"""searchCriteria as Magento's collections read it: groups, sort orders, pages.

A page past the end is the last page once more. Must not: know a table.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from knect_connectors.magento2.simulator.errors import ApiError, missing

__all__ = ["listed"]

Row = dict[str, Any]

_FILTER = re.compile(
    r"searchCriteria\[filter_?[gG]roups\]\[(\d+)\]\[filters\]\[(\d+)\]"
    r"\[(field|value|condition_?[tT]ype)\]"
)
_SORT = re.compile(r"searchCriteria\[sort_?[oO]rders\]\[(\d+)\]\[(field|direction)\]")
_PAGE = re.compile(r"searchCriteria\[(page_?[sS]ize|current_?[pP]age)\]")


def _pattern(like: str) -> re.Pattern[str]:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in like)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _text(value: Any) -> str:
    return str(value).casefold().rstrip(" ")  # as the database compares


def _compared(ours: Any, theirs: str) -> int:
    """Compare as the database does: numbers as numbers, else texts."""
    try:
        return (float(ours) > float(theirs)) - (float(ours) < float(theirs))
    except (TypeError, ValueError):
        return (_text(ours) > _text(theirs)) - (_text(ours) < _text(theirs))


def _is_in(ours: Any, theirs: str) -> bool:
    return _text(ours) in [_text(one) for one in theirs.split(",")]


_CONDITIONS: Mapping[str, Callable[[Any, str], bool]] = {
    "eq": lambda ours, theirs: _compared(ours, theirs) == 0,
    "neq": lambda ours, theirs: _compared(ours, theirs) != 0,
    "gt": lambda ours, theirs: _compared(ours, theirs) > 0,
    "lt": lambda ours, theirs: _compared(ours, theirs) < 0,
    "gteq": lambda ours, theirs: _compared(ours, theirs) >= 0,
    "moreq": lambda ours, theirs: _compared(ours, theirs) >= 0,
    "from": lambda ours, theirs: _compared(ours, theirs) >= 0,
    "lteq": lambda ours, theirs: _compared(ours, theirs) <= 0,
    "to": lambda ours, theirs: _compared(ours, theirs) <= 0,
    "in": _is_in,
    "nin": lambda ours, theirs: not _is_in(ours, theirs),
    "like": lambda ours, theirs: bool(_pattern(theirs).fullmatch(str(ours))),
    "notnull": lambda ours, theirs: True,  # noqa: ARG005 - one of a table
}


def _holds(value: Any, condition: str, wanted: str) -> bool:
    if condition == "null":
        return value is None
    if condition not in _CONDITIONS:
        raise ApiError("Invalid condition type: %1", [condition])
    return value is not None and _CONDITIONS[condition](value, wanted)


def _key(value: Any) -> tuple[bool, Any]:
    if isinstance(value, str):
        return (True, _text(value))
    return (value is not None, value or 0)


def listed(
    rows: Iterable[Row],
    query: Mapping[str, str],
    column: Callable[[Row, str], Any],
    *,
    most: int | None = None,
) -> tuple[list[Row], dict[str, Any], int]:
    """Return the rows of a page, the criteria as they are told back, and how many there are.

    `column` gives the value of a field, KeyError if there is none such. `most`: with input limits.
    """
    if not any(name.startswith("searchCriteria") for name in query):
        raise missing("searchCriteria")
    groups, sorts, pages = _read(query)
    size = int(pages.get("pagesize") or (20 if most else 0))
    if most and size > most:
        raise ApiError("Maximum SearchCriteria pageSize is %1", [most])
    try:
        found = [row for row in rows if all(_admits(group, row, column) for group in groups)]
        for sort in reversed(sorts):
            down = sort.get("direction", "DESC").upper() == "DESC"
            found.sort(key=lambda row: _key(column(row, sort["field"])), reverse=down)
    except KeyError as error:
        name = error.args[0]
        raise ApiError(
            "Column not found: 1054 Unknown column '%1' in 'where clause'", [name], status=500
        ) from None
    total = len(found)
    page = int(pages.get("currentpage") or 1)
    if size:
        page = max(1, min(page, -(-total // size)))  # past the end: the last page again
        found = found[(page - 1) * size : page * size]
    told = {
        "filter_groups": [
            {"filters": [{"field": one["field"], "value": one["value"],
                          "condition_type": one["conditiontype"]} for one in group]}
            for group in groups
        ],
        "page_size": size or None, "current_page": page,
    }  # fmt: skip
    return found, told, total


def _admits(group: list[dict[str, str]], row: Row, column: Callable[[Row, str], Any]) -> bool:
    return any(
        _holds(column(row, one["field"]), one["conditiontype"], one["value"]) for one in group
    )


def _read(
    query: Mapping[str, str],
) -> tuple[list[list[dict[str, str]]], list[dict[str, str]], dict[str, str]]:
    groups: dict[int, dict[int, dict[str, str]]] = {}
    sorts: dict[int, dict[str, str]] = {}
    pages: dict[str, str] = {}
    for name, value in query.items():
        if found := _FILTER.fullmatch(name):
            group, index, word = found.groups()
            one = groups.setdefault(int(group), {}).setdefault(
                int(index), {"conditiontype": "eq", "value": ""}
            )
            one[word.replace("_", "").lower()] = value
        elif found := _SORT.fullmatch(name):
            sorts.setdefault(int(found[1]), {})[found[2]] = value
        elif found := _PAGE.fullmatch(name):
            pages[found[1].replace("_", "").lower()] = value
    return (
        [[group[i] for i in sorted(group)] for _, group in sorted(groups.items())],
        [sorts[i] for i in sorted(sorts)],
        pages,
    )
