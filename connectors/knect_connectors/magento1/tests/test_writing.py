"""Writing stock, prices, products, customers and the state of orders."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Address, Customer, InventoryLevel, Order, Price, Product, Record, Variant
from knect.sdk.contract import Call, Delivery, Effect, Outcome
from knect.sdk.errors import (
    BadRecord,
    ConnectorError,
    MissingReference,
    NotForThere,
    Refused,
    WaitForPerson,
)
from knect.sdk.testing import Fault
from knect_connectors.magento1.simulator import small_orders
from knect_connectors.magento1.tests.conftest import NOON, AtWork, open_shop

LEVEL = InventoryLevel(source_id="1", sku="KN-100", location="WH", available=Decimal("7.9"))
PRICE = Price(source_id="1", sku="KN-100", currency="EUR", amount=Decimal("41.50"),
              price_list="default")  # fmt: skip


async def plan(
    acme: AtWork,
    entity: str,
    record: Record,
    *,
    settings: Mapping[str, Any] | None = None,
    bound: str | None = None,
    **more: Any,
) -> Sequence[Effect]:
    destination = acme.connector.destination
    assert destination is not None
    document = {**destination.to_document(entity, record, settings or {}), **more.pop("set", {})}
    references = destination.references(entity, record)
    answers = await destination.resolve(references)
    for answer in answers.values():
        if isinstance(answer, ConnectorError):
            raise answer
    resolved = {key: one for key, one in answers.items() if isinstance(one, str)}
    resolved |= {("orders", one.value): one.value for one in references if one.kind == "orders"}
    return destination.plan(
        Delivery(entity=entity, external_id=f"erp:{record.source_id}", document=document,
                 record=record, bound=bound, resolved=resolved, settings=settings or {}, **more)
    )  # fmt: skip


async def send(acme: AtWork, effects: Sequence[Effect]) -> list[Outcome]:
    destination = acme.connector.destination
    assert destination is not None
    given: dict[str, str] = {}
    outcomes = []
    for effect in effects:
        needed = {name: given[name] for name in effect.needs}
        call = Call(effect=effect, given=needed, idempotency_key="k")
        (outcome,) = await destination.write([call])
        outcomes.append(outcome)
        if outcome.found is None:
            break
        given[effect.name] = outcome.found.destination_id
    return outcomes


async def write(acme: AtWork, entity: str, record: Record, **more: Any) -> list[Outcome]:
    return await send(acme, await plan(acme, entity, record, **more))


def product(acme: AtWork, sku: str) -> dict[str, Any]:
    row = acme.books.product_by_sku(sku)
    assert row is not None
    return row


def stock(acme: AtWork, sku: str) -> dict[str, Any]:
    return acme.books.stock[product(acme, sku)["product_id"]]


# ---------------------------------------------------------------- stock


async def test_stock_is_whole_pieces_and_says_whether_there_are_any(acme: AtWork) -> None:
    (done,) = await write(acme, "inventory", LEVEL)
    assert done.found is not None
    assert stock(acme, "KN-100") == {"qty": "7.0000", "is_in_stock": "1", "manage_stock": "1"}
    none = structs.replace(LEVEL, available=Decimal(-3))
    await write(acme, "inventory", none)
    assert (stock(acme, "KN-100")["qty"], stock(acme, "KN-100")["is_in_stock"]) == ("0.0000", "0")
    await write(acme, "inventory", none, settings={"inStock": "Leave"})
    assert stock(acme, "KN-100")["is_in_stock"] == "0"


async def test_a_hundred_levels_are_a_few_requests() -> None:
    async with open_shop() as acme:
        for number in range(100):
            acme.books.add_product(f"X-{number}", "X", Decimal(1))
        destination = acme.connector.destination
        assert destination is not None
        calls = []
        for number in range(100):
            level = structs.replace(LEVEL, source_id=str(number), sku=f"X-{number}")
            (effect,) = await plan(acme, "inventory", level)
            calls.append(Call(effect=effect, given={}, idempotency_key=str(number)))
        before = acme.requests()
        outcomes = await destination.write(calls)
        assert acme.requests() - before == 5, "one look, and 25 in a request"
        assert all(outcome.found for outcome in outcomes)
        assert {stock(acme, f"X-{n}")["qty"] for n in range(100)} == {"7.0000"}


async def test_one_row_that_is_refused_harms_no_other(acme: AtWork) -> None:
    destination = acme.connector.destination
    assert destination is not None
    effects = [
        *await plan(acme, "inventory", LEVEL),
        *await plan(acme, "inventory", structs.replace(LEVEL, sku="KN-200")),
    ]
    await acme.simulator.do("delete_product", {"sku": "KN-100"})
    calls = [Call(effect=one, given={}, idempotency_key="k") for one in effects]
    gone, there = await destination.write(calls)
    assert isinstance(gone.error, MissingReference)
    assert (gone.error.kind, gone.error.value) == ("sku", "KN-100")
    assert there.found is not None
    assert stock(acme, "KN-200")["qty"] == "7.0000"


async def test_a_sku_that_is_a_number_is_never_taken_for_an_id(acme: AtWork) -> None:
    """Product 3 has another SKU; the SKU "3" is product 6."""
    acme.books.add_product("3", "Called three", Decimal(1))
    other = acme.books.products["3"]
    assert other["sku"] == "KN-300"
    numeric = structs.replace(LEVEL, sku="3")
    effects = await plan(acme, "inventory", numeric)
    await send(acme, effects)
    assert stock(acme, "3")["qty"] == "7.0000"
    assert stock(acme, "KN-300")["qty"] == "10.0000"
    (priced,) = await write(acme, "prices", structs.replace(PRICE, sku="3"))
    assert priced.found is not None
    assert ("3", "default") not in acme.books.scoped
    assert acme.books.scoped["6", "default"]["price"] == "41.5000"
    await acme.simulator.do("delete_product", {"sku": "3"})
    (late,) = await send(acme, effects)
    assert isinstance(late.error, MissingReference)
    assert stock(acme, "KN-300")["qty"] == "10.0000", "the product with that id was written"


async def test_what_has_no_stock_of_its_own_is_skipped_with_a_reason(acme: AtWork) -> None:
    acme.books.add_product("SET", "Set", Decimal(1), kind="bundle")
    for level, code in (
        (structs.replace(LEVEL, sku="SET"), "BundleItem"),
        (structs.replace(LEVEL, kind="service"), "NotTracked"),
        (structs.replace(LEVEL, tracked=False), "NotTracked"),
    ):
        with pytest.raises(NotForThere) as caught:
            await plan(acme, "inventory", level)
        assert caught.value.code == code
    with pytest.raises(NotForThere, match="one stock: that of 'Hamburg'"):
        await plan(acme, "inventory", LEVEL, settings={"location": "Hamburg"})


async def test_a_sku_that_is_only_nearly_the_same_is_named(acme: AtWork) -> None:
    with pytest.raises(MissingReference, match=r"'KN-100' \(product 1\), which differs by"):
        await plan(acme, "inventory", structs.replace(LEVEL, sku="kn-100"))


# ---------------------------------------------------------------- prices


async def test_prices_are_written_to_the_store_view_that_is_named(acme: AtWork) -> None:
    await write(acme, "prices", PRICE)
    assert acme.books.scoped["1", "default"] == {"price": "41.5000"}
    assert product(acme, "KN-100")["price"] == "39.9000", "the others keep theirs"


async def test_a_compare_at_price_makes_the_amount_the_special_price(acme: AtWork) -> None:
    reduced = structs.replace(
        PRICE, compare_at=Decimal("49.00"), valid_from=datetime(2026, 3, 1, tzinfo=UTC)
    )
    await write(acme, "prices", reduced)
    there = acme.books.scoped["1", "default"]
    assert (there["price"], there["special_price"]) == ("49.0000", "41.5000")
    assert (there["special_from_date"], there["special_to_date"]) == ("2026-03-01", "")
    # a special price that is not ours stays; ours is taken away
    await write(acme, "prices", PRICE)
    assert acme.books.scoped["1", "default"]["special_price"] == "41.5000"
    await write(acme, "prices", PRICE, previous={"special_price": "41.50"})
    assert acme.books.scoped["1", "default"]["special_price"] == ""


async def test_a_tier_is_put_beside_those_of_others(acme: AtWork) -> None:
    theirs = {"customer_group_id": "2", "website": "all", "qty": "5.0000", "price": "30.0000"}
    product(acme, "KN-100")["tier_price"] = [theirs]
    tier = structs.replace(PRICE, minimum_quantity=Decimal(10), amount=Decimal("35.00"))
    for _ in range(2):
        await write(acme, "prices", tier)
        assert product(acme, "KN-100")["tier_price"] == [
            theirs,
            {"customer_group_id": "all", "website": "all", "qty": "10.0000", "price": "35.0000"},
        ]


@pytest.mark.parametrize(
    ("price", "code"),
    [
        (structs.replace(PRICE, currency="USD"), "CurrencyNotSold"),
        (structs.replace(PRICE, amount=Decimal("1.005")), "TooManyDecimals"),
    ],
)
async def test_nothing_is_converted_or_rounded(acme: AtWork, price: Price, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await plan(acme, "prices", price)
    assert caught.value.code == code
    assert acme.books.scoped == {}


async def test_an_unknown_price_list_says_what_there_is(acme: AtWork) -> None:
    with pytest.raises(
        MissingReference, match=r"'Wholesale' is no store view .* has 'default', 'uk'"
    ):
        await plan(acme, "prices", structs.replace(PRICE, price_list="Wholesale"))


# ---------------------------------------------------------------- products and customers

TEE = Product(
    source_id="7",
    title="Tee <b>",
    variants=(Variant(source_id="1", sku="TEE-S", price=Decimal(15)),),
)


async def test_a_product_is_made_switched_off_and_never_twice(acme: AtWork) -> None:
    (made,) = await write(acme, "products", TEE)
    assert made.found is not None
    row = product(acme, "TEE-S")
    assert (row["status"], row["name"], row["price"]) == ("2", "Tee <b>", "15.0000")
    assert stock(acme, "TEE-S")["qty"] == "0"
    (again,) = await write(acme, "products", TEE)  # an earlier try has made it, as it would be now
    assert again.found == made.found
    row["status"] = "1"  # and this is somebody's
    (other,) = await write(acme, "products", TEE)
    assert isinstance(other.error, WaitForPerson)
    assert other.error.code == "DuplicateSku"
    assert len(acme.books.products) == 6


async def test_afterwards_only_what_the_document_holds_is_written(acme: AtWork) -> None:
    (made,) = await write(acme, "products", TEE)
    assert made.found is not None
    product(acme, "TEE-S")["status"] = "1"  # somebody put it on sale
    renamed = structs.replace(TEE, title="T-Shirt")
    await write(acme, "products", renamed, bound=made.found.destination_id)
    row = product(acme, "TEE-S")
    assert (row["name"], row["status"], row["price"]) == ("T-Shirt", "1", "15.0000")


async def test_hundreds_of_variants_are_one_product_with_a_name_a_ledger_can_keep(
    acme: AtWork,
) -> None:
    many = structs.replace(
        TEE,
        variants=tuple(
            structs.replace(TEE.variants[0], source_id=f"v{n}", sku=f"TEE-{n}") for n in range(600)
        ),
    )
    (made,) = await write(acme, "products", many)
    assert made.found is not None
    assert len(made.found.destination_id) <= 1_000
    previous = acme.connector.destination.to_document("products", many, {})  # type: ignore[union-attr]
    first, *others = many.variants
    renamed = structs.replace(many, variants=(structs.replace(first, sku="TEE-NEW"), *others))
    identifier = product(acme, "TEE-0")["product_id"]
    (after,) = await write(
        acme, "products", renamed, bound=made.found.destination_id, previous=previous
    )
    assert after.found is not None
    assert after.found.destination_id == made.found.destination_id
    assert product(acme, "TEE-NEW")["product_id"] == identifier, "renamed, not made anew"


async def test_what_is_there_can_be_adopted(acme: AtWork) -> None:
    acme.books.add_product("TEE-S", "By hand", Decimal(9))
    (effect,) = await plan(acme, "products", TEE, match={"variants": ["TEE-S"]})
    destination = acme.connector.destination
    assert destination is not None
    call = Call(effect=effect, given={}, idempotency_key="k")
    ((candidate,),) = await destination.candidates([call])
    assert candidate.destination_id == product(acme, "TEE-S")["product_id"]


CUSTOMER = Customer(
    source_id="1",
    email="Ana@Example.com",
    first_name="Ana",
    last_name="García",
    default_address=Address(name="Ana García", street=("Calle Mayor 1",), city="Madrid",
                            postal_code="28013", country="ES", phone="+34 1"),
)  # fmt: skip


async def test_a_customer_is_one_per_email_and_gets_an_address_it_lacks(acme: AtWork) -> None:
    (made,) = await write(acme, "customers", CUSTOMER)
    (again,) = await write(acme, "customers", CUSTOMER)
    assert made.found == again.found
    assert len(acme.books.customers) == 1
    (address,) = acme.books.addresses.values()
    assert (address["street"], address["country_id"]) == ("Calle Mayor 1", "ES")
    assert CUSTOMER.default_address is not None
    moved = structs.replace(
        CUSTOMER, default_address=structs.replace(CUSTOMER.default_address, city="Sevilla")
    )
    await write(acme, "customers", moved, bound="1")
    assert [one["city"] for one in acme.books.addresses.values()] == ["Madrid", "Sevilla"]


async def test_a_customer_that_came_into_being_meanwhile_is_taken(acme: AtWork) -> None:
    methods = acme.simulator.calls._methods
    listed = methods["customer.list"]
    answers: list[list[Any]] = [[]]

    def late(filters: Any = None) -> Any:
        return answers.pop() if answers else listed(filters)

    acme.books.add_customer("ana@example.com", "Ana", "García", NOON)
    methods["customer.list"] = late
    (made,) = await write(acme, "customers", CUSTOMER)
    assert made.found is not None
    assert made.found.destination_id == "1"
    assert len(acme.books.customers) == 1


async def test_an_email_people_log_in_with_is_a_persons_matter(acme: AtWork) -> None:
    await write(acme, "customers", CUSTOMER)
    other = structs.replace(CUSTOMER, email="other@example.com")
    (refused,) = await write(acme, "customers", other, bound="1")
    assert isinstance(refused.error, WaitForPerson)
    with pytest.raises(BadRecord, match="has no e-mail"):
        await plan(acme, "customers", structs.replace(CUSTOMER, email=None))


# ---------------------------------------------------------------- orders


def sale(number: str, **more: Any) -> Order:
    return Order(source_id="s1", number=number, name=number, currency="EUR", placed_at=NOON,
                 updated_at=NOON, totals={"total": Decimal(1)}, **more)  # type: ignore[arg-type] # fmt: skip


async def test_a_cancelled_sale_cancels_the_order_once(acme: AtWork) -> None:
    number = await acme.simulator.do("place", {"sku": "KN-100", "price": "39.90"})
    for _ in range(2):
        (done,) = await write(acme, "orders", sale(number, cancelled_at=NOON), bound=number)
        assert done.found is not None
    assert acme.books.orders[number]["state"] == "canceled"
    assert acme.simulator.rpc.counts["sales_order.cancel"] == 1


async def test_what_left_the_house_is_not_cancelled(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    (refused,) = await write(acme, "orders", sale(number, cancelled_at=NOON), bound=number)
    assert isinstance(refused.error, WaitForPerson)
    assert refused.error.code == "ChangedAtDestination"
    assert acme.books.orders[number]["state"] == "processing"


async def test_an_edited_order_is_cancelled_at_its_last_number(acme: AtWork) -> None:
    number = await acme.simulator.do("place", {"sku": "KN-100", "price": "39.90"})
    last = await acme.simulator.do("edit", {"number": number, "sku": "KN-500", "price": "4.20"})
    await write(acme, "orders", sale(number, cancelled_at=NOON), bound=number)
    assert acme.books.orders[last]["state"] == "canceled"


async def test_a_comment_is_made_once_even_if_its_answer_is_lost(acme: AtWork) -> None:
    number = await acme.simulator.do("place", {"sku": "KN-100", "price": "39.90"})
    (effect,) = await plan(acme, "orders", sale(number), bound=number,
                           set={"comment": "picked", "status": "processing", "notify": True})  # fmt: skip
    destination = acme.connector.destination
    assert destination is not None
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert await destination.lookup([call]) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(ConnectorError) as lost:
        await destination.write([call])
    assert lost.value.could_have_been_seen
    (found,) = await destination.lookup([call])
    assert found is not None
    await destination.write([call])
    assert [one["comment"] for one in acme.books.mails] == ["picked"]
    assert acme.books.orders[number]["status"] == "processing"
