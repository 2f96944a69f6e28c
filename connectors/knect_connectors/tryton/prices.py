"""Reading prices from Tryton: one per product and price list, for one piece, without conversion.

`config.priceLists` names the lists; without any, the product's own list price is the price.
Tryton's formulas are computed by Tryton. A list may change its price by date alone
(`product_price_list_dates`): the change is then listed at the midnight (company's zone) at which
it takes effect, in whichever window that midnight falls, so it takes effect also after a downtime.
A record says since when and until when its amount holds, as far as the list's lines tell.
Where a list is cheaper than the product's own list price, that one is the compare-at price.
Must not: round; rounding is declared in a pipeline.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from knect.model import Price
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
)
from knect_connectors.tryton.rows import AT_ONCE, token_of
from knect_connectors.tryton.twins import mark_twins, refuse_twins

__all__ = ["PRICES"]

#: The key of a product's own list price.
BASE = ""

_LOADED = 1_000


async def _changes(
    reading: Reading, since: datetime, until: datetime, owners: Sequence[int] | None = None
) -> Owners:
    client = reading.client
    found = await changed(client, (GOODS,), since, until, owners)
    if not client.config.priceLists:
        return found
    everybody: datetime | None = None  # when something last changed that is about every product
    mine = None if owners is None else set(owners)
    async for product, at in _list_changes(reading, since, until):
        if product is None:
            everybody = at if everybody is None else max(everybody, at)
        elif mine is None or product in mine:
            later(found, [(product, at)])
    if everybody is not None:
        ids = owners if owners is not None else await every_product(client)
        later(found, ((product, everybody) for product in ids))
    return found


async def _list_changes(
    reading: Reading, since: datetime, until: datetime
) -> AsyncIterator[tuple[int | None, datetime]]:
    """Yield (product or None for all, when) of what changed in the lists, by hand or by date."""
    lists = await reading.once(_lists)
    for row in lists.values():  # a line that is deleted moves the list's own time
        if since <= row["last_modified_at"] < until:
            yield None, row["last_modified_at"]
    here: tuple[Any, ...] = (["price_list", "in", [row["id"] for row in lists.values()]],)
    line = "product.price_list.line"
    written = Mark(model=line, owner="product", domain=here)
    async for one in written.within(reading.client, since, until):
        yield one
    dated = Dated(model=line, owner="product", days={"start_date": 0, "end_date": 1}, domain=here)
    async for one in dated.within(reading.client, since, until):
        yield one


async def _lists(client: TrytonClient) -> dict[str, dict[str, Any]]:
    """Return name -> row of the configured price lists."""
    wanted = client.config.priceLists
    rows = await client.search_read(
        "product.price_list",
        [["name", "in", list(wanted)], ["company", "=", (await client.facts()).company]],
        ["name", "tax_included", "last_modified_at"],
    )
    known = {row["name"]: row for row in rows}
    for name in wanted:
        if name not in known:
            raise Fatal(
                f"Tryton has no active price list called {name!r}; correct config.priceLists",
                path="config.priceLists",
                value=name,
            )
    return {name: known[name] for name in wanted}


async def _keys(reading: Reading) -> Sequence[str]:
    return reading.client.config.priceLists or [BASE]


async def _load(reading: Reading, names: Mapping[str, datetime]) -> Mapping[str, dict[str, Any]]:
    client = reading.client
    facts = await client.facts()
    products = sorted({owner for one in names if (owner := owner_of(one)) is not None})
    today = (await client.server_time()).astimezone(ZoneInfo(facts.zone)).date()
    loaded: dict[str, dict[str, Any]] = {}
    lists = await reading.once(_lists) if client.config.priceLists else {}
    for key in client.config.priceLists or (BASE,):
        own = lists.get(key)
        more = {"price_list": own["id"], "date": today, "quantity": 1} if own else {}
        rows = await client.search_read(
            "product.product",
            [["id", "in", products]],
            ["code", "active", "salable", "list_price_used", *(["sale_price_uom"] if key else [])],
            context={"active_test": False, **more},
        )
        spans = await _spans(reading, own["id"], products, today) if own else {}
        for row in rows:
            name = name_of(row["id"], key)
            amount = row["sale_price_uom" if key else "list_price_used"]
            if name in names and amount is not None and row["salable"] is not False:
                loaded[name] = {
                    **row,
                    "price_list": key,
                    "amount": amount,
                    "currency": facts.currency,
                    "taxes_included": bool(own and own["tax_included"]),
                    "span": _span(spans, row["id"], facts.zone),
                    "last_modified_at": token_of(names[name]),
                }
    await mark_twins(client, loaded.values())
    return loaded


#: product (None: all) -> the last boundary up to today and the first one after it
_Spans = dict[int | None, tuple[date | None, date | None]]


async def _dated(
    client: TrytonClient, products: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Return lines that begin or end on a day: the first ones, or all of these products."""
    domain: list[Any] = [
        ["price_list.name", "in", list(client.config.priceLists)],
        ["price_list.company", "=", (await client.facts()).company],
        ["OR", ["start_date", "!=", None], ["end_date", "!=", None]],
    ]
    if products is not None:
        domain.append(["OR", ["product", "=", None], ["product", "in", list(products)]])
    return await client.search_read(
        "product.price_list.line",
        domain,
        ["price_list", "product", "start_date", "end_date"],
        limit=AT_ONCE if products is None else None,
    )


async def _spans(reading: Reading, price_list: int, products: Sequence[int], today: date) -> _Spans:
    rows = await reading.once(_dated)
    if len(rows) == AT_ONCE:  # more than are kept while a window is read
        rows = await _dated(reading.client, products)
    rows = [row for row in rows if row["price_list"] == price_list]
    found: _Spans = {}
    for row in rows:
        ends = row["end_date"] and row["end_date"] + timedelta(days=1)
        for day in filter(None, (row["start_date"], ends)):
            past, ahead = found.get(row["product"], (None, None))
            if day <= today:
                past = day if past is None else max(past, day)
            else:
                ahead = day if ahead is None else min(ahead, day)
            found[row["product"]] = (past, ahead)
    return found


def _span(spans: _Spans, product: int, zone: str) -> dict[str, datetime | None]:
    own, all_ = spans.get(product, (None, None)), spans.get(None, (None, None))
    past = max(filter(None, (own[0], all_[0])), default=None)
    ahead = min(filter(None, (own[1], all_[1])), default=None)
    return {
        "from": midnight(past, zone) if past else None,
        "until": midnight(ahead, zone) if ahead else None,
    }


def _price(raw: dict[str, Any]) -> Price:
    refuse_twins(raw)
    amount, own = Decimal(raw["amount"]), raw["list_price_used"]
    is_lower = raw["price_list"] and own is not None and Decimal(own) > amount
    return Price(
        source_id=name_of(raw["id"], raw["price_list"]),
        sku=raw["code"] or "",
        currency=raw["currency"],
        amount=amount,
        compare_at=Decimal(own) if is_lower else None,
        price_list=raw["price_list"] or None,
        taxes_included=raw["taxes_included"],
        valid_from=_instant(raw["span"]["from"]),
        valid_until=_instant(raw["span"]["until"]),
        updated_at=_instant(raw["last_modified_at"]),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


PRICES = GatheredReader(changes=_changes, keys=_keys, load=_load, record=_price, at_once=_LOADED)
