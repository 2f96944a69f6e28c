"""Which pieces of an order a parcel holds, what of it can be told, and what is left. Pure.

Must not: call the shop. Whatever cannot be shipped is an error that names the line.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.errors import Refused, WaitForPerson
from knect_connectors.woocommerce.client import Row
from knect_connectors.woocommerce.lines import parent_of
from knect_connectors.woocommerce.marks import Told
from knect_connectors.woocommerce.payload import Node

__all__ = ["Line", "allot", "left_after", "lines_of", "pieces_of"]

_ZERO = Decimal(0)


class Line(Struct, frozen=True, kw_only=True):
    """One line of an order, as far as shipping goes."""

    id: str
    sku: str
    name: str
    product: str
    variation: str
    ordered: Decimal
    refunded: Decimal
    shipped: Decimal
    is_parent: bool  # of a bundle: its components leave

    @property
    def left(self) -> Decimal:
        """Return how many are left to ship."""
        return max(_ZERO, self.ordered - self.refunded - self.shipped)


def lines_of(
    order: Mapping[str, Any], refunds: Iterable[Row], others: Iterable[Told]
) -> dict[str, Line]:
    """Return the lines by id; `others` are the parcels the order was told of before."""
    refunded: defaultdict[str, Decimal] = defaultdict(Decimal)
    for refund in refunds:
        for item in Node(refund)["line_items"].items():
            for one in item.get("meta_data").items():
                if one.get("key").value == "_refunded_item_id":
                    refunded[str(one["value"].value)] -= item["quantity"].number()
    shipped: defaultdict[str, Decimal] = defaultdict(Decimal)
    for told in others:
        for line, units in told.lines.items():
            shipped[line] += units
    found = {}
    items = list(Node(order)["line_items"].items())
    parents = {parent_of(item) for item in items}
    for item in items:
        identifier = item["id"].text()
        sku = item.get("sku").text_or_none() or ""
        found[identifier] = Line(
            id=identifier,
            sku=sku,
            name=item.get("name").text_or_none() or sku or identifier,
            product=item.get("product_id").id_or_none() or "",
            variation=item.get("variation_id").id_or_none() or "",
            ordered=item["quantity"].number(),
            refunded=refunded[identifier],
            shipped=shipped[identifier],
            is_parent=identifier in parents,
        )
    return found


def pieces_of(
    number: str, lines: Mapping[str, Line], wanted: Sequence[Mapping[str, Any]]
) -> dict[str, Decimal]:
    """Return pieces by order line of what the ERP shipped. Raises Refused, WaitForPerson."""
    pieces: dict[str, Decimal] = {}
    for index, one in enumerate(wanted):
        quantity = Decimal(str(one["quantity"])).normalize() + _ZERO
        if quantity < 0:
            raise Refused(
                f"{quantity} of line {index + 1} cannot be shipped; correct it in the ERP",
                path=f"lines[{index}].quantity",
                value=str(quantity),
            )
        if quantity:
            identifier = _line(number, lines, one, index)
            pieces[identifier] = pieces.get(identifier, _ZERO) + quantity
    return pieces


def _line(number: str, lines: Mapping[str, Line], wanted: Mapping[str, Any], index: int) -> str:
    identifier, sku = str(wanted.get("line_id") or ""), str(wanted.get("sku") or "")
    if identifier in lines:
        return identifier
    same = [one for one in lines.values() if sku and one.sku == sku]
    if len(same) == 1:
        return same[0].id
    if len(same) > 1:
        raise WaitForPerson(
            f"order {number} has {len(same)} lines with SKU {sku!r} and the shipment does not say"
            " which one left; tell the customer by hand, then skip this one",
            code="AmbiguousMatch",
            path=f"lines[{index}].sku",
            value=sku,
        )
    what = f"line with SKU {sku!r}" if sku else f"line {identifier!r}"
    raise Refused(
        f"order {number} has no {what}; the shipment holds something the shop did not sell: correct"
        " it in the ERP",
        code="UnknownLine",
        path=f"lines[{index}].sku" if sku else f"lines[{index}].line_id",
        value=sku or identifier,
    )


def allot(
    number: str, lines: Mapping[str, Line], pieces: Mapping[str, Decimal]
) -> tuple[dict[str, Decimal], str | None]:
    """Return what is to be told, and what was left out and why. Raises Refused."""
    found: dict[str, Decimal] = {}
    missing: list[str] = []
    first: Refused | None = None
    for identifier, units in pieces.items():
        line = lines[identifier]
        if line.left:
            found[identifier] = min(units, line.left)
        if units > line.left:
            error = _why_not(number, line, units)
            if error.code != "LineCancelled":
                raise error
            first = first or error
            missing.append(f"{units - line.left:f} x {line.name}")
    if not found and first is not None:
        raise first
    return found, f"without {', '.join(missing)}: refunded in the shop" if missing else None


def _why_not(number: str, line: Line, units: Decimal) -> Refused:
    what = f"{line.name} ({line.sku})"
    if units + line.shipped <= line.ordered:
        return Refused(
            f"the shipment holds {units:f} x {what}, but {units - line.left:f} of it were refunded"
            f" in the shop before order {number} was shipped: get them back, or sell them anew",
            code="LineCancelled",
            path="lines",
            value=line.sku,
        )
    return Refused(
        f"the shipment holds {units:f} x {what}, but of order {number} only {line.left:f} are left"
        f" to ship ({line.ordered:f} sold, {line.shipped:f} shipped); correct the shipment in the"
        " ERP",
        code="OverShipment",
        path="lines",
        value=line.sku,
    )


def left_after(lines: Mapping[str, Line], sent: Mapping[str, Decimal]) -> list[Line]:
    """Return the lines of which something is left to ship behind a parcel."""
    whole = (one for one in lines.values() if not one.is_parent)
    return [one for one in whole if one.left > sent.get(one.id, _ZERO)]
