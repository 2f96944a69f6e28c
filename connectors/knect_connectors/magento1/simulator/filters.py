"""Magento's filters on lists: `{field: condition}`, as its collections read them.

Of several conditions in one map only a range is understood as both; else the first one counts.
Must not: know a table.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from knect_connectors.magento1.simulator.books import Row

__all__ = ["filtered"]


def _pattern(like: str) -> re.Pattern[str]:
    return re.compile(
        "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in like),
        re.IGNORECASE | re.DOTALL,
    )


def _list(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return str(value).split(",")


def _compared(ours: str, theirs: Any) -> int:
    """Compare as the database does: numbers as numbers, else texts."""
    wanted = str(theirs)
    if ours.lstrip("-").isdigit() and wanted.lstrip("-").isdigit():
        return (int(ours) > int(wanted)) - (int(ours) < int(wanted))
    return (ours > wanted) - (ours < wanted)


_CONDITIONS: Mapping[str, Callable[[str, Any], bool]] = {
    "eq": lambda ours, theirs: ours.casefold() == str(theirs).casefold(),
    "neq": lambda ours, theirs: ours.casefold() != str(theirs).casefold(),
    "like": lambda ours, theirs: bool(_pattern(str(theirs)).fullmatch(ours)),
    "nlike": lambda ours, theirs: not _pattern(str(theirs)).fullmatch(ours),
    "in": lambda ours, theirs: ours.casefold() in [one.casefold() for one in _list(theirs)],
    "nin": lambda ours, theirs: ours.casefold() not in [one.casefold() for one in _list(theirs)],
    "gt": lambda ours, theirs: _compared(ours, theirs) > 0,
    "lt": lambda ours, theirs: _compared(ours, theirs) < 0,
    "gteq": lambda ours, theirs: _compared(ours, theirs) >= 0,
    "moreq": lambda ours, theirs: _compared(ours, theirs) >= 0,
    "lteq": lambda ours, theirs: _compared(ours, theirs) <= 0,
    "notnull": lambda ours, theirs: True,  # noqa: ARG005 - one of a table
}


def _holds(value: Any, condition: Any) -> bool:
    if not isinstance(condition, Mapping):
        condition = {"eq": condition}
    if value is None:
        return next(iter(condition), None) == "null"
    ours = str(value)
    if "from" in condition or "to" in condition:
        low, high = condition.get("from"), condition.get("to")
        return (low is None or _compared(ours, low) >= 0) and (
            high is None or _compared(ours, high) <= 0
        )
    name = next((one for one in condition if one in _CONDITIONS or one == "null"), None)
    if name is None:
        raise ValueError("Invalid filters given. Details in error message.")
    return name != "null" and _CONDITIONS[name](ours, condition[name])


def filtered(rows: Iterable[Row], filters: Any, names: Mapping[str, str]) -> list[Row]:
    """Return the rows that hold all conditions; `names` maps columns to what rows call them.

    Raises ValueError for a column there is not, and for a condition there is not.
    """
    wanted = filters if isinstance(filters, Mapping) else {}
    found = []
    for row in rows:
        for field, condition in wanted.items():
            name = names.get(field, field)
            if name not in row:
                raise ValueError(
                    f"Column not found: 1054 Unknown column '{field}' in 'where clause'"
                )
            if not _holds(row[name], condition):
                break
        else:
            found.append(row)
    return found
