"""Products are created once, as drafts, and nothing that people made is ever lost."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Image, Variant
from knect.sdk.contract import Call, Operation, Removal
from knect.sdk.errors import Fatal, Refused, WaitForPerson
from knect_connectors.shopify.tests.catalog import Desk, a_product, a_variant
from knect_connectors.shopify.tests.conftest import AtWork


@pytest.fixture
def desk(acme: AtWork) -> Desk:
    return Desk(acme)


def the_product(desk: Desk) -> dict[str, Any]:
    (product,) = desk.catalog.of("Product")
    return product


def skus(desk: Desk) -> list[str]:
    return sorted(one["sku"] or "" for one in desk.catalog.of("ProductVariant"))


COLOURS = (a_variant(1, Color="red", Size="S"), a_variant(2, Color="red", Size="M"),
           a_variant(3, Color="blue", Size="M"))  # fmt: skip


async def test_a_new_product_is_a_draft_with_its_variants_axes_and_prices(desk: Desk) -> None:
    await desk.deliver("products", a_product(*COLOURS, vendor="Acme", tags=("new",)))
    product = the_product(desk)
    assert (product["status"], product["title"], product["vendor"]) == ("DRAFT", "Tee", "Acme")
    assert product["tags"] == ["new"]
    assert [(o["name"], o["values"]) for o in product["options"]({})] == [
        ("Color", ["red", "blue"]),
        ("Size", ["S", "M"]),
    ]
    variants = {v["sku"]: v for v in product["variants"]({})}
    assert sorted(variants) == ["TEE-blue-M", "TEE-red-M", "TEE-red-S"]
    assert variants["TEE-blue-M"]["title"] == "blue / M"
    assert {v["price"] for v in variants.values()} == {"15.00"}
    assert all(v["inventoryItem"]({})["tracked"] for v in variants.values())


async def test_a_product_without_axes_has_one_variant(desk: Desk) -> None:
    kettle = Variant(
        source_id="1", sku="KN-1", price=Decimal("19.90"), weight_grams=Decimal(1200), barcode="40"
    )
    await desk.deliver("products", a_product(kettle))
    (variant,) = the_product(desk)["variants"]({})
    assert (variant["sku"], variant["price"], variant["barcode"]) == ("KN-1", "19.90", "40")
    assert variant["title"] == "Default Title"
    weight = variant["inventoryItem"]({})["measurement"]["weight"]
    assert (weight["unit"], weight["value"]) == ("GRAMS", 1200.0)


async def test_a_second_delivery_changes_nothing(desk: Desk, acme: AtWork) -> None:
    await desk.deliver("products", a_product(*COLOURS))
    before = acme.asked("VariantsUpdate"), acme.asked("VariantsCreate")
    await desk.deliver("products", a_product(*COLOURS))
    assert (acme.asked("VariantsUpdate"), acme.asked("VariantsCreate")) == before
    assert len(desk.catalog.of("Product")) == 1


async def test_a_create_whose_answer_was_lost_is_found_by_our_id(desk: Desk) -> None:
    (effect, *_) = await desk.plan("products", a_product(*COLOURS))
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert await desk.destination.lookup([call]) == [None]
    (outcome,) = await desk.destination.write([call])
    (found,) = await desk.destination.lookup([call])
    assert found == outcome.found
    (again,) = await desk.destination.write([call])  # without asking first: Shopify refuses it
    assert again.found == outcome.found
    assert len(desk.catalog.of("Product")) == 1


async def test_a_renamed_sku_is_the_same_variant(desk: Desk) -> None:
    await desk.deliver("products", a_product(*COLOURS))
    before = {v["sku"]: v["id"] for v in the_product(desk)["variants"]({})}
    renamed = structs.replace(COLOURS[1], sku="TEE-NEW")
    await desk.deliver("products", a_product(COLOURS[0], renamed, COLOURS[2]))
    after = {v["sku"]: v["id"] for v in the_product(desk)["variants"]({})}
    assert after["TEE-NEW"] == before["TEE-red-M"]
    assert len(after) == 3


async def test_a_variant_that_comes_later_is_added_with_its_new_value(desk: Desk) -> None:
    await desk.deliver("products", a_product(*COLOURS))
    await desk.deliver("products", a_product(*COLOURS, a_variant(4, Color="green", Size="S")))
    assert "TEE-green-S" in skus(desk)
    assert the_product(desk)["options"]({})[0]["values"] == ["red", "blue", "green"]


async def test_an_axis_that_comes_later_is_added(desk: Desk) -> None:
    small, large = a_variant(1, Size="S"), a_variant(2, Size="L")
    await desk.deliver("products", a_product(small, large))
    both = [
        structs.replace(one, options={**one.options, "Color": color})
        for one, color in ((small, "red"), (large, "blue"))
    ]
    await desk.deliver("products", a_product(*both))
    titles = sorted(v["title"] for v in the_product(desk)["variants"]({}))
    assert titles == ["L / blue", "S / red"]


async def test_what_people_made_in_the_shop_survives_an_update(desk: Desk) -> None:
    """Never delete what was not read: variants, options' values, images, tags, texts."""
    image = Image(url="https://erp.example/a.jpg", hash="a" * 64)
    await desk.deliver("products", a_product(*COLOURS, images=(image,), tags=("erp",)))
    product = the_product(desk)
    desk.catalog.add_variant(
        product, "BY-HAND", price="99.00", options={"Color": "gold", "Size": "XL"}
    )
    product["_media"].append({"__typename": "MediaImage", "id": "gid://shopify/MediaImage/hand"})
    product["tags"].append("summer")
    product["descriptionHtml"] = "<p>By hand</p>"
    product["status"] = "ACTIVE"
    variant = product["variants"]({})[0]
    variant["price"], variant["barcode"] = "12.34", "by hand"
    fewer = a_product(*COLOURS[:2], title="Tee two", tags=("erp", "new"))
    await desk.deliver("products", fewer)
    assert skus(desk) == ["BY-HAND", "TEE-blue-M", "TEE-red-M", "TEE-red-S"]
    assert len(product["_media"]) == 2
    assert product["tags"] == ["erp", "summer", "new"]
    assert product["title"] == "Tee two"
    assert (product["descriptionHtml"], product["status"]) == ("<p>By hand</p>", "ACTIVE")
    assert (variant["price"], variant["barcode"]) == ("12.34", "by hand")
    assert "gold" in product["options"]({})[0]["values"]


async def test_a_product_with_more_variants_than_a_page_keeps_them_all(
    desk: Desk, acme: AtWork
) -> None:
    many = [a_variant(number, Size=f"{number:03}") for number in range(230)]
    await desk.deliver("products", a_product(*many))
    assert len(the_product(desk)["variants"]({})) == 230
    before = acme.asked("VariantsCreate")
    renamed = structs.replace(many[229], sku="LAST")
    await desk.deliver("products", a_product(*many[:229], renamed))
    assert len(the_product(desk)["variants"]({})) == 230
    assert "LAST" in skus(desk)
    assert acme.asked("VariantsCreate") == before


async def test_images_are_added_once_by_their_content(desk: Desk) -> None:
    one = Image(url="https://erp.example/a.jpg?t=1", hash="a" * 64, alt="Front")
    two = Image(url="https://erp.example/b.jpg", hash="b" * 64)
    await desk.deliver("products", a_product(COLOURS[0], images=(one,)))
    moved = structs.replace(one, url="https://erp.example/a.jpg?t=2")
    await desk.deliver("products", a_product(COLOURS[0], images=(moved, two)))
    media = the_product(desk)["_media"]
    assert [(m["alt"], m["_source"]) for m in media] == [
        ("Front", "https://erp.example/a.jpg?t=1"),
        ("Tee", "https://erp.example/b.jpg"),
    ]


async def test_only_what_is_in_the_document_is_updated(desk: Desk) -> None:
    await desk.deliver("products", a_product(*COLOURS, description="From the ERP"))
    product = the_product(desk)
    product["title"] = "Better title"
    # createOnly leaves title and description out of a later document
    record = a_product(*COLOURS, description="From the ERP", vendor="Acme")
    effects = await desk.plan("products", record, owns=("vendor",))
    assert [effect.name for effect in effects] == ["product"]
    await desk.send(effects)
    assert (product["title"], product["vendor"]) == ("Better title", "Acme")


async def test_archived_is_archived_and_active_is_left_to_people(desk: Desk) -> None:
    await desk.deliver("products", a_product(*COLOURS))
    await desk.deliver("products", a_product(*COLOURS, status="archived"))
    assert the_product(desk)["status"] == "ARCHIVED"
    await desk.deliver("products", a_product(*COLOURS, status="active"))
    assert the_product(desk)["status"] == "ARCHIVED"
    await desk.deliver("products", a_product(*COLOURS), None, status="active")
    assert the_product(desk)["status"] == "ACTIVE"
    with pytest.raises(Refused, match="none of active, draft, archived"):
        await desk.plan("products", a_product(*COLOURS), status="maybe")


async def test_more_variants_or_options_than_shopify_allows_are_refused(
    desk: Desk, acme: AtWork
) -> None:
    many = [a_variant(number, Size=str(number)) for number in range(2049)]
    with pytest.raises(Refused, match="2049 variants, Shopify allows 2048") as caught:
        await desk.plan("products", a_product(*many))
    assert caught.value.code == "TooManyVariants"
    wide = a_variant(1, Size="S", Color="red", Cut="slim", Sleeve="long")
    with pytest.raises(Refused, match=r"4 options \(Size, Color, Cut, Sleeve\)"):
        await desk.plan("products", a_product(wide, a_variant(2, Size="M")))
    assert acme.server.log.entries == []


async def test_a_sku_somebody_else_made_is_not_doubled(desk: Desk) -> None:
    desk.goods("TEE-red-S", title="By hand")
    with pytest.raises(WaitForPerson, match="'TEE-red-S' already") as caught:
        await desk.deliver("products", a_product(*COLOURS))
    assert caught.value.code == "AmbiguousMatch"
    assert len(desk.catalog.of("Product")) == 1


async def test_what_the_shop_has_already_is_adopted_as_it_is(desk: Desk) -> None:
    """`destination.match: [variants]`: it gets our ids, and what is missing; its texts stay."""
    there = desk.catalog.add_product("By hand", descriptionHtml="<p>Mine</p>")
    for sku, options in (("TEE-red-S", ("red", "S")), ("OTHER", ("green", "S"))):
        both = dict(zip(("Color", "Size"), options, strict=True))
        desk.catalog.add_variant(there, sku, price="9.00", options=both)
    matched = {"variants": [{"sku": "TEE-red-S"}]}
    effects = await desk.plan("products", a_product(*COLOURS), match=matched)
    assert effects[0].match == {"variants.sku": ["TEE-blue-M", "TEE-red-M", "TEE-red-S"]}
    call = Call(effect=effects[0], given={}, idempotency_key="k")
    ((found,),) = await desk.destination.candidates([call])
    assert found.destination_id == there["id"]
    adopted = structs.replace(effects[0], operation=Operation.UPDATE, target=there["id"])
    outcome = await desk.send([adopted, *effects[1:]])
    assert outcome.found is not None
    assert (there["title"], there["descriptionHtml"], there["status"]) == (
        "By hand", "<p>Mine</p>", "ACTIVE",
    )  # fmt: skip
    prices = {v["sku"]: v["price"] for v in there["variants"]({})}
    assert prices == {
        "TEE-red-S": "9.00", "OTHER": "9.00", "TEE-red-M": "15.00", "TEE-blue-M": "15.00",
    }  # fmt: skip
    assert await desk.destination.candidates([call]) == [[]], "it has an owner now"


async def test_a_product_that_was_deleted_there_is_a_persons_turn(desk: Desk) -> None:
    await desk.deliver("products", a_product(*COLOURS))
    desk.bound["7"] = "gid://shopify/Product/404"
    outcome = await desk.send(await desk.plan("products", a_product(*COLOURS)))
    assert isinstance(outcome.error, WaitForPerson)
    assert outcome.error.code == "ChangedAtDestination"


async def test_a_deletion_in_the_erp_archives_and_deletes_nothing(desk: Desk) -> None:
    bound = await desk.deliver("products", a_product(*COLOURS))
    for how in ("Cancel", "Delete"):
        removal = Removal(entity="products", external_id="x", how=how, bound=bound, settings={})
        with pytest.raises(Fatal, match=f"cannot {how} products"):
            desk.destination.plan_removal(removal)
    removal = Removal(entity="products", external_id="x", how="Archive", bound=bound, settings={})
    outcome = await desk.send(desk.destination.plan_removal(removal))
    assert outcome.found is not None
    assert the_product(desk)["status"] == "ARCHIVED"
    assert len(skus(desk)) == 3
