"""Making products at the store and bringing them to what the ERP says: each step looks first.

Must not: make what is there; or take a product of somebody else's that has one of the SKUs.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.sdk.contract import Call, Found, Operation, Outcome
from knect.sdk.errors import Refused, UnexpectedAnswer, WaitForPerson
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import Row, all_of
from knect_connectors.bigcommerce.skus import PRODUCTS, find_skus, read_sku
from knect_connectors.bigcommerce.store import GRAMS

__all__ = ["candidates", "find_hidden", "find_products", "hide", "make"]

_ONE = "/v3/catalog/products/{id}"


def _skus(call: Call) -> list[str]:
    return [one["sku"] for one in call.effect.body["variants"]]


async def _there(client: BigCommerceClient, skus: Sequence[str]) -> dict[str, int]:
    """Return SKU -> product of what the store has."""
    answers = await find_skus(client, skus)
    return {
        sku: read_sku(answer).product for sku, answer in answers.items() if isinstance(answer, str)
    }


async def _product(client: BigCommerceClient, identifier: str | int) -> Row | None:
    params = {"id:in": str(identifier), "include": "variants,options"}
    rows = await all_of(client, PRODUCTS, params=params) or []
    return next((row for row in rows if str(row["id"]) == str(identifier)), None)


def _found(call: Call, product: int | str) -> Found:
    return Found(destination_id=str(product), number=_skus(call)[0])


# ---------------------------------------------------------------- looking


async def find_products(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the products that have all their SKUs, and the fields that were told."""
    there = await _there(client, [sku for call in calls for sku in _skus(call)])
    found: list[Found | None] = []
    for call in calls:
        products = {there.get(sku) for sku in _skus(call)}
        product = products.pop() if len(products) == 1 else None
        row = await _product(client, product) if product is not None else None
        found.append(_found(call, row["id"]) if row and not _changes(row, call) else None)
    return found


async def candidates(client: BigCommerceClient, calls: Sequence[Call]) -> list[Sequence[Found]]:
    """Return the products that have one of the SKUs: what they lack is made with them."""
    there = await _there(client, [sku for call in calls for sku in _skus(call)])
    return [
        [_found(call, one) for one in sorted({there[s] for s in _skus(call) if s in there})]
        for call in calls
    ]


def _changes(row: Row, call: Call) -> dict[str, Any]:
    """Return what of the product differs; a brand is told by its name for a new one only."""
    return {
        name: value
        for name, value in call.effect.body["values"].items()
        if name != "brand_name" and row.get(name) != value
    }


# ---------------------------------------------------------------- making


async def make(client: BigCommerceClient, call: Call) -> Outcome:
    """Make the product, or bring the one that is there to what it should be."""
    if call.effect.operation is Operation.CREATE:
        return Outcome(found=_found(call, await _make_or_meet(client, call)))
    row = await _product(client, str(call.effect.target))
    if row is None:
        raise WaitForPerson(
            f"the product {call.effect.target} is no longer in the store; somebody deleted it",
            code="ChangedAtDestination",
            value=call.effect.target,
        )
    if changed := _changes(row, call):
        await client.write("PUT", PRODUCTS, json=[{"id": row["id"], **changed}])
    if call.effect.body["owns_variants"]:
        await _bring_variants(client, row, call)
    found = _found(call, row["id"])
    if call.effect.body["removed"] and "is_visible" not in call.effect.body["values"]:
        found = structs.replace(found, remark="invisible as before; a person shows it again")
    return Outcome(found=found)


async def _make_or_meet(client: BigCommerceClient, call: Call) -> int:
    """Return the product; refused, it may be there since we looked."""
    if there := await _there(client, _skus(call)):
        return await _check_ours(client, call, there)
    try:
        return await _create(client, call)
    except Refused:
        if there := await _there(client, _skus(call)):
            return await _check_ours(client, call, there)
        raise


async def _check_ours(client: BigCommerceClient, call: Call, there: Mapping[str, int]) -> int:
    """Return the product an earlier try has made: the store keeps no id of ours, so it is ours if
    it is what would be made now, to the letter. Raises WaitForPerson for anything else.
    """
    sku, product = next(iter(there.items()))
    row = await _product(client, product)
    wanted = await _new(client, call)
    names = ("name", "type", "is_visible", "inventory_tracking")
    is_ours = (
        row is not None
        and set(there.values()) == {product}
        and len(there) == len(_skus(call)) == len(row.get("variants") or ())
        and all(row.get(name) == wanted[name] for name in names)
    )
    if not is_ours:
        raise WaitForPerson(
            f"the store has the SKU {sku!r} already, in product {product}; set destination.match to"
            " [variants] to adopt it, or give one of the two another SKU",
            code="DuplicateSku",
            path="variants",
            value=sku,
        )
    return product


async def _create(client: BigCommerceClient, call: Call) -> int:
    response = await client.write("POST", PRODUCTS, json=await _new(client, call))
    data = response.data.get("data") if isinstance(response.data, dict) else None
    if not isinstance(data, dict) or not data.get("id"):
        raise UnexpectedAnswer("a product was made, and answered without an id")
    return int(data["id"])


async def _new(client: BigCommerceClient, call: Call) -> Row:
    """Return a new product: invisible unless it is mapped, its first variant's price its own."""
    body, unit = call.effect.body, await _unit(client)
    variants = body["variants"]
    first = variants[0]
    by_options = bool(first["options"])
    tracking = "variant" if by_options else "product"
    digital = body["digital"] or all(one["digital"] for one in variants)
    product: Row = {
        "name": body["title"],
        "is_visible": False,
        **body["values"],
        "type": "digital" if digital else "physical",
        "weight": _weight(first, unit),
        "price": Decimal(first["price"] or 0),
        "categories": body["categories"],
        "inventory_tracking": tracking if any(one["tracked"] for one in variants) else "none",
    }
    if not by_options:
        return {**product, "sku": first["sku"], "upc": first["upc"]}
    rows = []
    for one in variants:
        options = [
            {"option_display_name": name, "label": label} for name, label in one["options"].items()
        ]
        rows.append({**_of_variant(one, unit), "option_values": options})
    return {**product, "variants": rows}


def _of_variant(variant: Mapping[str, Any], unit: Decimal) -> Row:
    row: Row = {"sku": variant["sku"], "upc": variant["upc"], "weight": _weight(variant, unit)}
    if variant["price"] is not None:
        row["price"] = Decimal(variant["price"])
    return row


def _weight(variant: Mapping[str, Any], unit: Decimal) -> Decimal:
    return round(Decimal(variant["weight_grams"] or 0) / unit, 4)


async def _unit(client: BigCommerceClient) -> Decimal:
    store = await client.read("/v2/store")
    unit = str(store.get("weight_units") or "").lower()
    if unit not in GRAMS:
        raise UnexpectedAnswer(f"the store weighs in {unit!r}, of which nobody knows the grams")
    return GRAMS[unit]


# ---------------------------------------------------------------- variants


async def _bring_variants(client: BigCommerceClient, row: Row, call: Call) -> None:
    """Give variants the SKU they have now, and make those that are not there."""
    there = {str(one["sku"]): one for one in row.get("variants") or ()}
    elsewhere = await _there(client, [sku for sku in _skus(call) if sku not in there])
    for variant in call.effect.body["variants"]:
        sku = variant["sku"]
        if sku in there:
            continue
        if sku in elsewhere:
            raise WaitForPerson(
                f"the store has the SKU {sku!r} already, in product {elsewhere[sku]}; give one of"
                " the two another SKU",
                code="DuplicateSku",
                path="variants",
                value=sku,
            )
        if (old := there.get(str(variant["was"]))) is not None:
            await _rename(client, row, old, sku)
        else:
            await _add(client, row, variant)


async def _rename(client: BigCommerceClient, row: Row, variant: Row, sku: str) -> None:
    if row.get("base_variant_id") == variant["id"]:
        await client.write("PUT", PRODUCTS, json=[{"id": row["id"], "sku": sku}])
        return
    path = f"/v3/catalog/products/{row['id']}/variants/{variant['id']}"
    await client.write("PUT", path, template=f"{_ONE}/variants/{{id}}", json={"sku": sku})


async def _add(client: BigCommerceClient, row: Row, variant: Mapping[str, Any]) -> None:
    options = {str(one["display_name"]): one for one in row.get("options") or ()}
    if not options or set(variant["options"]) != set(options):
        raise WaitForPerson(
            f"variant {variant['sku']} has the options {sorted(variant['options']) or 'none'}, but"
            f" product {row['id']} of the store has {sorted(options) or 'none'}: change it there,"
            " then retry",
            code="ChangedAtDestination",
            path="variants",
            value=variant["sku"],
        )
    values = [
        {"id": await _value(client, row, options[name], label), "option_id": options[name]["id"]}
        for name, label in variant["options"].items()
    ]
    body = {**_of_variant(variant, await _unit(client)), "option_values": values}
    path = f"/v3/catalog/products/{row['id']}/variants"
    await client.write("POST", path, template=f"{_ONE}/variants", json=body)


async def _value(client: BigCommerceClient, row: Row, option: Row, label: str) -> int:
    """Return the id of an option's value; one the option has not is made."""
    values = option["option_values"]
    for one in values:
        if one["label"] == label:
            return int(one["id"])
    path = f"/v3/catalog/products/{row['id']}/options/{option['id']}/values"
    body = {"label": label, "sort_order": len(values)}
    response = await client.write("POST", path, template=f"{_ONE}/options/{{id}}/values", json=body)
    made = response.data.get("data") if isinstance(response.data, dict) else None
    if not isinstance(made, dict) or not made.get("id"):
        raise UnexpectedAnswer("a value of an option was made, and answered without an id")
    values.append(made)
    return int(made["id"])


# ---------------------------------------------------------------- archiving


async def hide(client: BigCommerceClient, call: Call) -> Outcome:
    """Make the product invisible; one that is gone is so."""
    target = str(call.effect.target)
    row = await _product(client, target)
    if row is not None and row.get("is_visible"):
        await client.write("PUT", PRODUCTS, json=[{"id": row["id"], "is_visible": False}])
    return Outcome(found=Found(destination_id=target))


async def find_hidden(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the products that are invisible, or gone."""
    found: list[Found | None] = []
    for call in calls:
        row = await _product(client, str(call.effect.target))
        hidden = row is None or not row.get("is_visible")
        found.append(Found(destination_id=str(call.effect.target)) if hidden else None)
    return found
