"""Routes about customers: V3's list, making and changing them and their addresses.

Must not: know the quota, credentials or faults.
"""

from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.bigcommerce.payload import read_instant
from knect_connectors.bigcommerce.simulator.books import Books, Row, iso
from knect_connectors.bigcommerce.simulator.wire import (
    created,
    ids_in,
    instant_of,
    page_v3,
    problem,
)

__all__ = ["customer_route"]

_FIELDS = ("email", "first_name", "last_name", "company", "phone", "notes", "tax_exempt_category",
           "customer_group_id")  # fmt: skip
_ADDRESS = ("first_name", "last_name", "address1", "city", "country_code")
_NAMED = ("state_or_province", "postal_code")  # may be empty, but have to be there


def customer_route(books: Books, request: Request, steps: list[str]) -> Answer:
    """Answer below `/v3/customers`."""
    if steps == ["addresses"]:
        return _addresses(books, request)
    if steps:
        return problem(404, "The resource was not found.")
    if request.method == "GET":
        return _listed(books, request)
    rows = request.json()
    if len(rows) > 10:
        title = "The request payload is too large. The maximum items allowed in the array is 10."
        return problem(413, title, {})
    return _made(books, rows) if request.method == "POST" else _changed(books, rows)


def _listed(books: Books, request: Request) -> Answer:
    rows = sorted(books.customers.values(), key=lambda row: row["id"])
    least, most = (instant_of(request, f"date_modified:{end}") for end in ("min", "max"))
    rows = [
        row for row in rows
        if (least is None or read_instant(row["date_modified"]) >= least)
        and (most is None or read_instant(row["date_modified"]) <= most)
    ]  # fmt: skip
    if (wanted := ids_in(request, "id:in")) is not None:
        rows = [row for row in rows if str(row["id"]) in wanted]
    if (emails := ids_in(request, "email:in")) is not None:
        folded = {one.casefold() for one in emails}
        rows = [row for row in rows if row["email"].casefold() in folded]
    if request.query.get("sort") == "date_modified:asc":
        rows.sort(key=lambda row: read_instant(row["date_modified"]))
    with_addresses = "addresses" in request.query.get("include", "")
    rows = [row if with_addresses else _bare(row) for row in rows]
    return page_v3(request, rows, key="customers", cursor=True)


def _bare(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "addresses"}


def _taken(books: Books, email: Any, but: int = 0) -> bool:
    folded = str(email).casefold()
    return any(r["email"].casefold() == folded and r["id"] != but for r in books.customers.values())


def _made(books: Books, rows: list[Row]) -> Answer:
    errors: dict[str, str] = {}
    for index, row in enumerate(rows):
        for name in ("email", "first_name", "last_name"):
            if not row.get(name):
                errors[f"{index}.{name}"] = f"{name} is required"
        if _taken(books, row.get("email")):
            errors[f"{index}.email"] = f"email {row.get('email')} already in use"
    if errors:
        return problem(422, "Create customers failed.", errors)
    made = []
    for row in rows:
        one = books.add_customer(row["email"], row["first_name"], row["last_name"], books.now())
        one |= {name: row[name] for name in _FIELDS if name in row}
        books.tell("store/customer/created", {"type": "customer", "id": one["id"]})
        for address in row.get("addresses") or ():
            books.add_address(one, address)
        made.append(one)
    return created(made, key="customers")


def _changed(books: Books, rows: list[Row]) -> Answer:
    errors: dict[str, str] = {}
    for index, row in enumerate(rows):
        if row.get("id") not in books.customers:
            errors[f"{index}.id"] = f"invalid customer id: {row.get('id')}"
        elif "email" in row and _taken(books, row["email"], row["id"]):
            errors[f"{index}.email"] = f"email {row['email']} already in use"
    if errors:
        return problem(422, "Update customers failed.", errors)
    made = []
    for row in rows:
        one = books.customers[row["id"]]
        one |= {name: row[name] for name in _FIELDS if name in row}
        one["date_modified"] = iso(books.now())
        books.tell("store/customer/updated", {"type": "customer", "id": one["id"]})
        made.append(_bare(one))
    return created(made, key="customers")


def _addresses(books: Books, request: Request) -> Answer:
    if request.method == "GET":
        wanted = ids_in(request, "customer_id:in")
        rows = [
            one for row in books.customers.values() for one in row["addresses"]
            if wanted is None or str(row["id"]) in wanted
        ]  # fmt: skip
        return page_v3(request, rows, key="addresses")
    rows = request.json()
    for index, row in enumerate(rows):
        if row.get("customer_id") not in books.customers:
            return problem(422, "Create addresses failed.", {f"{index}.customer_id": "not found"})
        for name in (*_ADDRESS, *_NAMED):
            if not row.get(name) and (name not in _NAMED or name not in row):
                errors = {f"{index}.{name}": f"{name} is required"}
                return problem(422, "Create addresses failed.", errors)
    made = [books.add_address(books.customers[row["customer_id"]], row) for row in rows]
    return created(made, key="addresses")
