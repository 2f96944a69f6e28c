"""Products of the ERP: made once as a draft, adopted only when told, only owned fields written."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Product, Variant
from knect.sdk.contract import Call, Delivered, Removal
from knect.sdk.errors import BadRecord, Fatal, Unreachable, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.woocommerce.tests.conftest import NOON, AtWork, open_shop

CAP = Product(
    source_id="1",
    title="Cap",
    description="<p>Warm</p>",
    variants=(
        Variant(source_id="11", sku="CAP", price=Decimal("9.50"), weight_grams=Decimal(250)),
    ),
)
SHIRT = Product(
    source_id="2",
    title="Crème Shirt!",
    option_names=("Size", "Colour"),
    variants=tuple(
        Variant(
            source_id=f"2{size}",
            sku=f"SHIRT-{size}",
            options={"Size": size, "Colour": "White"},
            price=Decimal(15),
        )
        for size in ("S", "M", "L")
    ),
)


def made(acme: AtWork) -> list[dict[str, Any]]:
    """Return the products we made."""
    return [row for row in acme.books.products.values() if row["meta_data"]]


def variations(acme: AtWork, row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(acme.books.variations[row["id"]].values())


async def test_a_product_of_one_variant_is_simple_and_a_draft(acme: AtWork) -> None:
    (outcome,) = await acme.written("products", CAP)
    (row,) = made(acme)
    assert outcome.found is not None
    assert (outcome.found.destination_id, outcome.found.number) == (str(row["id"]), "CAP")
    assert (row["type"], row["status"], row["sku"]) == ("simple", "draft", "CAP")
    assert (row["regular_price"], row["weight"], row["description"]) == (
        "9.50", "0.25", "<p>Warm</p>")  # fmt: skip
    assert row["meta_data"][0]["value"] == "acme:1"


async def test_several_variants_are_a_variable_product_with_variations(acme: AtWork) -> None:
    await acme.written("products", SHIRT, document={"status": "active"})
    (row,) = made(acme)
    assert (row["type"], row["status"], row["sku"]) == ("variable", "publish", "")
    assert row["slug"].startswith("creme-shirt-")
    assert [(one["name"], one["options"], one["variation"]) for one in row["attributes"]] == [
        ("Size", ["S", "M", "L"], True), ("Colour", ["White"], True)]  # fmt: skip
    told = variations(acme, row)
    assert [one["sku"] for one in told] == ["SHIRT-S", "SHIRT-M", "SHIRT-L"]
    assert told[0]["attributes"] == [
        {"id": 0, "name": "Size", "option": "S"},
        {"id": 0, "name": "Colour", "option": "White"},
    ]  # fmt: skip
    assert told[0]["regular_price"] == "15"


@pytest.mark.parametrize("record", [CAP, SHIRT])
async def test_it_is_told_again_and_nothing_happens(acme: AtWork, record: Product) -> None:
    effects = await acme.planned("products", record)
    (first,) = await acme.sent(effects)
    writes = acme.requests("POST") + acme.requests("PUT")
    (again,) = await acme.sent(effects, again=True)
    assert again.found == first.found
    assert acme.requests("POST") + acme.requests("PUT") == writes


@pytest.mark.parametrize(
    ("record", "reads"), [(CAP, 1), (SHIRT, 2), (SHIRT, 4)], ids=["cap", "shirt", "variations"]
)
async def test_a_lost_answer_is_looked_up_and_one_product_is_made(
    acme: AtWork, record: Product, reads: int
) -> None:
    """The shirt is lost once when it is made, once when its variations are."""
    (effect,) = await acme.planned("products", record)
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert list(await acme.destination.lookup([call])) == [None]
    acme.server.faults.force(*[None] * reads, Fault.COMMIT_THEN_DROP)
    with pytest.raises(Unreachable):
        await acme.destination.write([call])
    (found,) = await acme.destination.lookup([call])
    assert (found is None) == (reads == 2)  # the shirt is there, its variations are not yet
    (outcome,) = await acme.destination.write([structs.replace(call, again=True)])
    assert outcome.found is not None
    assert len(made(acme)) == 1
    (found,) = await acme.destination.lookup([call])
    assert found == outcome.found
    if record is SHIRT:
        assert len(variations(acme, made(acme)[0])) == 3


async def test_a_sku_somebody_elses_product_has_is_not_taken(acme: AtWork) -> None:
    own = acme.books.add_product("CAP", "Another cap", "5.00")
    (outcome,) = await acme.written("products", CAP)
    assert isinstance(outcome.error, WaitForPerson)
    assert f"product {own['id']}" in outcome.error.message
    assert made(acme) == []
    tee = acme.books.add_product("", "Tee", "", kind="variable")
    acme.books.add_variation(tee, "SHIRT-M", {"Size": "M"}, "5.00")
    (outcome,) = await acme.written("products", SHIRT)
    assert isinstance(outcome.error, WaitForPerson)


async def test_it_is_adopted_when_the_pipeline_says_so(acme: AtWork) -> None:
    own = acme.books.add_product("CAP", "Another cap", "5.00")
    (effect,) = await acme.planned("products", CAP, match={"variants": ["CAP"]})
    call = Call(effect=effect, given={}, idempotency_key="k")
    ((candidate,),) = await acme.destination.candidates([call])
    assert candidate.destination_id == str(own["id"])
    (update,) = await acme.planned("products", CAP, bound=candidate.destination_id)
    await acme.sent([update])
    assert (own["name"], own["status"], own["regular_price"]) == ("Cap", "publish", "5.00")
    await acme.written("products", SHIRT)
    (ours,) = await acme.planned("products", SHIRT, match={"variants": ["SHIRT-S"]})
    call = Call(effect=ours, given={}, idempotency_key="k")
    assert list(await acme.destination.candidates([call])) == [[]]


async def test_only_owned_fields_are_brought_to_the_erps(acme: AtWork) -> None:
    (outcome,) = await acme.written("products", CAP)
    (row,) = made(acme)
    row |= {"status": "publish", "short_description": "by hand", "regular_price": "11.00",
            "categories": [{"id": 7}], "images": [{"id": 8}]}  # fmt: skip
    assert outcome.found is not None
    bound = outcome.found.destination_id
    now = structs.replace(CAP, title="Cap 2")
    (effect,) = await acme.planned("products", now, bound=bound)
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert list(await acme.destination.lookup([call])) == [None]
    await acme.sent([effect])
    assert (row["name"], row["status"], row["regular_price"]) == ("Cap 2", "publish", "11.00")
    assert (row["short_description"], row["categories"], row["images"]) == (
        "by hand", [{"id": 7}], [{"id": 8}])  # fmt: skip
    (found,) = await acme.destination.lookup([call])
    assert found is not None
    puts = acme.requests("PUT")
    await acme.sent([effect])
    assert acme.requests("PUT") == puts


async def test_a_try_that_is_repeated_undoes_nobodys_work(acme: AtWork) -> None:
    (effect,) = await acme.planned("products", CAP)
    await acme.sent([effect])
    (row,) = made(acme)
    row |= {"name": "By hand", "status": "publish"}
    (outcome,) = await acme.sent([effect], again=True)
    assert outcome.found is not None
    assert (row["name"], row["status"]) == ("By hand", "publish")


@pytest.mark.parametrize(
    ("told", "status"), [("active", "publish"), ("draft", "draft"), ("archived", "draft")]
)
async def test_what_a_status_is_in_the_shop(acme: AtWork, told: str, status: str) -> None:
    await acme.written("products", CAP, document={"status": told})
    assert made(acme)[0]["status"] == status


async def test_a_sku_that_changed_is_the_same_product(acme: AtWork) -> None:
    (outcome,) = await acme.written("products", SHIRT)
    (row,) = made(acme)
    assert outcome.found is not None
    before = acme.destination.to_document("products", SHIRT, {})
    renamed = structs.replace(SHIRT.variants[0], sku="SHIRT-XS")
    new = Variant(source_id="2X", sku="SHIRT-XL", options={"Size": "XL", "Colour": "Black"},
                  weight_grams=Decimal(300))  # fmt: skip
    now = structs.replace(SHIRT, variants=(renamed, *SHIRT.variants[1:], new))
    ids = [one["id"] for one in variations(acme, row)]
    more = {"bound": outcome.found.destination_id, "previous": before}
    await acme.written("products", now, **more)
    told = variations(acme, row)
    assert [one["sku"] for one in told] == ["SHIRT-XS", "SHIRT-M", "SHIRT-L", "SHIRT-XL"]
    assert [one["id"] for one in told][:3] == ids
    assert told[3]["weight"] == "0.3"
    assert row["attributes"][0]["options"] == ["S", "M", "L", "XL"]
    assert row["attributes"][1]["options"] == ["White", "Black"]
    (cap,) = await acme.written("products", CAP)
    assert cap.found is not None
    other = structs.replace(CAP, variants=(structs.replace(CAP.variants[0], sku="CAP-2"),))
    await acme.written("products", other, bound=cap.found.destination_id)
    assert made(acme)[1]["sku"] == "CAP-2"


async def test_a_type_that_changed_and_a_product_that_is_gone_are_a_persons(acme: AtWork) -> None:
    (outcome,) = await acme.written("products", CAP)
    assert outcome.found is not None
    bound = outcome.found.destination_id
    (changed,) = await acme.written("products", SHIRT, bound=bound)
    assert isinstance(changed.error, WaitForPerson)
    made(acme)[0]["status"] = "trash"
    (gone,) = await acme.written("products", CAP, bound=bound)
    assert isinstance(gone.error, WaitForPerson)
    there = Delivered(entity="products", external_id="acme:1", destination_id=bound)
    assert list(await acme.destination.present([there])) == [False]


async def test_what_is_gone_in_the_erp_is_made_a_draft(acme: AtWork) -> None:
    (outcome,) = await acme.written("products", CAP, document={"status": "active"})
    assert outcome.found is not None
    removal = Removal(entity="products", external_id="acme:1", how="Archive",
                      bound=outcome.found.destination_id, settings={})  # fmt: skip
    (effect,) = acme.destination.plan_removal(removal)
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert list(await acme.destination.lookup([call])) == [None]
    await acme.sent([effect])
    assert made(acme)[0]["status"] == "draft"
    (found,) = await acme.destination.lookup([call])
    assert found is not None
    with pytest.raises(Fatal):
        acme.destination.plan_removal(structs.replace(removal, how="Delete"))
    back = await acme.planned("products", CAP, bound=removal.bound, removed=True)
    (outcome,) = await acme.sent(back)
    assert outcome.found is not None
    assert outcome.found.remark == "switched off as before; a person switches it on"


async def test_a_variant_without_sku_is_named(acme: AtWork) -> None:
    with pytest.raises(BadRecord) as bad:
        await acme.planned("products", structs.replace(
            SHIRT, variants=(SHIRT.variants[0], Variant(source_id="9"))))  # fmt: skip
    assert bad.value.path == "variants[1].sku"
    with pytest.raises(BadRecord):
        acme.destination.to_document("products", structs.replace(SHIRT, variants=()), {})


async def test_variants_without_options_are_told_apart_by_their_titles(acme: AtWork) -> None:
    plain = tuple(structs.replace(one, options={}, title=f"Size {one.sku}")
                  for one in SHIRT.variants)  # fmt: skip
    await acme.written("products", structs.replace(SHIRT, variants=plain))
    (row,) = made(acme)
    assert [(one["name"], one["options"][0]) for one in row["attributes"]] == [
        ("Variant", "Size SHIRT-S")]  # fmt: skip


async def test_a_weight_is_in_the_shops_unit() -> None:
    async with open_shop(config={"weightUnit": "lbs"}) as acme:
        await acme.written("products", CAP)
        (row,) = made(acme)
        assert row["weight"] == "0.5512"
        (change,) = await acme.source.fetch("products", [str(row["id"])])
        read = acme.source.to_record("products", change.raw)
        assert isinstance(read, Product)
        assert read.variants[0].weight_grams is not None
        assert abs(read.variants[0].weight_grams - 250) < Decimal("0.1")


# ---------------------------------------------------------------- reading


async def test_a_product_is_read_with_its_variations(acme: AtWork) -> None:
    await acme.written("products", SHIRT, document={"status": "active"})
    (row,) = made(acme)
    small = variations(acme, row)[0]
    small |= {"sale_price": "12.00", "manage_stock": True, "stock_quantity": 3}
    (change,) = await acme.source.fetch("products", [str(row["id"])])
    product = acme.source.to_record("products", change.raw)
    assert isinstance(product, Product)
    assert (product.status, product.option_names) == ("active", ("Size", "Colour"))
    assert [one.sku for one in product.variants] == ["SHIRT-S", "SHIRT-M", "SHIRT-L"]
    first = product.variants[0]
    assert (first.price, first.compare_at_price) == (Decimal("12.00"), Decimal(15))
    assert (first.options, first.tracked) == ({"Size": "S", "Colour": "White"}, True)


async def test_stock_is_no_change_of_a_product_and_the_trash_no_product(acme: AtWork) -> None:
    row = acme.books.by_sku("KN-100")
    assert row is not None
    before = await acme.source.fetch("products", [str(row["id"])])
    row |= {"stock_quantity": 1, "total_sales": 9}
    assert await acme.source.fetch("products", [str(row["id"])]) == before
    row["status"] = "trash"
    (gone,) = await acme.source.fetch("products", [str(row["id"])])
    assert gone.deleted


def record_of(acme: AtWork, entity: str, raw: Any) -> Any:
    return acme.source.to_record(entity, raw)


async def test_levels_and_prices_are_of_what_is_sold(acme: AtWork) -> None:
    await acme.written("products", SHIRT)
    (row,) = made(acme)
    small, middle, _ = variations(acme, row)
    small |= {"manage_stock": True, "stock_quantity": Decimal("2.5"), "sale_price": "12.00",
              "price": "12.00", "date_on_sale_from_gmt": "2026-03-01T12:00:00"}  # fmt: skip
    middle |= {"manage_stock": "parent", "stock_quantity": 9}
    names = [f"{row['id']}-{one['id']}" for one in (small, middle)]
    levels = {c.id: record_of(acme, "inventory", c.raw)
              for c in await acme.all(entity="inventory")}  # fmt: skip
    assert str(row["id"]) not in levels
    assert (levels[names[0]].available, levels[names[0]].sku) == (Decimal("2.5"), "SHIRT-S")
    assert (levels[names[1]].available, levels[names[1]].tracked) == (None, False)
    row |= {"manage_stock": True, "stock_quantity": 9, "sku": "SHIRT"}
    (shared,) = await acme.source.fetch("inventory", [str(row["id"])])
    assert record_of(acme, "inventory", shared.raw).available == 9
    (change,) = await acme.source.fetch("prices", [names[0]])
    price = record_of(acme, "prices", change.raw)
    assert (price.amount, price.compare_at, price.currency) == (
        Decimal("12.00"), Decimal(15), "EUR")  # fmt: skip
    assert (price.valid_from, price.taxes_included, price.source_id) == (NOON, False, names[0])


async def test_a_variation_is_no_product_by_itself(acme: AtWork) -> None:
    await acme.written("products", SHIRT)
    (row,) = made(acme)
    (gone,) = await acme.source.fetch("products", [str(variations(acme, row)[0]["id"])])
    assert gone.deleted


async def test_an_attribute_the_whole_shop_has_is_told_by_its_id(acme: AtWork) -> None:
    own = acme.books.add_product("", "Shirt", "", kind="variable", stock=None)
    own["attributes"] = [{"id": 6, "name": "size", "variation": True, "options": ["S"]}]
    acme.books.add_variation(own, "SHIRT-S", {"size": "S"}, "5.00")
    await acme.written("products", SHIRT, bound=str(own["id"]))
    added = variations(acme, own)[1]
    assert added["attributes"] == [
        {"id": 6, "name": "size", "option": "M"},
        {"id": 0, "name": "Colour", "option": "White"},
    ]  # fmt: skip
    assert own["attributes"][0] == {
        "id": 6, "name": "size", "variation": True, "options": ["S", "M", "L"]}  # fmt: skip


async def test_a_service_is_virtual(acme: AtWork) -> None:
    await acme.written("products", structs.replace(CAP, kind="service"))
    assert made(acme)[0]["virtual"]
