"""Regular and special prices at the shop, many rows in a request.

A price call answers with status 200 and a list of what it refused, row by row; none: all is done.
A special price keeps the days it had where none are told, so that one that would end is taken away
before it is set. Whatever price is there by then is taken away: it is looked at right before.
Must not: take away a special price that is not one of those it is told are ours.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import ConnectorError, Refused
from knect_connectors.magento2.batches import in_batches, sent_by_halves
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.refusals import said_by
from knect_connectors.magento2.skus import gone, products_of

__all__ = ["find_prices", "post_prices", "send_prices"]

_BASE, _BASE_TOLD = "products/base-prices", "products/base-prices-information"
_SPECIAL, _SPECIAL_TOLD = "products/special-price", "products/special-price-information"
_SPECIAL_DELETE = "products/special-price-delete"

#: SKU and store id -> the rows the shop tells: of special prices one for each pair of days that
#: any store view has, so that only where there is one the days are known to be its own.
_Rows = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]


async def post_prices(client: MagentoClient, path: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Send rows of a price call. Raises Refused with the shop's words for what it refuses."""
    refused = await client.write("POST", path, {"prices": list(rows)})
    if isinstance(refused, list) and refused:
        words = "; ".join(dict.fromkeys(said_by(one) for one in refused))
        raise Refused(f"POST {path}: {words}", path=_field(words))


def _field(words: str) -> str:
    return "sku" if "SKU" in words or "product that was requested" in words else "price"


async def _told(client: MagentoClient, path: str, calls: Sequence[Call]) -> _Rows:
    skus = list(dict.fromkeys(str(call.effect.body["sku"]) for call in calls))
    found: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for row in (await client.ask(path, {"skus": skus}) or ()) if skus else ():
        found[str(row.get("sku")), int(row.get("store_id") or 0)].append(row)
    return found


def _place(call: Call) -> tuple[str, int]:
    return str(call.effect.body["sku"]), int(call.effect.body["store_id"])


def _is_price(rows: Sequence[Mapping[str, Any]], amount: str) -> bool:
    return bool(rows) and Decimal(str(rows[0].get("price") or 0)) == Decimal(amount)


def _special(call: Call, zone: ZoneInfo) -> dict[str, Any]:
    """Return the row of a special price as it is sent."""
    special = call.effect.body["special"]
    sku, store = _place(call)
    row: dict[str, Any] = {"sku": sku, "store_id": store, "price": Decimal(special["price"])}
    days = as_days(special["from"], special["to"], zone)
    row |= {name: day for name, day in zip(("price_from", "price_to"), days, strict=True) if day}
    return row


def as_days(first: str, last: str, zone: ZoneInfo) -> tuple[str, str]:
    """Return instants as the shop's days: the first and the last one, both whole.

    A price ends before the instant it is valid until. What is a day already stays that day.
    """
    days = []
    for text, before in ((first, 0), (last, 1)):
        if not text:
            days.append("")
            continue
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            at = (at - timedelta(microseconds=before)).astimezone(zone)
        days.append(f"{at:%Y-%m-%d} 00:00:00")
    return days[0], days[1]


def _is_special(there: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a special price is as it should be; since when may be the shop's own."""
    if len(there) != 1 or not _is_price(there, str(wanted["price"])):
        return False
    first, last = (str(there[0].get(name) or "")[:10] for name in ("price_from", "price_to"))
    begins = wanted.get("price_from")
    return last == str(wanted.get("price_to") or "")[:10] and (
        begins is None or first == str(begins)[:10]
    )


def _has_ended(there: Sequence[Mapping[str, Any]], call: Call) -> bool:
    return not any(_is_price(there, one) for one in call.effect.body["ended"])


# ---------------------------------------------------------------- sending


async def send_prices(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    """Set prices, in batches; price and special price of a row together."""
    return await in_batches(calls, client.config.batch, lambda part: _send_part(client, part))


async def _send_part(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    errors: dict[int, ConnectorError] = {}

    async def all_of(path: str, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        async def post(some: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
            await post_prices(client, path, [row for _, row in some])

        for (index, _), error in zip(rows, await sent_by_halves(rows, post), strict=True):
            if error is not None:
                errors.setdefault(index, error)

    regular = [
        (index, _row(call, call.effect.body["price"]))
        for index, call in enumerate(calls)
        if "price" in call.effect.body
    ]
    await all_of(_BASE, regular)
    special = [
        call for call in calls if "special" in call.effect.body or "ended" in call.effect.body
    ]
    there = await _told(client, _SPECIAL_TOLD, special) if special else {}
    wrong: list[tuple[int, Mapping[str, Any]]] = []
    new: list[tuple[int, Mapping[str, Any]]] = []
    for index, call in enumerate(calls):
        rows = there.get(_place(call), ())
        if index in errors:
            continue
        if "ended" in call.effect.body and not _has_ended(rows, call):
            wrong.append((index, _deleted(rows[0])))
        if "special" in call.effect.body:
            wanted = _special(call, client.config.zone)
            if _is_special(rows, wanted):
                continue
            if _outlasts(rows, wanted):
                wrong.append((index, _deleted(rows[0])))
            new.append((index, wanted))
    await all_of(_SPECIAL_DELETE, wrong)
    await all_of(_SPECIAL, [one for one in new if one[0] not in errors])
    known = await _known(client, calls, errors)
    return [
        Outcome(error=_explained(call, errors[index], known)) if index in errors else _done(call)
        for index, call in enumerate(calls)
    ]


def _row(call: Call, amount: str) -> dict[str, Any]:
    sku, store = _place(call)
    return {"sku": sku, "store_id": store, "price": Decimal(amount)}


def _outlasts(there: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> bool:
    """Tell whether the last day that is there would stay, as none is told in its place."""
    return "price_to" not in wanted and any(row.get("price_to") for row in there)


def _deleted(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("sku", "store_id", "price", "price_from", "price_to")
    return {name: row[name] for name in names if row.get(name) not in (None, "")}


async def _known(
    client: MagentoClient, calls: Sequence[Call], errors: Mapping[int, ConnectorError]
) -> set[str]:
    """Return which SKUs of refused rows the shop has."""
    skus = [str(calls[index].effect.body["sku"]) for index in errors]
    return {str(row.get("sku")) for row in await products_of(client, skus)}


def _explained(call: Call, error: ConnectorError, known: set[str]) -> ConnectorError:
    sku = str(call.effect.body["sku"])
    return error if sku in known or not isinstance(error, Refused) else gone(sku)


async def find_prices(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Return the prices that are as they should be."""
    base = await _told(client, _BASE_TOLD, [c for c in calls if "price" in c.effect.body])
    special = await _told(client, _SPECIAL_TOLD, calls)
    found: list[Found | None] = []
    for call in calls:
        body, place = call.effect.body, _place(call)
        is_done = "price" not in body or _is_price(base.get(place, ()), body["price"])
        if is_done and "special" in body:
            is_done = _is_special(special.get(place, ()), _special(call, client.config.zone))
        if is_done and "ended" in body:
            is_done = _has_ended(special.get(place, ()), call)
        found.append(_done(call).found if is_done else None)
    return found


def _done(call: Call) -> Outcome:
    body = call.effect.body
    return Outcome(
        found=Found(destination_id=f"{body['product']}@{body['store']}", number=body["sku"])
    )
