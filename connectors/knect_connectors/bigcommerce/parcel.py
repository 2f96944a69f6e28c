"""Which pieces of an order a parcel holds, and what of it can be shipped to where. Pure.

Must not: call the store. Whatever cannot be shipped is an error that names the line.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.errors import ConnectorError, Refused, WaitForPerson
from knect_connectors.bigcommerce.marker import is_marked
from knect_connectors.bigcommerce.payload import Node
from knect_connectors.bigcommerce.statuses import CANCELLED, DECLINED

__all__ = ["Made", "Ordered", "allot", "made_by_hand", "pieces_of", "read_order"]


class Line(Struct, frozen=True, kw_only=True):
    """One line that can be shipped, to one address."""

    id: str
    sku: str
    name: str
    address: str
    ordered: int
    shipped: int
    refunded: int

    @property
    def left(self) -> int:
        """What is still to be shipped: what came back may have been shipped before, or not."""
        return max(0, min(self.ordered - self.shipped, self.ordered - self.refunded))


class Made(Struct, frozen=True, kw_only=True):
    """A parcel the store has; `lines` are pieces by the order's line."""

    id: str
    number: str
    comments: str
    lines: Mapping[str, int]
    row: Mapping[str, Any]


class Ordered(Struct, frozen=True, kw_only=True):
    """An order as a shipper sees it."""

    id: str
    status: int
    lines: Mapping[str, Line]
    made: Sequence[Made]

    def ours(self, external_id: str) -> list[Made]:
        """Return the parcels that carry our mark."""
        return [one for one in self.made if is_marked(one.comments, external_id)]


def read_order(
    raw: Mapping[str, Any], products: Sequence[Any], shipments: Sequence[Any]
) -> Ordered:
    """Return an order from its row, its lines and its parcels."""
    made = [_made(Node(row)) for row in shipments]
    lines: dict[str, Line] = {}
    for row in products:
        node = Node(row)
        identifier = node["id"].identifier()
        refunded = node.optional("quantity_refunded")
        lines[identifier] = Line(
            id=identifier,
            sku=node.text_at("sku") or "",
            name=node["name"].text(),
            address=node.id_at("order_address_id") or "",
            ordered=node["quantity"].integer(),
            shipped=sum(one.lines.get(identifier, 0) for one in made),
            refunded=refunded.integer() if refunded else 0,
        )
    node = Node(raw)
    return Ordered(
        id=node["id"].identifier(), status=node["status_id"].integer(), lines=lines, made=made
    )


def _made(node: Node) -> Made:
    lines: dict[str, int] = {}
    for item in node["items"].items():
        identifier = item["order_product_id"].identifier()
        lines[identifier] = lines.get(identifier, 0) + item["quantity"].integer()
    return Made(
        id=node["id"].identifier(),
        number=node.text_at("tracking_number") or "",
        comments=node.text_at("comments") or "",
        lines=lines,
        row=node.value,
    )


def pieces_of(order: Ordered, lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return pieces by order line of what the ERP shipped. Raises Refused, WaitForPerson."""
    pieces: dict[str, int] = {}
    for index, line in enumerate(lines):
        quantity = Decimal(str(line["quantity"]))
        if quantity != quantity.to_integral_value() or quantity < 0:
            raise Refused(
                f"{quantity} of line {index + 1} cannot be shipped: the store counts whole pieces;"
                " correct the shipment in the ERP",
                path=f"lines[{index}].quantity",
                value=str(quantity),
            )
        if quantity:
            identifier = _line(order, line, index)
            pieces[identifier] = pieces.get(identifier, 0) + int(quantity)
    return pieces


def _line(order: Ordered, line: Mapping[str, Any], index: int) -> str:
    wanted, sku = str(line.get("line_id") or ""), str(line.get("sku") or "")
    if wanted in order.lines:
        return wanted
    same = [one for one in order.lines.values() if sku and one.sku == sku]
    if len(same) == 1:  # an edit gives all lines other ids
        return same[0].id
    if len(same) > 1:
        raise WaitForPerson(
            f"order {order.id} has {len(same)} lines with SKU {sku!r} and the shipment does not say"
            " which one left; ship it by hand in the store, then skip this one",
            code="AmbiguousMatch",
            path=f"lines[{index}].sku",
            value=sku,
        )
    what = f"line {wanted!r}" if wanted and not sku else f"line with SKU {sku!r}"
    raise Refused(
        f"order {order.id} has no {what}; the shipment holds something the store did not sell:"
        " correct it in the ERP",
        code="UnknownLine",
        path=f"lines[{index}].line_id" if wanted and not sku else f"lines[{index}].sku",
        value=sku or wanted,
    )


def made_by_hand(order: Ordered, pieces: Mapping[str, int], numbers: frozenset[str]) -> list[Made]:
    """Return what somebody shipped by hand of exactly these pieces, for each address they go to.

    Once none of them is left there; with one of the tracking numbers, or none yet.
    """
    by_address: dict[str, dict[str, int]] = {}
    for line, units in pieces.items():
        by_address.setdefault(order.lines[line].address, {})[line] = units
    found = (_by_hand(order, part, numbers) for part in by_address.values())
    return [one for one in found if one is not None]


def _by_hand(order: Ordered, pieces: Mapping[str, int], numbers: frozenset[str]) -> Made | None:
    """Return the newest that fits."""
    if any(order.lines[line].left >= units for line, units in pieces.items()):
        return None
    for one in reversed(order.made):
        fits = not one.number or one.number in numbers
        if fits and not is_marked(one.comments) and dict(one.lines) == dict(pieces):
            return one
    return None


def allot(
    order: Ordered, pieces: Mapping[str, int]
) -> tuple[dict[str, dict[str, int]], str | None]:
    """Return what is to be shipped by address, and what was left out and why.

    Raises Refused for what was never sold, or when nothing is left.
    """
    if order.status in (CANCELLED, DECLINED):
        raise Refused(
            f"order {order.id} was cancelled in the store, but the ERP shipped it: get the parcel"
            " back, or sell it anew",
            code="OrderCancelled",
            path="order_id",
            value=order.id,
        )
    found: dict[str, dict[str, int]] = {}
    missing: list[str] = []
    first: ConnectorError | None = None
    for identifier, units in pieces.items():
        line = order.lines[identifier]
        if not line.address:
            raise Refused(
                f"{line.name} of order {order.id} goes to no address: it is picked up or"
                " downloaded, and there is nothing to ship; correct the shipment in the ERP",
                code="UnknownLine",
                path="lines",
                value=line.sku or identifier,
            )
        if taken := min(units, line.left):
            found.setdefault(line.address, {})[identifier] = taken
        if units > line.left:
            error = _why_not(order, line, units)
            if error.code != "LineCancelled":
                raise error
            first = first or error
            missing.append(f"{units - line.left} x {line.name}")
    if not found and first is not None:
        raise first
    return found, f"without {', '.join(missing)}: refunded in the store" if missing else None


def _why_not(order: Ordered, line: Line, units: int) -> Refused:
    what = f"{line.name} ({line.sku})" if line.sku else line.name
    if units + line.shipped <= line.ordered:
        return Refused(
            f"the shipment holds {units} x {what}, but {units - line.left} of it were refunded in"
            f" the store before order {order.id} was shipped: get them back, or sell them anew",
            code="LineCancelled",
            path="lines",
            value=line.sku or line.id,
        )
    return Refused(
        f"the shipment holds {units} x {what}, but of order {order.id} only {line.left} are left to"
        f" ship ({line.ordered} sold, {line.shipped} shipped); correct the shipment in the ERP",
        code="OverShipment",
        path="lines",
        value=line.sku or line.id,
    )
