"""Setting prices at the store: of products, of variants, of records of a price list.

Must not: decide what a price is; or take a refusal of one row for one of its neighbours.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import ConnectorError, Refused, UnexpectedAnswer
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import Row, all_of
from knect_connectors.bigcommerce.refusals import refused_with
from knect_connectors.bigcommerce.rows import chunks, send_rows
from knect_connectors.bigcommerce.skus import PRODUCTS, VARIANTS, find_skus, gone

__all__ = ["BASE", "find_base", "find_listed", "records_of", "send_base", "send_listed"]

#: The catalog's own price, where a price list is asked for.
BASE = "@base"
#: Rows of one request, as the platform has them.
_PRODUCTS_AT_ONCE, _VARIANTS_AT_ONCE, _RECORDS_AT_ONCE = 10, 50, 1_000
_READ_AT_ONCE = 50
_PARTLY = 207


def _rows(calls: Sequence[Call], wanted: Callable[[Mapping[str, Any]], bool]) -> list[int]:
    return [index for index, call in enumerate(calls) if wanted(call.effect.body)]


# ---------------------------------------------------------------- the catalog's own price


async def send_base(client: BigCommerceClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    """Set prices of products without options, and of variants, each in their own requests."""
    products = _rows(calls, lambda body: bool(body["is_base"]))
    variants = _rows(calls, lambda body: not body["is_base"])

    async def request(rows: Sequence[Call]) -> Mapping[int, ConnectorError]:
        if rows[0].effect.body["is_base"]:
            return await _set_products(client, rows)
        await client.write("PUT", VARIANTS, json=[_of_variant(call.effect.body) for call in rows])
        return {}

    parts = chunks(products, _PRODUCTS_AT_ONCE) + chunks(variants, _VARIANTS_AT_ONCE)
    return await send_rows(calls, parts, request=request, done=_done, judge=_judge_of(client))


async def _set_products(
    client: BigCommerceClient, rows: Sequence[Call]
) -> Mapping[int, ConnectorError]:
    """Set the prices; of several, those it did not set are not as they should be in the answer."""
    body = [_of_product(call.effect.body) for call in rows]
    response = await client.write("PUT", PRODUCTS, json=body, partly=True)
    if response.status != _PARTLY:
        return {}
    data = response.data if isinstance(response.data, dict) else {}
    there = {row.get("id"): row for row in data.get("data") or ()}
    error = refused_with(f"PUT {PRODUCTS}", data.get("errors"), status=_PARTLY)
    return {
        place: error
        for place, body in enumerate(call.effect.body for call in rows)
        if not (row := there.get(body["product"])) or not _is_same(body["values"], row)
    }


def _of_product(body: Mapping[str, Any]) -> Row:
    # of a product, no sale price is one of nothing
    values = {name: _number(value or "0") for name, value in body["values"].items()}
    return {"id": body["product"], **values}


def _of_variant(body: Mapping[str, Any]) -> Row:
    values = {
        name: None if value is None else _number(value) for name, value in body["values"].items()
    }
    return {"id": body["variant"], **values}


async def find_base(client: BigCommerceClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Return the prices that are what they should be."""
    bodies = [call.effect.body for call in calls]
    products = await _by_id(client, PRODUCTS, "id:in", {b["product"] for b in bodies})
    options = {b["product"] for b in bodies if not b["is_base"]}
    variants = await _by_id(client, VARIANTS, "product_id:in", options)
    found: list[Found | None] = []
    for call, body in zip(calls, bodies, strict=True):
        there = products.get(body["product"]) if body["is_base"] else variants.get(body["variant"])
        found.append(_done(call).found if there and _is_same(body["values"], there) else None)
    return found


async def _by_id(client: BigCommerceClient, path: str, name: str, ids: set[int]) -> dict[int, Row]:
    found: dict[int, Row] = {}
    numbers = [str(one) for one in sorted(ids)]
    for start in range(0, len(numbers), _READ_AT_ONCE):
        params = {name: ",".join(numbers[start : start + _READ_AT_ONCE])}
        found |= {row["id"]: row for row in await all_of(client, path, params=params) or ()}
    return found


# ---------------------------------------------------------------- price lists


async def send_listed(client: BigCommerceClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    """Set records, list by list."""
    by_list: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(calls):
        by_list[call.effect.body["list"]].append(index)

    async def request(rows: Sequence[Call]) -> Mapping[int, ConnectorError]:
        path = f"/v3/pricelists/{rows[0].effect.body['list']}/records"
        template = "/v3/pricelists/{id}/records"
        body = [_of_record(call.effect.body) for call in rows]
        # of a refused batch the others may be set or not, as the store is: it is not asked which
        await client.write("PUT", path, template=template, json=body)
        return {}

    parts = [part for rows in by_list.values() for part in chunks(rows, _RECORDS_AT_ONCE)]
    return await send_rows(calls, parts, request=request, done=_done, judge=_judge_of(client))


def _of_record(body: Mapping[str, Any]) -> Row:
    values = {
        name: None if value is None else _number(value) for name, value in body["values"].items()
    }
    return {"variant_id": body["variant"], "currency": body["currency"].lower(), **values}


async def find_listed(client: BigCommerceClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Return the records that are what they should be."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for call in calls:
        wanted[call.effect.body["list"]].add(call.effect.body["variant"])
    there = {listed: await records_of(client, listed, ids) for listed, ids in wanted.items()}
    found: list[Found | None] = []
    for call in calls:
        body = call.effect.body
        record = there[body["list"]].get((body["variant"], body["currency"]))
        same = record is not None and _is_same(body["values"], record)
        found.append(_done(call).found if same else None)
    return found


async def records_of(
    client: BigCommerceClient, listed: str, variants: Iterable[int]
) -> dict[tuple[int, str], Row]:
    """Return the records of a price list by variant and currency; none of one that is gone."""
    path, template = f"/v3/pricelists/{listed}/records", "/v3/pricelists/{id}/records"
    numbers = [str(one) for one in sorted(set(variants))]
    found: dict[tuple[int, str], Row] = {}
    for start in range(0, len(numbers), _READ_AT_ONCE):
        params = {"variant_id:in": ",".join(numbers[start : start + _READ_AT_ONCE])}
        rows = await all_of(client, path, template=template, params=params, may_miss=True)
        found |= {(row["variant_id"], str(row["currency"]).upper()): row for row in rows or ()}
    return found


# ---------------------------------------------------------------- both


def _number(text: str) -> Decimal:
    return Decimal(text)


def _is_same(values: Mapping[str, str | None], there: Row) -> bool:
    """Tell whether the store has these amounts; none, null and nothing are one."""
    try:
        return all(
            Decimal(value or 0) == Decimal(there.get(name) or 0) for name, value in values.items()
        )
    except (ArithmeticError, TypeError, ValueError):
        raise UnexpectedAnswer("the store's prices are no numbers") from None


def _judge_of(client: BigCommerceClient) -> Callable[..., Any]:
    async def judge(call: Call, error: Refused) -> ConnectorError:
        """Return what became of the SKU since it was looked up, else what the store says."""
        sku = call.effect.body["sku"]
        answer = (await find_skus(client, [sku])).get(sku)
        if isinstance(answer, ConnectorError):
            return answer
        is_it = answer and answer.split(" ")[0] == str(call.effect.body["variant"])
        return error if is_it else gone(sku)

    return judge


def _done(call: Call) -> Outcome:
    """Return it as done: `12@@base`, or `12@4@EUR` for a record of a price list."""
    body = call.effect.body
    currency = "" if body["list"] == BASE else f"@{body['currency']}"
    target = f"{body['variant']}@{body['list']}{currency}"
    return Outcome(found=Found(destination_id=target, number=body["sku"]))
