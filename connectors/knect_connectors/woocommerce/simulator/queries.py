"""Lists as WordPress gives them: what a query asks for, refused where the API refuses it.

Dates are in the site's own zone unless `dates_are_gmt` says otherwise; both ends of a span are left
out. Must not: know an object beyond its row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from knect.sdk.testing import Answer
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.shapes import fields_of

__all__ = ["RefusedError", "invalid", "is_true", "listed", "no_route", "too_many"]

#: What lists of orders and products can be sorted by; customers have names of their own.
_SORTS = {
    "date": lambda row: (row.get("date_created_gmt") or "", row["id"]),
    "id": lambda row: row["id"],
    "include": lambda row: row["id"],
    "title": lambda row: (str(row.get("name") or ""), row["id"]),
    "slug": lambda row: (str(row.get("slug") or ""), row["id"]),
    "registered_date": lambda row: (row.get("date_created_gmt") or "", row["id"]),
}
_SPANS = {
    "after": ("date_created_gmt", 1), "before": ("date_created_gmt", -1),
    "modified_after": ("date_modified_gmt", 1), "modified_before": ("date_modified_gmt", -1),
}  # fmt: skip


class RefusedError(Exception):
    """What the API answers instead of an object."""

    def __init__(self, status: int, code: str, message: str, **data: object) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"code": code, "message": message, "data": {"status": status, **data}}

    def answer(self) -> Answer:
        """Return it as an answer of its own."""
        return Answer.of_json(self.body, status=self.status)


def listed(
    books: Books,
    rows: Iterable[Row],
    query: Mapping[str, str],
    told: Callable[[Row], Row],
    *,
    sorts: Sequence[str] = ("date", "id", "include", "title", "slug"),
    spans: bool = True,
) -> Answer:
    """Return the page of a list a query asks for, with how many there are."""
    size = _number(query, "per_page", 10, most=100)
    page = _number(query, "page", 1)
    by = query.get("orderby", "date" if "date" in sorts else "name")
    if "orderby" in query and by not in sorts:
        raise invalid("orderby", f"orderby is not one of {', '.join(sorts)}.")
    if query.get("order", "desc") not in ("asc", "desc"):
        raise invalid("order", "order is not one of asc and desc.")
    found = [row for row in rows if _is_asked_for(books, row, query, spans=spans)]
    key = _SORTS.get(by, _SORTS["id"])
    found.sort(key=key, reverse=query.get("order", "desc") == "desc")
    start = _number(query, "offset", 0, least=0) if "offset" in query else (page - 1) * size
    wanted = query.get("_fields")
    shown = [told(row) for row in found[start : start + size]]
    pages = -(-len(found) // size)
    headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
    return Answer.of_json([fields_of(one, wanted) if wanted else one for one in shown],
                          headers=headers)  # fmt: skip


def _is_asked_for(books: Books, row: Row, query: Mapping[str, str], *, spans: bool) -> bool:
    for name, (field, sign) in _SPANS.items() if spans else ():
        if (text := query.get(name)) and not _is_beyond(books, row[field], text, query, sign):
            return False
    include = {one for one in query.get("include", "").split(",") if one}
    exclude = {one for one in query.get("exclude", "").split(",") if one}
    return (not include or str(row["id"]) in include) and str(row["id"]) not in exclude


def _is_beyond(books: Books, at: str, asked: str, query: Mapping[str, str], sign: int) -> bool:
    try:
        edge = datetime.fromisoformat(asked.removesuffix("Z"))
    except ValueError:
        raise invalid("modified_after", "Invalid date.") from None
    if not is_true(query.get("dates_are_gmt")):
        edge -= books.offset
    mark = datetime.fromisoformat(at)
    return mark > edge if sign > 0 else mark < edge


def _number(
    query: Mapping[str, str], name: str, default: int, *, least: int = 1, most: int = 10**9
) -> int:
    text = query.get(name, str(default))
    number = int(text) if text.isdigit() else -1
    if not least <= number <= most:
        raise invalid(name, f"{name} must be between {least} (inclusive) and {most} (inclusive)")
    return number


def invalid(name: str, why: str) -> RefusedError:
    """Return the refusal of a parameter."""
    return RefusedError(
        400, "rest_invalid_param", f"Invalid parameter(s): {name}", params={name: why}, details={}
    )


def no_route() -> RefusedError:
    """Return the refusal of a route that there is not."""
    return RefusedError(
        404, "rest_no_route", "No route was found matching the URL and request method."
    )


def too_many() -> RefusedError:
    """Return the refusal of a batch that is too large."""
    return RefusedError(
        413,
        "woocommerce_rest_request_entity_too_large",
        "Unable to accept more than 100 items for this request.",
    )


def is_true(text: str | None) -> bool:
    """Tell whether a parameter is yes, as WordPress reads one."""
    return str(text or "").lower() in ("true", "1")
