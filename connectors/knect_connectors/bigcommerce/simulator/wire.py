"""Answers in the platform's two forms: bare lists of V2, `data` and `meta` of V3, and refusals.

Must not: know a table.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.bigcommerce.payload import read_instant
from knect_connectors.bigcommerce.simulator.books import Row

__all__ = [
    "MOST",
    "TYPE",
    "created",
    "ids_in",
    "instant_of",
    "list_v2",
    "page_of",
    "page_v3",
    "problem",
    "refused_v2",
    "shown",
]

#: The most a list gives at once.
MOST = 250
TYPE = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


def shown(row: Mapping[str, Any]) -> Row:
    """Return a row without what hangs on it."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


def page_of(request: Request, *, size: int = 50, most: int = MOST) -> tuple[int, int]:
    """Return (page, limit); what is no number is passed over."""

    def number(name: str, otherwise: int) -> int:
        text = request.query.get(name, "")
        return int(text) if text.isdecimal() and int(text) else otherwise

    return number("page", 1), min(number("limit", size), most)


def list_v2(request: Request, rows: Sequence[Row], *, key: str) -> Answer:
    """Return a page of rows; an empty one is an answer without a body."""
    page, limit = page_of(request)
    part = rows[(page - 1) * limit : page * limit]
    return Answer.of_json(part, key=key) if part else Answer(status=204, key=key)


def page_v3(
    request: Request, rows: Sequence[Row], *, key: str, most: int = MOST, cursor: bool = False
) -> Answer:
    """Return a page of rows with its place among all; with a cursor by id if it is asked for."""
    page, limit = page_of(request, most=most)
    after = request.query.get("after")
    if cursor and after is not None:
        rows, page = [row for row in rows if row["id"] > int(after)], 1
    part = rows[(page - 1) * limit : page * limit]
    pages = max(1, -(-len(rows) // limit))
    links = {"current": f"?page={page}&limit={limit}"}
    if page < pages:
        links["next"] = f"?page={page + 1}&limit={limit}"
    if page > 1:
        links["previous"] = f"?page={page - 1}&limit={limit}"
    meta: Row = {
        "pagination": {"total": len(rows), "count": len(part), "per_page": limit,
                       "current_page": page, "total_pages": pages, "links": links}
    }  # fmt: skip
    if cursor:
        ends = (
            {"start_cursor": str(part[0]["id"]), "end_cursor": str(part[-1]["id"])} if part else {}
        )
        meta["cursor_pagination"] = {
            "count": len(part), "per_page": limit, "links": {"current": f"?limit={limit}"}, **ends,
        }  # fmt: skip
    return Answer.of_json({"data": part, "meta": meta}, key=key)


def created(data: Any, *, key: str, status: int = 200) -> Answer:
    """Return what a change of V3 made."""
    answer = {"data": data, "meta": {}}
    return Answer.of_json(answer, status=status, key=key, committed=True)


def problem(status: int, title: str, errors: Mapping[str, str] | None = None) -> Answer:
    """Return a refusal of V3."""
    body: Row = {"status": status, "title": title, "type": TYPE}
    if errors is not None:
        body["errors"] = dict(errors)
    headers = {"Content-Type": "application/problem+json"}
    return Answer.of_json(body, status=status, headers=headers)


def refused_v2(status: int, message: str, reason: str = "") -> Answer:
    """Return a refusal of V2."""
    row: Row = {"status": status, "message": message}
    if reason:
        row["details"] = {"invalid_reason": reason}
    return Answer.of_json([row], status=status)


def instant_of(request: Request, name: str) -> datetime | None:
    """Return the instant in a parameter; what is none is passed over, as the platform does."""
    try:
        return read_instant(request.query.get(name, ""))
    except ValueError:
        return None


def ids_in(request: Request, name: str) -> set[str] | None:
    """Return what a parameter such as `id:in` lists; None where it is not asked for."""
    text = request.query.get(name)
    return None if text is None else {one.strip() for one in text.split(",")}
