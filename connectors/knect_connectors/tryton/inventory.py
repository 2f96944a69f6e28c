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
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

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
from knect_connectors.tryton.rows import token_of, value_at
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
_PAGE = 5_000
_LOADED = 1_000

#: product -> how much of it, in its own unit
Pieces = dict[int, Decimal]


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


async def _warehouses(client: TrytonClient) -> dict[str, int]:
    """Return code (or name) -> id of the warehouses whose stock is read."""
    rows = await client.search_read(
        "stock.location", [["type", "=", "warehouse"]], ["code", "name"], order=[["id", "ASC"]]
    )
    known = {row["code"] or row["name"]: row["id"] for row in rows}
    wanted = client.config.stock.warehouses
    for name in wanted:
        if name not in known:
            raise Fatal(
                f"Tryton has no active warehouse with code or name {name!r};"
                " correct config.stock.warehouses",
                path="config.stock.warehouses",
                value=name,
            )
    return {name: known[name] for name in wanted or known}


async def _keys(reading: Reading) -> Sequence[str]:
    return list(await reading.once(_warehouses))


async def _load(reading: Reading, names: Mapping[str, datetime]) -> Mapping[str, dict[str, Any]]:
    client = reading.client
    as_of = await client.server_time()
    products = sorted({owner for one in names if (owner := owner_of(one)) is not None})
    limit = await _last_day(client, as_of)
    warehouses = await reading.once(_warehouses)
    promised = await _unprocessed(client, products, list(warehouses.values()))
    loaded: dict[str, dict[str, Any]] = {}
    for code, warehouse in warehouses.items():
        out, into = await _moves(client, products, warehouse, limit)
        rows = await client.search_read(
            "product.product",
            [["id", "in", products]],
            [*_FIELDS, "quantity"],
            context={"active_test": False, "locations": [warehouse], "with_childs": True},
        )
        for row in rows:
            name = name_of(row["id"], code)
            if name in names:
                at = names[name]
                loaded[name] = {
                    **row,
                    "location": code,
                    "reserved": out[row["id"]] + promised[warehouse][row["id"]],
                    "incoming": into[row["id"]],
                    "last_modified_at": token_of(at),
                    "as_of": min(as_of, at + _FRESH),
                }
    await mark_twins(client, loaded.values())
    return loaded


async def _moves(
    client: TrytonClient, products: Sequence[int], warehouse: int, limit: date | None
) -> tuple[Pieces, Pieces]:
    """Return what open moves take out of a warehouse and bring into it, as far as it counts."""
    inside = ["child_of", [warehouse], "parent"]
    outside = ["not child_of", [warehouse], "parent"]
    when = ["OR", ["planned_date", "=", None], ["planned_date", "<=", limit]] if limit else []
    sums: list[Pieces] = []
    for source, target in ((inside, outside), (outside, inside)):
        found: Pieces = defaultdict(Decimal)
        domain = [["from_location", *source], ["to_location", *target], _OPEN, when]
        async for row in _by_product(client, "stock.move", products, domain, "internal_quantity"):
            found[row["product"]] += row["internal_quantity"]
        sums.append(found)
    return sums[0], sums[1]


async def _by_product(
    client: TrytonClient,
    model: str,
    products: Sequence[int],
    domain: Sequence[Any],
    *fields: str,
) -> AsyncIterator[dict[str, Any]]:
    """Yield rows of these products, page by page."""
    last_id = -1
    while True:
        rows = await client.search_read(
            model,
            [["product", "in", list(products)], ["id", ">", last_id], *domain],
            ["id", "product", *fields],
            limit=_PAGE,
            order=[["id", "ASC"]],
        )
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        last_id = rows[-1]["id"]


async def _last_day(client: TrytonClient, as_of: datetime) -> date | None:
    horizon = client.config.stock.horizonDays
    if horizon is None:
        return None
    zone = ZoneInfo((await client.facts()).zone)
    return as_of.astimezone(zone).date() + timedelta(days=horizon)


async def _unprocessed(
    client: TrytonClient, products: Sequence[int], warehouses: Sequence[int]
) -> dict[int, Pieces]:
    """Return per warehouse what sales without moves will take: made when a sale is processed."""
    shop = (await client.facts()).shop
    ours = [["sale.state", "in", ["draft", "quotation"]], ["sale.web_shop", "=", shop]]
    domain = [
        ["type", "=", "line"],
        ["sale.warehouse", "in", list(warehouses)],
        ["OR", [["sale.state", "=", "confirmed"]], ours],
        ["quantity", ">", 0],  # a sale that takes back reserves nothing
    ]
    fields = ("quantity", "unit.factor", "product.default_uom.factor", "sale.warehouse")
    found: dict[int, Pieces] = {one: defaultdict(Decimal) for one in warehouses}
    async for row in _by_product(client, "sale.line", products, domain, *fields):
        found[value_at(row, "sale.warehouse")][row["product"]] += _in_default_unit(row)
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
