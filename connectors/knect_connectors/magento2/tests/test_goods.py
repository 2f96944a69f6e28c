"""Writing products, customers and the state of orders."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Address, Customer, Order, Product, Totals, Variant
from knect.sdk.contract import Delivered, Removal
from knect.sdk.errors import BadRecord, Fatal, Refused, RetryLater, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.magento.product_ids import joined, parted
from knect_connectors.magento2.tests.conftest import NOON, AtWork, call_of
from knect_connectors.magento2.tests.test_shipments import parcel, payment
from knect_connectors.magento2.tests.test_writing import LEVEL, PRICE

TEE = Product(
    source_id="7",
    title="Tee <b>",
    description="<p>Soft</p>",
    variants=(Variant(source_id="1", sku="TEE-S", price=Decimal(15), weight_grams=Decimal(250)),),
)
TWO = structs.replace(
    TEE, variants=tuple(Variant(source_id=str(n), sku=f"T/{n}", title=f"Size {n}") for n in (1, 2))
)

# ---------------------------------------------------------------- products


async def test_a_product_is_made_switched_off_for_all_store_views_and_never_twice(
    acme: AtWork,
) -> None:
    (made,) = await acme.write("products", TEE, settings={"websites": [1], "taxClass": 5})
    assert made.found is not None
    row = acme.product("TEE-S")
    assert (row["status"], row["name"], row["price"]) == (2, "Tee <b>", 15)
    assert (row["weight"], row["visibility"]) == (Decimal("0.25"), 4)
    assert row["custom_attributes"]["description"] == "<p>Soft</p>"
    assert row["custom_attributes"]["tax_class_id"] == "5"
    assert row["extension_attributes"]["website_ids"] == [1]
    assert acme.books.scoped == {}, "a value of one store view would hide the others'"
    (again,) = await acme.write("products", TEE)  # an earlier try has made it, as it would be now
    assert again.found == made.found
    row["status"] = 1  # and this is somebody's
    (other,) = await acme.write("products", TEE)
    assert isinstance(other.error, WaitForPerson)
    assert other.error.code == "DuplicateSku"
    assert len(acme.books.products) == 6


async def test_afterwards_only_what_the_document_holds_and_differs_is_written(
    acme: AtWork,
) -> None:
    (made,) = await acme.write("products", TWO)
    assert made.found is not None
    acme.product("T/1")["status"] = 1  # somebody put it on sale
    renamed = structs.replace(TWO, title="T-Shirt")
    for _ in range(2):
        before = acme.requests()
        await acme.write("products", renamed, bound=made.found.destination_id)
        used = acme.requests() - before
    assert used == 1, "nothing is saved that is so already"
    row = acme.product("T/1")
    assert (row["name"], row["status"], row["visibility"]) == ("T-Shirt", 1, 1)


@pytest.mark.parametrize("step", [1, 2])
async def test_a_lost_answer_to_a_variant_is_no_second_product(acme: AtWork, step: int) -> None:
    (effect,) = await acme.plan("products", TWO)
    call = call_of(effect)
    acme.server.faults.force(*[None] * step, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await acme.destination.write([call])
    (found,) = await acme.destination.lookup([call])
    assert (found is not None) == (step == 2)
    (done,) = await acme.destination.write([call])
    assert done.found is not None
    assert len(acme.books.products) == 7


async def test_a_sku_that_changed_keeps_its_product(acme: AtWork) -> None:
    (made,) = await acme.write("products", TWO)
    assert made.found is not None
    identifier = acme.product("T/1")["id"]
    previous = acme.destination.to_document("products", TWO, {})
    first, second = TWO.variants
    changed = structs.replace(TWO, variants=(structs.replace(first, sku="T 1 new"), second))
    (after,) = await acme.write(
        "products", changed, bound=made.found.destination_id, previous=previous
    )
    assert after.found is not None
    assert after.found.destination_id == made.found.destination_id
    assert acme.product("T 1 new")["id"] == identifier
    taken = structs.replace(TWO, variants=(structs.replace(first, sku="KN-100"), second))
    (refused,) = await acme.write(
        "products", taken, bound=made.found.destination_id, previous=previous
    )
    assert isinstance(refused.error, WaitForPerson)


async def test_what_is_there_can_be_adopted(acme: AtWork) -> None:
    row = acme.books.add_product("TEE-S", "By hand", Decimal(9))
    (effect,) = await acme.plan("products", TEE, match={"variants": ["TEE-S"]})
    ((candidate,),) = await acme.destination.candidates([call_of(effect)])
    assert candidate.destination_id == str(row["id"])


async def test_what_is_gone_in_the_erp_is_switched_off(acme: AtWork) -> None:
    (made,) = await acme.write("products", TEE)
    assert made.found is not None
    acme.product("TEE-S")["status"] = 1
    removal = Removal(entity="products", external_id="e", how="Archive",
                      bound=made.found.destination_id, settings={})  # fmt: skip
    effects = acme.destination.plan_removal(removal)
    assert await acme.destination.lookup([call_of(effects[0])]) == [None]
    for _ in range(2):
        (off,) = await acme.send(effects)
        assert off.found is not None
    assert acme.product("TEE-S")["status"] == 2
    with pytest.raises(Fatal, match="cannot Delete a product"):
        acme.destination.plan_removal(structs.replace(removal, how="Delete"))


async def test_the_shops_words_on_a_product_are_told(acme: AtWork) -> None:
    (refused,) = await acme.write("products", TEE, settings={"attributeSet": 99})
    assert isinstance(refused.error, Refused)
    assert "Attribute set entity type mismatch" in refused.error.message
    with pytest.raises(BadRecord, match="has no variant to sell"):
        await acme.plan("products", structs.replace(TEE, variants=()))
    with pytest.raises(BadRecord, match="has no SKU"):
        await acme.plan("products", structs.replace(TEE, variants=(Variant(source_id="1"),)))


def test_ids_are_one_short_text() -> None:
    many = [str(n) for n in (*range(10_000, 10_400), 7, 12, 13)]
    assert joined(["7", "9"]) == "7,9"
    assert joined(many) == "10000-10399,7,12-13"
    assert parted(joined(many)) == many
    assert parted("") == []


# ---------------------------------------------------------------- customers

CUSTOMER = Customer(
    source_id="1",
    email="Ana@Example.com",
    first_name="Ana",
    last_name="García",
    tax_id="ES1",
    default_address=Address(name="Ana García", street=("Calle Mayor 1",), city="Madrid",
                            postal_code="28013", country="ES", phone="+34 1",
                            region_name="Madrid"),
)  # fmt: skip


async def test_a_customer_is_one_per_email_and_gets_an_address_it_lacks(acme: AtWork) -> None:
    (made,) = await acme.write("customers", CUSTOMER)
    (again,) = await acme.write("customers", CUSTOMER)
    assert made.found == again.found
    (row,) = acme.books.customers.values()
    (address,) = row["addresses"]
    assert (address["street"], address["country_id"]) == (["Calle Mayor 1"], "ES")
    assert (row["default_billing"], row["taxvat"]) == (str(address["id"]), "ES1")
    assert CUSTOMER.default_address is not None
    moved = structs.replace(
        CUSTOMER, default_address=structs.replace(CUSTOMER.default_address, city="Sevilla")
    )
    for _ in range(2):
        await acme.write("customers", moved, bound="1")
        assert [one["city"] for one in row["addresses"]] == ["Madrid", "Sevilla"]
    assert row["default_billing"] == str(address["id"])
    assert row["group_id"] == 1, "what is not told stays"


async def test_a_lost_answer_to_a_customer_is_looked_up(acme: AtWork) -> None:
    (effect,) = await acme.plan("customers", CUSTOMER)
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await acme.destination.write([call_of(effect)])
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert found is not None
    await acme.destination.write([call_of(effect)])
    (row,) = acme.books.customers.values()
    assert len(row["addresses"]) == 1


async def test_a_customer_that_came_into_being_meanwhile_is_taken(acme: AtWork) -> None:
    handle = acme.simulator.handle

    async def meanwhile(request: Any) -> Any:
        if request.method == "POST" and not acme.books.customers:
            acme.books.add_customer("ana@example.com", "Ana", "García", NOON)
        return await handle(request)

    acme.simulator.handle = meanwhile  # type: ignore[method-assign]
    (made,) = await acme.write("customers", CUSTOMER)
    assert made.found is not None
    (row,) = acme.books.customers.values()
    assert (made.found.destination_id, row["taxvat"]) == (str(row["id"]), "ES1")


async def test_an_email_people_log_in_with_is_a_persons_matter(acme: AtWork) -> None:
    await acme.write("customers", CUSTOMER)
    other = structs.replace(CUSTOMER, email="other@example.com")
    (refused,) = await acme.write("customers", other, bound="1")
    assert isinstance(refused.error, WaitForPerson)
    with pytest.raises(BadRecord, match="has no e-mail"):
        await acme.plan("customers", structs.replace(CUSTOMER, email=None))
    acme.books.customers.clear()
    (gone,) = await acme.write("customers", CUSTOMER, bound="1")
    assert isinstance(gone.error, WaitForPerson)


# ---------------------------------------------------------------- orders


def sale(order: dict[str, Any], **more: Any) -> Order:
    return Order(source_id="s1", number=order["increment_id"], name=order["increment_id"],
                 currency="EUR", placed_at=NOON, updated_at=NOON,
                 totals=Totals(total=Decimal(1)), **more)  # fmt: skip


async def test_a_cancelled_sale_cancels_the_order_once(acme: AtWork) -> None:
    order = acme.put()
    bound = str(order["entity_id"])
    for _ in range(2):
        (done,) = await acme.write("orders", sale(order, cancelled_at=NOON), bound=bound)
        assert done.found is not None
        assert done.found.number == order["increment_id"]
    assert order["state"] == "canceled"
    assert len(order["status_histories"]) == 1


async def test_a_lost_answer_to_a_cancellation_is_looked_up(acme: AtWork) -> None:
    order = acme.put()
    (effect,) = await acme.plan(
        "orders", sale(order, cancelled_at=NOON), bound=str(order["entity_id"])
    )
    assert await acme.destination.lookup([call_of(effect)]) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await acme.destination.write([call_of(effect)])
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert found is not None


@pytest.mark.parametrize("act", ["invoice", "ship", "hold"])
async def test_what_left_the_house_or_is_held_is_not_cancelled(acme: AtWork, act: str) -> None:
    order = acme.put()
    await acme.simulator.do(act, {"number": order["increment_id"]})
    (refused,) = await acme.write(
        "orders", sale(order, cancelled_at=NOON), bound=str(order["entity_id"])
    )
    assert isinstance(refused.error, WaitForPerson)
    assert refused.error.code == "ChangedAtDestination"
    assert order["state"] != "canceled"


async def test_an_edited_order_is_cancelled_at_its_last_number(acme: AtWork) -> None:
    order = acme.put()
    edit = {"number": order["increment_id"], "sku": "KN-500", "price": "4.20"}
    last = await acme.simulator.do("edit", edit)
    await acme.write("orders", sale(order, cancelled_at=NOON), bound=str(order["entity_id"]))
    assert acme.books.order(last)["state"] == "canceled"


async def test_a_comment_is_made_once_even_if_its_answer_is_lost(acme: AtWork) -> None:
    order = acme.put()
    words = {"comment": "picked", "status": "processing", "notify": True}
    bound = str(order["entity_id"])
    (effect,) = await acme.plan("orders", sale(order), bound=bound, set=words)
    assert await acme.destination.lookup([call_of(effect)]) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater) as lost:
        await acme.destination.write([call_of(effect)])
    assert lost.value.could_have_been_seen
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert found is not None
    await acme.destination.write([call_of(effect)])
    assert [one["comment"] for one in acme.books.mails] == ["picked"]
    assert order["status"] == "processing"
    assert await acme.plan("orders", sale(order), bound=bound, set=words, previous=words) == ()


async def test_a_sale_that_is_restored_is_a_persons(acme: AtWork) -> None:
    order = acme.put()
    with pytest.raises(WaitForPerson):
        await acme.plan("orders", sale(order), bound="1", previous={"cancelled": True})


# ---------------------------------------------------------------- audits


async def test_an_audit_is_told_what_is_no_longer_there(acme: AtWork) -> None:
    order = acme.put()
    there = {"orders": str(order["entity_id"])}
    for entity, record in (
        ("shipments", parcel(order)), ("payments", payment(order)), ("customers", CUSTOMER),
        ("products", TWO), ("prices", PRICE), ("inventory", LEVEL),
    ):  # fmt: skip
        (outcome,) = await acme.write(entity, record)
        assert outcome.found is not None, outcome.error
        there[entity] = outcome.found.destination_id

    async def present(entity: str) -> list[bool | None]:
        asked = Delivered(entity=entity, external_id="e", destination_id=there[entity])
        return list(await acme.destination.present([asked]))

    for entity in there:
        assert await present(entity) == [True], entity
    for table in ("shipments", "invoices", "orders", "customers"):
        getattr(acme.books, table).clear()
    for sku in ("T/2", "KN-100"):
        await acme.simulator.do("delete_product", {"sku": sku})
    for entity in there:
        assert await present(entity) == [False], entity
