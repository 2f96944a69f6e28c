"""Reading shipments of our web shop's sales: one record per parcel, else per shipment.

A parcel (module stock_package_shipping) carries its own tracking number, so it is a record of its
own: `12/34` is parcel 34 of shipment 12. A shipment without parcels is `12`.
Must not: tell of what has not left the house, or of sales that are not the shop's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Shipment, ShipmentLine, Tracking
from knect.sdk.contract import Window
from knect.sdk.errors import BadRecord
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.composed import ComposedReader, Loaded, changed_ids
from knect_connectors.tryton.web_lines import web_line_of

__all__ = ["SHIPMENTS"]

_OUT = "stock.shipment.out"
_LEFT = ("shipped", "done", "cancelled")
_SHIPMENT = (
    *("number", "state", "last_modified_at", "warehouse.name", "carrier.party.name"),
    *("shipping_reference", "effective_date"),
)
_PACKAGE = (
    *("number", "shipment", "parent", "last_modified_at", "shipping_reference"),
    "shipping_tracking_url",
)
_MOVE = ("shipment", "origin", "quantity", "package", "product.code")
_LINE = ("sale", "note")
_SALE = ("number", "reference", "web_shop", "web_id")

_Rows = list[dict[str, Any]]


async def _touched(client: TrytonClient, window: Window) -> Iterable[str]:
    left = [["state", "in", list(_LEFT)]]
    ids = await changed_ids(client, _OUT, window, left, "id")
    packages = [["shipment.state", "in", list(_LEFT), _OUT]]
    ids |= {
        _number(one)
        for one in await changed_ids(client, "stock.package", window, packages, "shipment")
    }
    roots = await _packages(client, sorted(ids))
    return [one for shipment in sorted(ids) for one in _records(shipment, roots[shipment])]


async def _load(client: TrytonClient, ids: Sequence[str]) -> Mapping[str, Loaded]:
    shipments = await client.read(
        _OUT, sorted({int(one.partition("/")[0]) for one in ids}), _SHIPMENT
    )
    packages = await _packages(client, list(shipments))
    moves = await _moves(client, list(shipments))
    lines, sales = await _origins(client, moves)
    found: dict[str, Loaded] = {}
    for identifier in ids:
        number, _, part = identifier.partition("/")
        shipment = shipments.get(int(number))
        if shipment is None or shipment["state"] not in _LEFT:
            continue
        inside = packages[int(number)]
        parcel = next((one for one in inside if str(one["id"]) == part), None)
        if part and parcel is None:
            continue
        all_moves = [one for one in moves if _number(one["shipment"]) == int(number)]
        # A cancelled shipment's goods are in no parcel any more; the order is still known by them.
        named = {
            lines[line]["sale"] for one in all_moves if (line := _number(one["origin"])) in lines
        }
        orders = [sales[sale] for sale in sorted(named) if sale in sales]
        if not orders:
            continue
        boxes = _inside(parcel, inside)
        raw = {
            **{name: shipment[name] for name in ("id", "number", "state", "effective_date")},
            "warehouse": (shipment["warehouse."] or {}).get("name"),
            "carrier": _carrier(shipment),
            "tracking": (parcel or shipment)["shipping_reference"],
            "url": (parcel or {}).get("shipping_tracking_url"),
            "parcel": parcel["number"] if parcel else None,
            "orders": orders,
            "lines": [
                {
                    "line": web_line_of(lines[line]["note"]),
                    "sku": one["product."]["code"],
                    "quantity": one["quantity"],
                }
                for one in all_moves
                if (line := _number(one["origin"])) in lines
                and (parcel is None or one["package"] in boxes)
            ],
            "record": identifier,
        }
        times = [shipment["last_modified_at"]]
        times += [box["last_modified_at"] for box in inside if box["id"] in boxes]
        raw["changed"] = max(times)
        found[identifier] = Loaded(at=max(times), raw=raw)
    return found


def _record(raw: dict[str, Any]) -> Shipment:
    orders = raw["orders"]
    if len(orders) > 1:
        names = " and ".join(str(one["number"] or one["id"]) for one in orders)
        raise BadRecord(
            f"shipment {raw['number']} holds goods of sales {names}; the shop cannot be told of a"
            " parcel of two orders: pack them apart, or ship them there by hand",
            path="orders",
            value=names,
        )
    tracking = raw["tracking"]
    cancelled = raw["state"] == "cancelled"
    return Shipment(
        source_id=raw["record"],
        order_id=str(orders[0]["id"]),
        order_number=orders[0]["reference"] or orders[0]["number"],
        location=raw["warehouse"],
        lines=tuple(
            ShipmentLine(line_id=one["line"], sku=one["sku"], quantity=one["quantity"])
            for one in raw["lines"]
        ),
        trackings=(Tracking(number=tracking, carrier=raw["carrier"], url=raw["url"]),)
        if tracking
        else (),
        status="cancelled" if cancelled else "shipped",
        updated_at=datetime.fromisoformat(raw["changed"]),
    )


def _carrier(shipment: Mapping[str, Any]) -> str | None:
    party = (shipment.get("carrier.") or {}).get("party.") or {}
    name: str | None = party.get("name")
    return name


def _records(shipment: int, packages: _Rows) -> list[str]:
    roots = [one for one in packages if one["parent"] is None]
    return [f"{shipment}/{one['id']}" for one in roots] or [str(shipment)]


def _inside(parcel: Mapping[str, Any] | None, packages: _Rows) -> set[int]:
    """Return the ids of a parcel and of the boxes in it."""
    boxes = {parcel["id"]} if parcel else set()
    grown = -1
    while grown != len(boxes):
        grown = len(boxes)
        boxes |= {one["id"] for one in packages if one["parent"] in boxes}
    return boxes


async def _packages(client: TrytonClient, shipments: Sequence[int]) -> dict[int, _Rows]:
    found: dict[int, _Rows] = defaultdict(list)
    if shipments:
        wanted = [["shipment", "in", [f"{_OUT},{one}" for one in shipments]]]
        order = [["id", "ASC"]]
        for row in await client.search_read("stock.package", wanted, _PACKAGE, order=order):
            found[_number(row["shipment"])].append(row)
    return found


async def _moves(client: TrytonClient, shipments: Sequence[int]) -> _Rows:
    wanted = [
        ["shipment", "in", [f"{_OUT},{one}" for one in shipments]],
        ["origin.id", ">", 0, "sale.line"],
        ["quantity", "!=", 0],
    ]
    order = [["id", "ASC"]]
    return await client.search_read("stock.move", wanted, _MOVE, order=order) if shipments else []


async def _origins(
    client: TrytonClient, moves: _Rows
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """Return the sale lines moves come from, and the sales among theirs that are the shop's."""
    facts = await client.facts()
    lines = await client.read("sale.line", sorted({_number(x["origin"]) for x in moves}), _LINE)
    sales = await client.read("sale.sale", sorted({x["sale"] for x in lines.values()}), _SALE)
    ours = {
        number: {name: sale[name] for name in ("id", "number", "reference")}
        for number, sale in sales.items()
        if sale["web_shop"] == facts.shop and sale["web_id"]
    }
    return lines, ours


def _number(reference: Any) -> int:
    """Return the id of a reference such as `sale.line,7`."""
    return int(str(reference).rpartition(",")[2])


SHIPMENTS = ComposedReader(touched=_touched, load=_load, record=_record)
