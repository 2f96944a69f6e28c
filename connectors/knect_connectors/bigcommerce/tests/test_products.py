"""Products of the ERP: made invisible and once, whatever gets lost; then only what is owned."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Product, Variant
from knect.sdk.contract import Removal
from knect.sdk.errors import BadRecord, Fatal, Refused, RetryLater, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.bigcommerce.tests.conftest import AtWork
from knect_connectors.bigcommerce.tests.writing import (
    call_of,
    destination_of,
    error_of,
    plan,
    send,
    write,
)

D = Decimal
LOST = [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED]
#: Requests before a product of two SKUs is made: SKUs in bulk, and each alone, and the store's unit.
READS = 4


def a_variant(number: str, sku: str, size: str = "", **more: Any) -> Variant:
    options = {"Size": size} if size else {}
    return Variant(**{"source_id": number, "sku": sku, "options": options, "price": D("15.00"),
                      "weight_grams": D(250), **more})  # fmt: skip


def a_tee(*variants: Variant, **more: Any) -> Product:
    given = variants or (a_variant("1", "TEE-S", "S"), a_variant("2", "TEE-M", "M"))
    return Product(**{"source_id": "t", "title": "Tee", "variants": given, **more})


def made_of(acme: AtWork, sku: str) -> tuple[dict[str, Any], dict[str, Any]]:
    variant = acme.books.variant_by_sku(sku)
    assert variant is not None
    return acme.books.products[variant["product_id"]], variant


async def bound(acme: AtWork, product: Product, **more: Any) -> str:
    (outcome,) = await write(acme, "products", product, **more)
    assert outcome.found is not None, outcome.error
    return outcome.found.destination_id


async def test_a_product_with_options_is_made_invisible(acme: AtWork) -> None:
    await bound(acme, a_tee(), settings={"categories": [23]})
    product, variant = made_of(acme, "TEE-M")
    assert (product["is_visible"], product["inventory_tracking"]) == (False, "variant")
    assert (product["price"], product["categories"]) == (D("15.00"), [23])
    assert (variant["price"], variant["weight"]) == (D("15.00"), D("0.25"))
    assert [one["label"] for one in variant["option_values"]] == ["M"]
    assert product["base_variant_id"] is None


async def test_one_without_options_is_sold_as_it_is(acme: AtWork) -> None:
    await bound(acme, a_tee(a_variant("1", "MUG", barcode="400"), title="Mug"),
                document={"status": "active", "brand": "Acme"})  # fmt: skip
    product, variant = made_of(acme, "MUG")
    assert (product["is_visible"], product["upc"]) == (True, "400")
    assert product["inventory_tracking"] == "product"
    assert product["base_variant_id"] == variant["id"]


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_is_no_second_product(acme: AtWork, fault: Fault) -> None:
    count = len(acme.books.products)
    (effect,) = await plan(acme, "products", a_tee())
    assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
    acme.server.faults.force(*[None] * READS, fault)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    (outcome,) = await send(acme, [effect])
    assert outcome.found == found
    assert len(acme.books.products) == count + 1


async def test_a_sku_that_is_somebody_elses_is_a_persons_or_adopted(acme: AtWork) -> None:
    acme.books.add_product("TEE-S", "Old tee", D(9))
    error = await error_of(acme, "products", a_tee())
    assert (type(error), error.code, error.value) == (WaitForPerson, "DuplicateSku", "TEE-S")
    (effect,) = await plan(acme, "products", a_tee(), match={"variants": ["TEE-S", "TEE-M"]})
    (candidates,) = await destination_of(acme).candidates([call_of(effect)])
    product, _ = made_of(acme, "TEE-S")
    assert [one.destination_id for one in candidates] == [str(product["id"])]


async def test_later_only_what_is_owned_and_differs_is_sent(acme: AtWork) -> None:
    target = await bound(acme, a_tee())
    product, _ = made_of(acme, "TEE-S")
    product["page_title"] = "theirs"
    before = acme.requests("products")
    await bound(acme, a_tee(), bound=target)
    await bound(acme, a_tee(description="Soft"), bound=target)
    assert (product["description"], product["page_title"]) == ("Soft", "theirs")
    assert acme.books.variants_of(product["id"])[0]["price"] == D("15.00")
    changes = [one for one in acme.server.log.entries if one["method"] == "PUT"]
    assert len(changes) == 1
    assert acme.requests("products") > before


async def test_a_change_that_was_done_in_part_is_not_taken_for_done(acme: AtWork) -> None:
    target = await bound(acme, a_tee())
    acme.books.stuck.add(int(target))
    (effect,) = await plan(acme, "products", a_tee(description="Soft"), bound=target)
    (outcome,) = await send(acme, [effect])
    assert isinstance(outcome.error, Refused)
    assert "the URL was not saved" in outcome.error.message


async def test_a_new_variant_gets_its_value_and_a_renamed_one_keeps_its_place(
    acme: AtWork,
) -> None:
    target = await bound(acme, a_tee())
    told = destination_of(acme).to_document("products", a_tee(), {})
    _, small = made_of(acme, "TEE-S")
    tee = a_tee(a_variant("1", "TEE-SMALL", "S"), a_variant("2", "TEE-M", "M"),
                a_variant("3", "TEE-L", "L", price=D("17.00")))  # fmt: skip
    (effect,) = await plan(acme, "products", tee, bound=target, previous=told)
    for _ in range(2):
        (outcome,) = await send(acme, [effect])
        assert outcome.found is not None, outcome.error
    product, large = made_of(acme, "TEE-L")
    assert small["sku"] == "TEE-SMALL"
    assert large["price"] == D("17.00")
    assert len(acme.books.variants_of(product["id"])) == 3
    assert [one["label"] for one in product["_options"][0]["option_values"]] == ["S", "M", "L"]


@pytest.mark.parametrize("step", [3, 5])
async def test_a_lost_answer_of_a_new_variant_is_no_second_one(acme: AtWork, step: int) -> None:
    target = await bound(acme, a_tee())
    tee = a_tee(*a_tee().variants, a_variant("3", "TEE-L", "L"))
    (effect,) = await plan(acme, "products", tee, bound=target)
    acme.server.faults.force(*[None] * step, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    await send(acme, [effect])
    product, _ = made_of(acme, "TEE-L")
    assert len(acme.books.variants_of(product["id"])) == 3
    assert len(product["_options"][0]["option_values"]) == 3


async def test_a_simple_product_gets_its_new_sku(acme: AtWork) -> None:
    mug = a_tee(a_variant("1", "MUG"), title="Mug")
    target = await bound(acme, mug)
    told = destination_of(acme).to_document("products", mug, {})
    renamed = a_tee(a_variant("1", "MUG-2"), title="Mug")
    await bound(acme, renamed, bound=target, previous=told)
    assert made_of(acme, "MUG-2")[0]["id"] == int(target)


async def test_products_that_cannot_be_are_named(acme: AtWork) -> None:
    target = await bound(acme, a_tee())
    colour = structs.replace(a_variant("3", "TEE-R"), options={"Colour": "Red"})
    error = await error_of(acme, "products", a_tee(*a_tee().variants, colour), bound=target)
    assert (type(error), error.value) == (WaitForPerson, "TEE-R")
    assert "has the options ['Colour'], but product" in error.message
    taken = a_variant("3", "KN-100", "XL")
    error = await error_of(acme, "products", a_tee(*a_tee().variants, taken), bound=target)
    assert error.code == "DuplicateSku"
    error = await error_of(acme, "products", a_tee(), bound="7")
    assert "is no longer in the store" in error.message
    for variants, path in (
        ((a_variant("1", ""),), "variants[0].sku"),
        ((a_variant("1", "A"), a_variant("2", "B")), "variants[0].options"),
    ):
        with pytest.raises(BadRecord) as told:
            await plan(acme, "products", a_tee(*variants))
        assert told.value.path == path
    with pytest.raises(BadRecord, match="no variant to sell"):
        await plan(acme, "products", structs.replace(a_tee(), variants=()))
    same_name = a_tee(a_variant("9", "OTHER"), title="Tee")
    error = await error_of(acme, "products", same_name)
    assert "product name is a duplicate" in error.message


async def test_an_archived_product_is_hidden_and_stays_so(acme: AtWork) -> None:
    target = await bound(acme, a_tee(), document={"status": "active"})
    product, _ = made_of(acme, "TEE-S")
    removal = Removal(entity="products", external_id="t", how="Archive", bound=target, settings={})
    (effect,) = destination_of(acme).plan_removal(removal)
    assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    await send(acme, [effect])
    assert product["is_visible"] is False
    (back,) = await write(acme, "products", a_tee(), bound=target, removed=True)
    assert back.found is not None
    assert back.found.remark == "invisible as before; a person shows it again"
    assert product["is_visible"] is False
    with pytest.raises(Fatal, match="Archive or Ignore"):
        destination_of(acme).plan_removal(structs.replace(removal, how="Delete"))
