"""A product's variants in the shop, brought to what a document says. Nothing is ever deleted.

Must not: write a field the document does not hold, or a price of a variant that is there already.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import WaitForPerson
from knect.sdk.parts import one_by_one
from knect_connectors.shopify import catalog_queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.refusals import payload_of, refused

__all__ = ["Steps", "find_variants", "send_variants", "steps_for"]

_AT_ONCE = 100
_MARKER = {"namespace": "knect", "key": "external_id", "type": "id"}
#: The option of a product that has none.
_NO_OPTION = "Title"


class Steps(Struct, frozen=True):
    """What is to be done: options to add first, variants to change, variants to add."""

    options: tuple[dict[str, Any], ...]
    update: tuple[dict[str, Any], ...]
    create: tuple[dict[str, Any], ...]

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.options or self.update or self.create)


def steps_for(external_id: str, wanted: Sequence[Mapping[str, Any]], there: Any) -> Steps:
    """Return what makes `there` (the shop's product) what is wanted. Pure."""
    nodes: list[dict[str, Any]] = list(there["variants"])
    update, create = [], []
    for variant in wanted:
        marker = f"{external_id}/{variant['id']}"
        node = _same(nodes, marker, variant)
        if node is None:
            create.append(_whole(marker, variant))
            continue
        nodes.remove(node)
        if change := _difference(marker, variant, node):
            update.append({"id": node["id"], **change})
    have = {option["name"] for option in there["options"]} - {_NO_OPTION}
    need = {name: value for v in wanted for name, value in (v.get("options") or {}).items()}
    options = tuple(
        {"name": name, "values": [{"name": value}]}
        for name, value in need.items()
        if name not in have
    )
    return Steps(options, tuple(update), tuple(create))


def _same(
    nodes: Sequence[dict[str, Any]], marker: str, variant: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Find by our id, else among those without one by the exact SKU, or by the options."""
    for node in nodes:
        if _id_of(node) == marker:
            return node
    free = [node for node in nodes if _id_of(node) is None]
    for node in free:
        if variant.get("sku") and node["sku"] == variant["sku"]:
            return node
    for node in free:
        options = {one["name"]: one["value"] for one in node["selectedOptions"]}
        if not node["sku"] and options in (variant.get("options") or {}, _only(options)):
            return node
    return None


def _only(options: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the options if they are those of a product that has none."""
    return options if list(options) == [_NO_OPTION] else None


def _id_of(node: Mapping[str, Any]) -> str | None:
    metafield = node.get("metafield")
    return metafield["value"] if metafield else None


def _whole(marker: str, variant: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new variant, with its price."""
    made: dict[str, Any] = {"metafields": [{**_MARKER, "value": marker}], **_item(variant)}
    if variant.get("barcode"):
        made["barcode"] = variant["barcode"]
    for ours, theirs in (("price", "price"), ("compare_at", "compareAtPrice")):
        if variant.get(ours) is not None:
            made[theirs] = str(variant[ours])
    options = variant.get("options") or {}
    made["optionValues"] = [{"optionName": name, "name": text} for name, text in options.items()]
    return made


def _item(variant: Mapping[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for ours, theirs in (
        ("sku", "sku"),
        ("tracked", "tracked"),
        ("requires_shipping", "requiresShipping"),
    ):
        if variant.get(ours) is not None:
            item[theirs] = variant[ours]
    if variant.get("weight_grams") is not None:
        weight = {"unit": "GRAMS", "value": float(variant["weight_grams"])}
        item["measurement"] = {"weight": weight}
    return {"inventoryItem": item} if item else {}


def _difference(marker: str, variant: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be changed of a variant that is there; never its price."""
    change: dict[str, Any] = {}
    is_new = _id_of(node) is None
    if is_new:
        change["metafields"] = [{**_MARKER, "value": marker}]
    item = _item(variant).get("inventoryItem", {})
    there = {"sku": node["sku"], **node["inventoryItem"]}
    different = {
        name: value for name, value in item.items() if not _equal(name, value, there.get(name))
    }
    if different:
        change["inventoryItem"] = different
    if variant.get("barcode") and variant["barcode"] != node["barcode"]:
        change["barcode"] = variant["barcode"]
    options = {one["name"]: one["value"] for one in node["selectedOptions"]}
    wanted = variant.get("options") or {}
    if any(options.get(name) != value for name, value in wanted.items()):
        change["optionValues"] = [{"optionName": n, "name": v} for n, v in wanted.items()]
    if is_new and not node["sku"]:  # made with the product a moment ago: it has no price yet
        whole = _whole(marker, variant)
        change |= {name: whole[name] for name in ("price", "compareAtPrice") if name in whole}
    return change


def _equal(name: str, value: Any, there: Any) -> bool:
    if name != "measurement":
        return bool(value == there)
    weight = (there or {}).get("weight")
    if not weight or weight["unit"] != value["weight"]["unit"]:
        return False
    return Decimal(str(weight["value"])) == Decimal(str(value["weight"]["value"]))


# ---------------------------------------------------------------- at the shop


async def _there(client: ShopifyClient, product: str) -> dict[str, Any] | None:
    """Return the product with all its variants."""
    data = await client.read(catalog_queries.PRODUCT, operation="Product", id=product)
    whole = data.get("product")
    if whole is None:
        return None
    nodes, page = list(whole["variants"]["nodes"]), whole["variants"]["pageInfo"]
    while page["hasNextPage"]:
        more = await client.read(
            catalog_queries.MORE_PRODUCT_VARIANTS,
            operation="MoreProductVariants",
            id=product,
            after=page["endCursor"],
        )
        nodes += more["product"]["variants"]["nodes"]
        page = more["product"]["variants"]["pageInfo"]
    return {**whole, "variants": nodes}


async def find_variants(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Tell per call whether nothing is left to do."""
    answers: list[Found | None] = []
    for call in calls:
        there = await _there(client, call.given["product"])
        steps = there and steps_for(call.effect.external_id, call.effect.body["variants"], there)
        is_done = there is not None and not steps
        answers.append(Found(destination_id=call.given["product"]) if is_done else None)
    return answers


async def _bring(client: ShopifyClient, call: Call) -> Outcome:
    """Read a product's variants, then do what is left to do."""
    product = call.given["product"]
    there = await _there(client, product)
    if there is None:
        return Outcome(
            error=WaitForPerson(
                "the product is no longer in the shop; somebody deleted it",
                code="ChangedAtDestination",
            )
        )
    steps = steps_for(call.effect.external_id, call.effect.body["variants"], there)
    if steps.options:
        data = await client.write(
            catalog_queries.OPTIONS_CREATE,
            operation="OptionsCreate",
            product=product,
            options=list(steps.options),
        )
        if errors := payload_of(data, "productOptionsCreate")[1]:
            return Outcome(error=refused(errors))
    for document, operation, name, rows, more in (
        (
            *(catalog_queries.VARIANTS_UPDATE, "VariantsUpdate", "productVariantsBulkUpdate"),
            *(steps.update, {}),
        ),
        (
            *(catalog_queries.VARIANTS_CREATE, "VariantsCreate", "productVariantsBulkCreate"),
            *(steps.create, {"strategy": "PRESERVE_STANDALONE_VARIANT"}),
        ),
    ):
        for start in range(0, len(rows), _AT_ONCE):
            part = list(rows[start : start + _AT_ONCE])
            data = await client.write(
                document, operation=operation, product=product, variants=part, **more
            )
            if errors := payload_of(data, name)[1]:
                return Outcome(error=refused(errors))
    return Outcome(found=Found(destination_id=product))


send_variants = one_by_one(_bring)
