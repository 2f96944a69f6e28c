"""Which pieces of an order a parcel holds, what of it is shipped already, and from where. Pure.

Must not: call the shop. Whatever cannot be shipped is an error that names the line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from knect.sdk.errors import ConnectorError, MissingReference, Refused, WaitForPerson
from knect_connectors.shopify.shelf import Made, Shelf

__all__ = ["Allotment", "allot", "already_made", "pieces_of", "same_without_number"]

_SHIPPABLE = frozenset({"OPEN", "IN_PROGRESS"})
_LATER = {"ON_HOLD": "on hold", "SCHEDULED": "scheduled for later"}

#: fulfillment order -> its line -> units
_Units = dict[str, dict[str, int]]


class Allotment(Struct, frozen=True, kw_only=True):
    """What is to be sent: per location one call. `remark` says what was left out, and why."""

    calls: Sequence[_Units]
    remark: str | None


def pieces_of(shelf: Shelf, lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return units by order line of what the ERP shipped. Raises Refused, WaitForPerson."""
    pieces: dict[str, int] = {}
    for index, line in enumerate(lines):
        quantity = int(line["quantity"])
        if quantity != line["quantity"] or quantity < 0:
            raise Refused(
                f"{line['quantity']} of line {index + 1} cannot be shipped: the shop counts whole"
                " pieces; correct the shipment in the ERP",
                path=f"lines[{index}].quantity",
                value=str(line["quantity"]),
            )
        if quantity:
            identifier = _line(shelf, line, index)
            pieces[identifier] = pieces.get(identifier, 0) + quantity
    return pieces


def _line(shelf: Shelf, line: Mapping[str, Any], index: int) -> str:
    wanted, sku = str(line.get("line_id") or ""), str(line.get("sku") or "")
    for identifier in shelf.sold:
        if wanted and wanted in (identifier, identifier.rpartition("/")[2]):
            return identifier
    same = [one for one in shelf.sold.values() if sku and one.sku == sku]
    if len(same) == 1 and not wanted:
        return same[0].id
    if len(same) > 1 and not wanted:
        raise WaitForPerson(
            f"order {shelf.name} has {len(same)} lines with SKU {sku!r} and the shipment does not"
            " say which one left; ship it by hand in the shop, then skip this one",
            code="AmbiguousMatch",
            path=f"lines[{index}].sku",
            value=sku,
        )
    what = f"line {wanted!r}" if wanted else f"line with SKU {sku!r}"
    raise Refused(
        f"order {shelf.name} has no {what}; the shipment holds something the shop did not sell:"
        " correct it in the ERP",
        code="UnknownLine",
        path=f"lines[{index}].line_id" if wanted else f"lines[{index}].sku",
        value=wanted or sku,
    )


def already_made(
    shelf: Shelf, pieces: Mapping[str, int], numbers: frozenset[str]
) -> tuple[list[Made], dict[str, int]]:
    """Return the fulfillments that stand for this parcel, and what of it is not shipped yet.

    By tracking numbers and pieces. One that somebody made by hand, without a number or with the
    same ones, stands for it too, once nothing of these pieces is left to ship.
    """
    rest = dict(pieces)
    ours: list[Made] = []
    for made in shelf.made:
        is_ours = made.is_valid and bool(numbers) and made.numbers == numbers
        if is_ours and all(rest.get(line, 0) >= units for line, units in made.lines.items()):
            ours.append(made)
            for line, units in made.lines.items():
                rest[line] -= units
    rest = {line: units for line, units in rest.items() if units}
    if ours or not rest or any(shelf.left_of(line) >= units for line, units in rest.items()):
        return ours, rest
    for made in reversed(shelf.made):
        fits = not made.numbers or made.numbers == numbers
        if made.is_valid and fits and dict(made.lines) == dict(pieces):
            return [made], {}
    return [], rest


def same_without_number(shelf: Shelf, pieces: Mapping[str, int]) -> Made | None:
    """Return the newest fulfillment of exactly these pieces that has no tracking number."""
    for made in reversed(shelf.made):
        if made.is_valid and not made.numbers and dict(made.lines) == dict(pieces):
            return made
    return None


def allot(shelf: Shelf, rest: Mapping[str, int], location: str | None) -> Allotment:
    """Spread what is to be shipped over the order's locations, the named one first.

    Lines that were cancelled or refunded meanwhile are left out and told. Raises Refused for
    what was never sold, or when nothing is left; MissingReference while the order is held.
    """
    if shelf.cancelled:
        raise Refused(
            f"order {shelf.name} was cancelled in the shop, but the ERP shipped it: get the parcel"
            " back, or sell it anew",
            code="OrderCancelled",
            path="order_id",
            value=shelf.name,
        )
    by_location: dict[str, _Units] = {}
    missing: list[str] = []
    first: ConnectorError | None = None
    order = sorted(shelf.waiting, key=lambda one: location not in (one.location, one.location_id))
    for line, units in rest.items():
        left = units
        for each in order:
            for item, of, there in each.items if each.status in _SHIPPABLE else ():
                if of == line and (taken := min(left, there)):
                    place = by_location.setdefault(each.location_id, {})
                    place.setdefault(each.id, {})[item] = taken
                    left -= taken
        if left:
            error = _why_not(shelf, line, units, left)
            if not isinstance(error, Refused) or error.code != "LineCancelled":
                raise error
            first = first or error
            missing.append(f"{left} x {shelf.sold[line].name}")
    if not by_location and first is not None:
        raise first
    remark = f"without {', '.join(missing)}: cancelled in the shop" if missing else None
    return Allotment(calls=list(by_location.values()), remark=remark)


def _why_not(shelf: Shelf, line: str, units: int, left: int) -> ConnectorError:
    sold = shelf.sold[line]
    what = f"{sold.name} ({sold.sku})" if sold.sku else sold.name
    for each in shelf.waiting:
        if each.status in _LATER and any(of == line and there for _, of, there in each.items):
            why = f" ({each.hold})" if each.hold else ""
            return MissingReference(
                f"{what} of order {shelf.name} is {_LATER[each.status]} in the shop{why}; the"
                " shipment is sent when that ends",
                kind="fulfillment",
                value=each.id.rpartition("/")[2],
                path="order_id",
            )
    shipped = sum(made.lines.get(line, 0) for made in shelf.made if made.is_valid)
    if units <= sold.quantity - shipped:
        return Refused(
            f"the shipment holds {units} x {what}, but {left} of it were cancelled or refunded in"
            f" the shop before order {shelf.name} was shipped: get them back, or sell them anew",
            code="LineCancelled",
            path="lines",
            value=sold.sku or sold.name,
        )
    return Refused(
        f"the shipment holds {units} x {what}, but of order {shelf.name} only"
        f" {max(sold.current - shipped, 0)} are left to ship ({sold.current} sold, {shipped}"
        " shipped); correct the shipment in the ERP",
        code="OverShipment",
        path="lines",
        value=sold.sku or sold.name,
    )
