"""The lines of a sale: as they are made, and what brings those that are there to what is wanted.

A line that stays the same is left alone or written in place, so that people's references to it
hold. Goods that are no longer sold keep a line of quantity 0, as Tryton's own amendments leave
one: a deleted row has no time of change, and the stock level of its product would go unnoticed.
Pure. Must not: call the server, or touch what is no line of a product (titles, comments).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect_connectors.tryton.web_lines import note_for, note_with, web_line_of
from knect_connectors.tryton.wire import money

__all__ = ["LINE_FIELDS", "edits_of", "new_line"]

#: What has to be read of a line to compare it.
LINE_FIELDS = (
    *("type", "product", "product.type", "unit", "quantity", "unit_price", "taxes"),
    *("description", "note"),
)

_Row = Mapping[str, Any]


def new_line(wanted: _Row, units: Mapping[int, int]) -> dict[str, Any]:
    """Return the values of a line that is not there yet; `units` are by product."""
    product = int(wanted["product"])
    return {
        "product": product,
        "unit": units.get(product),
        "quantity": _float(wanted["quantity"]),
        "unit_price": money(Decimal(wanted["unit_price"])),
        "taxes": [["add", wanted["taxes"]]],
        "description": wanted["description"],
        "note": note_for(wanted["line"]),
    }


def edits_of(
    there: Sequence[_Row], wanted: Sequence[_Row], units: Mapping[int, int]
) -> list[list[Any]]:
    """Return the commands (write, create, delete) that bring `there` to `wanted`."""
    rows = [row for row in there if row["type"] == "line"]
    pairs = _paired(rows, wanted)
    edits: list[list[Any]] = []
    for row, one in pairs:
        if row is not None and (values := _differences(row, one, units)):
            edits.append(["write", [row["id"]], values])
    if new := [new_line(one, units) for row, one in pairs if row is None]:
        edits.append(["create", new])
    kept = {int(one["product"]) for _, one in pairs}
    taken = {row["id"] for row, _ in pairs if row is not None}
    for row in (one for one in rows if one["id"] not in taken):
        if not _is_goods(row) or row["product"] in kept:
            edits.append(["delete", [row["id"]]])
            continue
        kept.add(row["product"])
        if row["quantity"]:
            edits.append(["write", [row["id"]], {"quantity": _float(0)}])
    return edits


def _paired(rows: Sequence[_Row], wanted: Sequence[_Row]) -> list[tuple[_Row | None, _Row]]:
    """Return each wanted line with the one that is there: by the shop's id, else by product."""
    found: dict[int, _Row] = {}
    left = list(rows)
    for by_shops_id in (True, False):
        for i, one in enumerate(wanted):
            if i in found or (by_shops_id and not one["line"]):
                continue
            row = next((x for x in left if _is(x, one, by_shops_id=by_shops_id)), None)
            if row is not None:
                found[i] = row
                left.remove(row)
    return [(found.get(i), one) for i, one in enumerate(wanted)]


def _is(row: _Row, wanted: _Row, *, by_shops_id: bool) -> bool:
    same = row["product"] == int(wanted["product"])
    return same and (not by_shops_id or web_line_of(row["note"]) == wanted["line"])


def _differences(row: _Row, wanted: _Row, units: Mapping[int, int]) -> dict[str, Any]:
    """Return the values of a line that are not as wanted."""
    values: dict[str, Any] = {}
    unit = units.get(row["product"])
    if row["unit"] != unit:
        values["unit"] = unit
    if row["quantity"] != Decimal(wanted["quantity"]):
        values["quantity"] = _float(wanted["quantity"])
    if row["unit_price"] != Decimal(wanted["unit_price"]):
        values["unit_price"] = money(Decimal(wanted["unit_price"]))
    now, then = set(wanted["taxes"]), set(row["taxes"])
    if now != then:
        values["taxes"] = [["remove", sorted(then - now)], ["add", sorted(now - then)]]
    if wanted["description"] != (row["description"] or ""):
        values["description"] = wanted["description"]
    if web_line_of(row["note"]) != wanted["line"]:
        values["note"] = note_with(row["note"], wanted["line"])
    return values


def _is_goods(row: _Row) -> bool:
    """Tell whether there is a stock level of what the line is of."""
    return row["product"] is not None and row["product."]["type"] != "service"


def _float(quantity: str | int) -> Decimal:
    return Decimal(quantity) + Decimal("0.0")  # a float on Tryton's side
