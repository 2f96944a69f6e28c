"""Reading stock levels from Tryton: one per product and warehouse.

* on hand: Tryton's own `quantity` of the warehouse (all moves done until today).
* reserved: what is meant to leave: open moves out of the warehouse, and lines of confirmed sales
  Tryton's worker has not made moves for yet; of our web shop's sales also those in draft or
  quotation, which are orders people paid for. So an order is in the figure as soon as its sale is.
* incoming: open moves into the warehouse. available: on hand less reserved.

With `config.stock.horizonDays` an open move counts from that many days before its planned date.
Figures change by a date alone then, and when a done move has an effective date to come; such a
change is listed at the midnight (company's zone) at which it happens.
What somebody deletes in Tryton leaves no trace: with `config.stock.readAllDaily` every level is
listed at each midnight, and is then newer than whatever was told of it before.
`as_of` is the server's clock before the figures were read, but at most a minute after the last
change: they have not changed since, and a level that is read again is the same version.
Must not: say what may be sold; that is a formula a pipeline declares.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from knect.model import InventoryLevel
from knect.sdk.errors import Fatal
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.gathered import GatheredReader, Reading, name_of, owner_of
from knect_connectors.tryton.marks import (
    GOODS,
    Dated,
    Mark,
    Owners,
    changed,
    every_product,
    later,
    midnight,
    midnights,
)
from knect_connectors.tryton.rows import by_id, token_of, value_at
from knect_connectors.tryton.twins import mark_twins, refuse_twins

__all__ = ["INVENTORY"]

_OPEN = ["state", "in", ["draft", "assigned"]]
_MARKS = (
    GOODS,
    Mark(model="stock.move", owner="product", domain=(["product", "!=", None],)),
    # a sale that is confirmed, cancelled or processed: moves that are deleted leave no trace,
    # and so that a line does, `lines` lets one of nothing stand
    Mark(
        model="sale.line",
        owner="product",
        at=("sale.last_modified_at", "last_modified_at"),
        domain=(["type", "=", "line"], ["product", "!=", None]),
    ),
)
_FRESH = timedelta(seconds=60)
_FIELDS = ("code", "type", "consumable", "default_uom.symbol", "default_uom.factor")
_LOADED = 1_000
_NOWHERE: frozenset[int] = frozenset()

#: product and warehouse -> how much of it, in the product's own unit
Pieces = dict[tuple[int, int], Decimal]


async def _changes(
    reading: Reading, since: datetime, until: datetime, owners: Sequence[int] | None = None
) -> Owners:
    client = reading.client
    found = await changed(client, _MARKS, since, until, owners)
    done = ["state", "=", "done"]
    days = [Dated(model="stock.move", owner="product", days={"effective_date": 0}, domain=(done,))]
    horizon = client.config.stock.horizonDays
    if horizon is not None:
        planned = {"planned_date": -horizon}
        days.append(Dated(model="stock.move", owner="product", days=planned, domain=(_OPEN,)))
    for dated in days:
        async for product, at in dated.within(client, since, until, owners):
            later(found, [(product, at)])
    if client.config.stock.readAllDaily and (day := await _day_begun(client, since, until)):
        ids = owners if owners is not None else await every_product(client, ["type", "=", "goods"])
        later(found, ((product, day) for product in ids))
    return found


async def _day_begun(client: TrytonClient, since: datetime, until: datetime) -> datetime | None:
    """Return the last midnight in the window, if there is one."""
    zone = (await client.facts()).zone
    first, last = midnights(since, until, zone)
    return midnight(last, zone) if first <= last else None


class _Places(Struct, frozen=True, kw_only=True):
    """The warehouses whose stock is read, id by code (or name), and those each location is in."""

    warehouses: Mapping[str, int]
    around: Mapping[int, frozenset[int]]


async def _places(client: TrytonClient) -> _Places:
    fields = ("code", "name", "type", "active", "parent")
    rows = {row["id"]: row async for row in by_id(client, "stock.location", [], fields)}
    known = {
        row["code"] or row["name"]: row["id"]
        for row in rows.values()
        if row["type"] == "warehouse" and row["active"]
    }
    wanted = client.config.stock.warehouses
    for name in wanted:
        if name not in known:
            raise Fatal(
                f"Tryton has no active warehouse with code or name {name!r};"
                " correct config.stock.warehouses",
                path="config.stock.warehouses",
                value=name,
            )
    warehouses = {name: known[name] for name in wanted or known}
    around = {one: _around(one, rows).intersection(warehouses.values()) for one in rows}
    return _Places(warehouses=warehouses, around=around)


def _around(location: int, rows: Mapping[int, Mapping[str, Any]]) -> frozenset[int]:
    """Return a location and all that it is in."""
    found: set[int] = set()
    one: int | None = location
    while one is not None and one not in found:
        found.add(one)
        one = rows[one]["parent"] if one in rows else None
    return frozenset(found)


async def _keys(reading: Reading) -> Sequence[str]:
    return list((await reading.once(_places)).warehouses)


async def _load(reading: Reading, names: Mapping[str, datetime]) -> Mapping[str, dict[str, Any]]:
    client = reading.client
    as_of = await client.server_time()
    products = sorted({owner for one in names if (owner := owner_of(one)) is not None})
    places = await reading.once(_places)
    out, into = await _moves(client, products, places, await _last_day(client, as_of))
    promised = await _unprocessed(client, products, places)
    loaded: dict[str, dict[str, Any]] = {}
    for code, warehouse in places.warehouses.items():
        rows = await client.search_read(
            "product.product",
            [["id", "in", products]],
            [*_FIELDS, "quantity"],
            context={"active_test": False, "locations": [warehouse], "with_childs": True},
        )
        for row in rows:
            name, where = name_of(row["id"], code), (row["id"], warehouse)
            if name in names:
                at = names[name]
                loaded[name] = {
                    **row,
                    "location": code,
                    "reserved": out[where] + promised[where],
                    "incoming": into[where],
                    "last_modified_at": token_of(at),
                    "as_of": min(as_of, at + _FRESH),
                }
    await mark_twins(client, loaded.values())
    return loaded


async def _moves(
    client: TrytonClient, products: Sequence[int], places: _Places, limit: date | None
) -> tuple[Pieces, Pieces]:
    """Return what open moves take out of warehouses and bring into them, as far as it counts."""
    ways: list[Any] = []
    for warehouse in places.warehouses.values():
        inside, outside = (
            [operator, [warehouse], "parent"] for operator in ("child_of", "not child_of")
        )
        ways.append([["from_location", *inside], ["to_location", *outside]])
        ways.append([["from_location", *outside], ["to_location", *inside]])
    when = ["OR", ["planned_date", "=", None], ["planned_date", "<=", limit]] if limit else []
    domain = [["product", "in", products], ["OR", *ways], _OPEN, when]
    fields = ("product", "internal_quantity", "from_location", "to_location")
    out: Pieces = defaultdict(Decimal)
    into: Pieces = defaultdict(Decimal)
    async for row in by_id(client, "stock.move", domain, fields):
        # a location that is newer than this window: its moves are of the next one
        source, target = (
            places.around.get(row[f"{end}_location"], _NOWHERE) for end in ("from", "to")
        )
        for pieces, warehouses in ((out, source - target), (into, target - source)):
            for warehouse in warehouses:
                pieces[row["product"], warehouse] += row["internal_quantity"]
    return out, into


async def _last_day(client: TrytonClient, as_of: datetime) -> date | None:
    horizon = client.config.stock.horizonDays
    if horizon is None:
        return None
    zone = ZoneInfo((await client.facts()).zone)
    return as_of.astimezone(zone).date() + timedelta(days=horizon)


async def _unprocessed(client: TrytonClient, products: Sequence[int], places: _Places) -> Pieces:
    """Return what sales without moves will take: Tryton makes them when it processes a sale."""
    shop = (await client.facts()).shop
    ours = [["sale.state", "in", ["draft", "quotation"]], ["sale.web_shop", "=", shop]]
    domain = [
        ["product", "in", products],
        ["type", "=", "line"],
        ["sale.warehouse", "in", list(places.warehouses.values())],
        ["OR", [["sale.state", "=", "confirmed"]], ours],
        ["quantity", ">", 0],  # a sale that takes back reserves nothing
    ]
    fields = ("quantity", "unit.factor", "product", "product.default_uom.factor", "sale.warehouse")
    found: Pieces = defaultdict(Decimal)
    async for row in by_id(client, "sale.line", domain, fields):
        found[row["product"], value_at(row, "sale.warehouse")] += _in_default_unit(row)
    return found


def _in_default_unit(row: Mapping[str, Any]) -> Decimal:
    """Return a line's quantity in the product's own unit: a case of 12 is twelve pieces."""
    own = Decimal(value_at(row, "product.default_uom.factor"))
    return Decimal(row["quantity"]) * Decimal(value_at(row, "unit.factor")) / own


def _level(raw: dict[str, Any]) -> InventoryLevel:
    refuse_twins(raw)
    on_hand = Decimal(raw["quantity"] or 0)
    reserved = Decimal(raw["reserved"])
    service = raw["type"] == "service"
    return InventoryLevel(
        source_id=name_of(raw["id"], raw["location"]),
        sku=raw["code"] or "",
        location=raw["location"],
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand - reserved,
        incoming=Decimal(raw["incoming"]),
        unit=value_at(raw, "default_uom.symbol"),
        tracked=not service and not raw["consumable"],
        kind="service" if service else "goods",
        as_of=datetime.fromisoformat(raw["as_of"]),
    )


INVENTORY = GatheredReader(changes=_changes, keys=_keys, load=_load, record=_level, at_once=_LOADED)
