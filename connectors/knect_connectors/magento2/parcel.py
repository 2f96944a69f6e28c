"""Which pieces of an order a parcel holds, and what of it can be shipped. Pure.

Magento ships units: an item by itself; of a configurable product the item with the money; of a
bundle its parts, or the bundle as a whole, as its product says. A parcel of the ERP names lines of
the order, which may be any of those.
Must not: call the shop. Whatever cannot be shipped is an error that names the line.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.errors import ConnectorError, MissingReference, NotForThere, Refused, WaitForPerson
from knect_connectors.magento2.payload import Node, tidy_quantity

__all__ = ["Ordered", "allot", "bundles_of", "made_by_hand", "pieces_of", "read_order", "units_in"]

_ZERO = Decimal(0)
_LATER = {"holded": "on hold", "payment_review": "in payment review"}
_BUNDLE = "bundle"


class Unit(Struct, frozen=True, kw_only=True):
    """One item that is shipped by itself."""

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


class Share(Struct, frozen=True, kw_only=True):
    """What one piece of an item is in a unit: of a part that leaves with its bundle, a share."""

    unit: str
    pieces: Decimal


class Ordered(Struct, frozen=True, kw_only=True):
    """An order as far as shipping goes.

    `shares`: every item that can be shipped, itself or within another; `parts`: bundle that leaves
    in parts -> its parts and how many make one; `together`: bundle that leaves as a whole -> its
    parts; `idle`: items that are not sent at all.
    """

    id: str
    number: str
    state: str
    units: Mapping[str, Unit]
    shares: Mapping[str, Share]
    parts: Mapping[str, Mapping[str, Decimal]]
    together: Mapping[str, frozenset[str]]
    skus: Mapping[str, str]
    idle: frozenset[str]


def bundles_of(raw: Mapping[str, Any]) -> list[str]:
    """Return the product ids of an order's bundles: those products say how they leave."""
    return [
        str(one["product_id"])
        for one in raw.get("items") or ()
        if one.get("product_type") == _BUNDLE and one.get("product_id")
    ]


def read_order(raw: Mapping[str, Any], whole: frozenset[str]) -> Ordered:
    """Return an order as the shop tells it; `whole`: products that leave as a whole."""
    items = {str(one["item_id"]): one for one in raw.get("items") or () if isinstance(one, dict)}
    children: dict[str, list[str]] = {}
    for identifier, item in items.items():
        if (parent := str(item.get("parent_item_id") or "")) in items:
            children.setdefault(parent, []).append(identifier)
    units: dict[str, Unit] = {}
    shares: dict[str, Share] = {}
    parts: dict[str, dict[str, Decimal]] = {}
    together: dict[str, frozenset[str]] = {}
    idle = {one for one, item in items.items() if Node(item).get("is_virtual").flag()}
    for identifier, item in items.items():
        if str(item.get("parent_item_id") or "") in items or identifier in idle:
            continue
        own = [one for one in children.get(identifier, ()) if one not in idle]
        per = {one: _per(items[one], item) for one in own}
        if item.get("product_type") == _BUNDLE and str(item.get("product_id")) not in whole:
            parts[identifier] = per
            units |= {one: _unit(one, items[one]) for one in own}
            shares |= {one: Share(unit=one, pieces=Decimal(1)) for one in own}
            continue
        units[identifier] = _unit(identifier, item)
        shares[identifier] = Share(unit=identifier, pieces=Decimal(1))
        shares |= {one: Share(unit=identifier, pieces=1 / per[one]) for one in own}
        if item.get("product_type") == _BUNDLE:
            together[identifier] = frozenset(own)
    return Ordered(
        id=str(raw["entity_id"]),
        number=str(raw["increment_id"]),
        state=str(raw.get("state") or ""),
        units=units,
        shares=shares,
        parts=parts,
        together=together,
        skus={one: _sku(one, items, children) for one in items},
        idle=frozenset(idle),
    )


def _per(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Decimal:
    return Node(part)["qty_ordered"].number() / Node(whole)["qty_ordered"].number()


def _sku(identifier: str, items: Mapping[str, Any], children: Mapping[str, Sequence[str]]) -> str:
    """Return the SKU of an item; of a configurable product that of what was chosen."""
    own = children.get(identifier, [])
    is_pair = len(own) == 1 and items[identifier].get("product_type") != _BUNDLE
    return str(items[own[0] if is_pair else identifier].get("sku") or "")


def _unit(identifier: str, item: Mapping[str, Any]) -> Unit:
    node = Node(item)
    gone = node.get("qty_canceled").number_or_zero() + node.get("qty_refunded").number_or_zero()
    return Unit(
        id=identifier,
        sku=str(item.get("sku") or ""),
        name=str(item.get("name") or item.get("sku") or identifier),
        ordered=tidy_quantity(node["qty_ordered"].number()),
        shipped=tidy_quantity(node.get("qty_shipped").number_or_zero()),
        gone=tidy_quantity(gone),
    )


def units_in(document: Mapping[str, Any], order: Ordered) -> dict[str, Decimal]:
    """Return the units of a shipment the shop has."""
    return {
        identifier: tidy_quantity(Node(item).get("qty").number_or_zero())
        for item in document.get("items") or ()
        if (identifier := str(item.get("order_item_id"))) in order.units
    }


# ---------------------------------------------------------------- what a parcel holds


def pieces_of(order: Ordered, lines: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Return pieces by unit of what the ERP shipped.

    Raises Refused, WaitForPerson, and NotForThere for a parcel of what is not sent at all.
    """
    named: dict[str, Decimal] = {}
    for index, line in enumerate(lines):
        quantity = tidy_quantity(Decimal(str(line["quantity"])))
        if quantity < 0:
            raise Refused(
                f"{quantity} of line {index + 1} cannot be shipped; correct it in the ERP",
                path=f"lines[{index}].quantity",
                value=str(quantity),
            )
        if quantity:
            identifier = _item(order, line, index)
            named[identifier] = named.get(identifier, _ZERO) + quantity
    for bundle, parts in order.parts.items():
        units = named.pop(bundle, None)
        if units is not None and not named.keys() & parts.keys():
            named |= {one: tidy_quantity(units * per) for one, per in parts.items()}
    named = {one: units for one, units in named.items() if one not in order.idle}
    if not named:
        raise NotForThere(
            f"nothing of the parcel is shipped in the shop: of order {order.number} it holds only"
            " what needs no shipping",
            code="NotTracked",
        )
    return _by_unit(order, named)


def _by_unit(order: Ordered, named: Mapping[str, Decimal]) -> dict[str, Decimal]:
    claims: dict[str, dict[str, Decimal]] = {}
    for identifier, units in named.items():
        share = order.shares[identifier]
        claims.setdefault(share.unit, {})[identifier] = tidy_quantity(units * share.pieces)
    for unit, of in claims.items():
        parts = order.together.get(unit)
        if parts is None:
            continue
        is_whole = unit in of or parts <= of.keys()
        is_even = len(set(of.values())) == 1 and not any(units % 1 for units in of.values())
        if not (is_whole and is_even):
            name = order.units[unit].name
            raise Refused(
                f"the shop ships {name} as a whole, but the parcel holds only some of its parts;"
                " ship it by hand in the shop, then skip this one, or let its product ship"
                " separately",
                code="BundleIsWhole",
                path="lines",
                value=order.units[unit].sku,
            )
    return {unit: max(of.values()) for unit, of in claims.items()}


def _item(order: Ordered, line: Mapping[str, Any], index: int) -> str:
    wanted, sku = str(line.get("line_id") or ""), str(line.get("sku") or "")
    if wanted in order.skus:
        return wanted
    tops = [*order.units, *order.idle, *(p for of in order.together.values() for p in of)]
    same = [one for one in dict.fromkeys(tops) if sku and order.skus[one] == sku]
    if len(same) == 1:  # the id may be that of a line an edit has replaced
        return same[0]
    if len(same) > 1:
        raise WaitForPerson(
            f"order {order.number} has {len(same)} lines with SKU {sku!r} and the shipment does not"
            " say which one left; ship it by hand in the shop, then skip this one",
            code="AmbiguousMatch",
            path=f"lines[{index}].sku",
            value=sku,
        )
    by_id = bool(wanted) and not sku
    what = f"line {wanted!r}" if by_id else f"line with SKU {sku!r}"
    raise Refused(
        f"order {order.number} has no {what}; the shipment holds something the shop did not sell:"
        " correct it in the ERP",
        code="UnknownLine",
        path=f"lines[{index}].{'line_id' if by_id else 'sku'}",
        value=sku or wanted,
    )


# ---------------------------------------------------------------- what can be shipped


def made_by_hand(
    order: Ordered,
    made: Sequence[Mapping[str, Any]],
    pieces: Mapping[str, Decimal],
    numbers: frozenset[str],
) -> Mapping[str, Any] | None:
    """Return what somebody shipped by hand of exactly these pieces, once none of them is left.

    With the same tracking numbers, or none yet; the newest, if there are several.
    """
    if any(order.units[unit].left >= units for unit, units in pieces.items()):
        return None
    for one in sorted(made, key=lambda row: int(row["entity_id"]), reverse=True):
        tracks = frozenset(str(track.get("track_number")) for track in one.get("tracks") or ())
        if (not tracks or tracks == numbers) and units_in(one, order) == dict(pieces):
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
        unit = order.units[identifier]
        if unit.left:
            found[identifier] = min(units, unit.left)
        if units > unit.left:
            error = _why_not(order, unit, units)
            if error.code != "LineCancelled":
                raise error
            first = first or error
            missing.append(f"{units - unit.left:f} x {unit.name}")
    if not found and first is not None:
        raise first
    remark = f"without {', '.join(missing)}: cancelled in the shop" if missing else None
    return found, remark


def _why_not(order: Ordered, unit: Unit, units: Decimal) -> Refused:
    what = f"{unit.name} ({unit.sku})"
    if units + unit.shipped <= unit.ordered:
        return Refused(
            f"the shipment holds {units:f} x {what}, but {units - unit.left:f} of it were cancelled"
            f" or refunded in the shop before order {order.number} was shipped: get them back, or"
            " sell them anew",
            code="LineCancelled",
            path="lines",
            value=unit.sku,
        )
    return Refused(
        f"the shipment holds {units:f} x {what}, but of order {order.number} only {unit.left:f} are"
        f" left to ship ({unit.ordered:f} sold, {unit.shipped:f} shipped); correct the shipment in"
        " the ERP",
        code="OverShipment",
        path="lines",
        value=unit.sku,
    )
