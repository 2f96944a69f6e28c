"""Which pieces of an order a parcel holds, and what of it can be shipped. Pure.

Must not: call the shop. Whatever cannot be shipped is an error that names the line.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.errors import ConnectorError, MissingReference, Refused, WaitForPerson
from knect_connectors.magento1.lines import own_lines, tidy_quantity
from knect_connectors.magento1.payload import Node

__all__ = ["Made", "Ordered", "allot", "made_by_hand", "pieces_of", "read_made", "read_order"]

_ZERO = Decimal(0)
_LATER = {"holded": "on hold", "payment_review": "in payment review"}


class Line(Struct, frozen=True, kw_only=True):
    """One line that can be shipped."""

    id: str
    sku: str
    name: str
    ordered: Decimal
    shipped: Decimal
    gone: Decimal  # cancelled or refunded

    @property
    def left(self) -> Decimal:
        """Return how many are left to ship."""
        return max(_ZERO, self.ordered - self.shipped - self.gone)


class Ordered(Struct, frozen=True, kw_only=True):
    """An order as far as shipping goes. `names` maps every item to the line it is part of."""

    id: str
    number: str
    state: str
    lines: Mapping[str, Line]
    names: Mapping[str, str]

    @property
    def has_shipments(self) -> bool:
        """Tell whether anything of it was shipped."""
        return any(line.shipped for line in self.lines.values())


class Made(Struct, frozen=True, kw_only=True):
    """A shipment the shop has."""

    number: str
    lines: Mapping[str, Decimal]
    tracks: Mapping[str, str]  # number -> its id
    comments: tuple[str, ...]
    told: bool


def read_order(raw: Mapping[str, Any]) -> Ordered:
    """Return an order from what `sales_order.info` tells."""
    items = [one for one in raw.get("items") or () if isinstance(one, dict)]
    names = own_lines(items)
    bundles = {str(one["item_id"]) for one in items if one.get("product_type") == "bundle"}
    lines = {}
    for item in items:
        identifier = str(item["item_id"])
        if names[identifier] != identifier or identifier in bundles:
            continue
        node = Node(item)
        lines[identifier] = Line(
            id=identifier,
            sku=str(item.get("sku") or ""),
            name=str(item.get("name") or item.get("sku") or identifier),
            ordered=tidy_quantity(node["qty_ordered"].number()),
            shipped=tidy_quantity(node.get("qty_shipped").number_or_zero()),
            gone=tidy_quantity(
                node.get("qty_canceled").number_or_zero()
                + node.get("qty_refunded").number_or_zero()
            ),
        )
    return Ordered(
        id=str(raw["order_id"]),
        number=str(raw["increment_id"]),
        state=str(raw.get("state") or ""),
        lines=lines,
        names=names,
    )


def read_made(raw: Mapping[str, Any], order: Ordered) -> Made:
    """Return a shipment from what `sales_order_shipment.info` tells."""
    lines: dict[str, Decimal] = {}
    for item in raw.get("items") or ():
        identifier = str(item.get("order_item_id"))
        if identifier in order.lines:
            lines[identifier] = tidy_quantity(Node(item).get("qty").number_or_zero())
    return Made(
        number=str(raw["increment_id"]),
        lines=lines,
        tracks={
            str(one.get("number")): str(one.get("track_id")) for one in raw.get("tracks") or ()
        },
        comments=tuple(str(one.get("comment") or "") for one in raw.get("comments") or ()),
        told=str(raw.get("email_sent") or "0") not in ("0", "false", ""),
    )


def pieces_of(order: Ordered, lines: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Return pieces by order line of what the ERP shipped. Raises Refused, WaitForPerson."""
    pieces: dict[str, Decimal] = {}
    for index, line in enumerate(lines):
        quantity = tidy_quantity(Decimal(str(line["quantity"])))
        if quantity < 0:
            raise Refused(
                f"{quantity} of line {index + 1} cannot be shipped; correct it in the ERP",
                path=f"lines[{index}].quantity",
                value=str(quantity),
            )
        if quantity:
            identifier = _line(order, line, index)
            pieces[identifier] = pieces.get(identifier, _ZERO) + quantity
    return pieces


def _line(order: Ordered, line: Mapping[str, Any], index: int) -> str:
    wanted, sku = str(line.get("line_id") or ""), str(line.get("sku") or "")
    named = order.names.get(wanted)
    if named in order.lines:
        return str(named)
    same = [one for one in order.lines.values() if sku and one.sku == sku]
    if len(same) == 1:  # the id may be that of a line an edit has replaced
        return same[0].id
    if len(same) > 1:
        raise WaitForPerson(
            f"order {order.number} has {len(same)} lines with SKU {sku!r} and the shipment does not"
            " say which one left; ship it by hand in the shop, then skip this one",
            code="AmbiguousMatch",
            path=f"lines[{index}].sku",
            value=sku,
        )
    what = f"line {wanted!r}" if wanted and not sku else f"line with SKU {sku!r}"
    raise Refused(
        f"order {order.number} has no {what}; the shipment holds something the shop did not sell:"
        " correct it in the ERP",
        code="UnknownLine",
        path=f"lines[{index}].line_id" if wanted and not sku else f"lines[{index}].sku",
        value=sku or wanted,
    )


def made_by_hand(
    order: Ordered, made: Sequence[Made], pieces: Mapping[str, Decimal], numbers: frozenset[str]
) -> Made | None:
    """Return what somebody shipped by hand of exactly these pieces, once none of them is left.

    With the same tracking numbers, or none yet; the newest, if there are several.
    """
    if any(order.lines[line].left >= units for line, units in pieces.items()):
        return None
    for one in reversed(made):
        fits = not one.tracks or frozenset(one.tracks) == numbers
        if fits and dict(one.lines) == dict(pieces):
            return one
    return None


def allot(order: Ordered, pieces: Mapping[str, Decimal]) -> tuple[dict[str, Decimal], str | None]:
    """Return what is to be shipped, and what was left out and why.

    Raises Refused for what was never sold or when nothing is left, MissingReference while the
    order is held.
    """
    if order.state == "canceled":
        raise Refused(
            f"order {order.number} was cancelled in the shop, but the ERP shipped it: get the"
            " parcel back, or sell it anew",
            code="OrderCancelled",
            path="order_id",
            value=order.number,
        )
    if order.state in _LATER:
        raise MissingReference(
            f"order {order.number} is {_LATER[order.state]} in the shop; the shipment is sent when"
            " that ends",
            kind="fulfillment",
            value=order.number,
            path="order_id",
        )
    found: dict[str, Decimal] = {}
    missing: list[str] = []
    first: ConnectorError | None = None
    for identifier, units in pieces.items():
        line = order.lines[identifier]
        if line.left:
            found[identifier] = min(units, line.left)
        if units > line.left:
            error = _why_not(order, line, units)
            if error.code != "LineCancelled":
                raise error
            first = first or error
            missing.append(f"{units - line.left:f} x {line.name}")
    if not found and first is not None:
        raise first
    remark = f"without {', '.join(missing)}: cancelled in the shop" if missing else None
    return found, remark


def _why_not(order: Ordered, line: Line, units: Decimal) -> Refused:
    what = f"{line.name} ({line.sku})"
    if units + line.shipped <= line.ordered:
        return Refused(
            f"the shipment holds {units:f} x {what}, but {units - line.left:f} of it were cancelled"
            f" or refunded in the shop before order {order.number} was shipped: get them back, or"
            " sell them anew",
            code="LineCancelled",
            path="lines",
            value=line.sku,
        )
    return Refused(
        f"the shipment holds {units:f} x {what}, but of order {order.number} only {line.left:f} are"
        f" left to ship ({line.ordered:f} sold, {line.shipped:f} shipped); correct the shipment in"
        " the ERP",
        code="OverShipment",
        path="lines",
        value=line.sku,
    )
