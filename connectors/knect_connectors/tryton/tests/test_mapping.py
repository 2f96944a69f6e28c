"""An order's fields in Tryton, and the plan that writes them."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from tests.support.orders import a_line, a_shipping, an_address, an_order

from knect.model import Discount, OrderLine, PartyRef, TaxLine
from knect.sdk.contract import Delivery, Operation
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.tryton.config import Config, read_config
from knect_connectors.tryton.mapping import order_document, order_references
from knect_connectors.tryton.plan import plan_order

CONFIG = Config(url="https://erp.acme.com", database="erp", webShop="acme")
INCLUDED = an_order(
    "24.90",
    a_line(quantity="2", taxes=(("0.19", "3.19"),)),
    shipping_lines=(a_shipping(taxes=(("0.19", "0.78"),)),),
    taxes_included=True,
)
RESOLVED = {
    ("sku", "SKU-001"): "1",
    ("sku", "SHIPPING"): "2",
    ("sku", "ROUNDING"): "3",
    ("tax", "0.19"): "7@0.19",
    ("currency", "EUR"): "1",
    ("country", "DE"): "9",
    ("company", "tax_rounding"): "line",
}


def a_delivery(
    order: Any = INCLUDED,
    *,
    bound: Any = None,
    resolved: Any = RESOLVED,
    document: Any = None,
    **settings: Any,
) -> Any:
    return Delivery(
        entity="orders",
        external_id="acme:1001",
        document=order_document(CONFIG, order) if document is None else document,
        record=order,
        bound=bound,
        resolved=resolved,
        settings=settings,
    )


def test_net_is_what_remains_of_the_price_without_tax_and_discount() -> None:
    order = an_order(
        "17.51",
        a_line(quantity="2", discount="2.49", taxes=(("0.19", "2.80"),)),
        taxes_included=True,
    )
    (line,) = order_document(CONFIG, order)["lines"]
    assert line["net"] == Decimal("14.71")
    assert line["description"] == "Thing SKU-001\nSAVE: -2.49 EUR"


def test_references_are_named_once_and_where_the_order_names_them() -> None:
    references = order_references(CONFIG, INCLUDED)
    assert [(r.kind, r.value, r.path) for r in references] == [
        ("sku", "SKU-001", "lines[0].sku"),
        ("tax", "0.19", "lines[0].taxes[0]"),
        ("sku", "SHIPPING", "shipping_lines[0]"),
        ("sku", "ROUNDING", "rounding"),
        ("currency", "EUR", "currency"),
        ("country", "DE", "billing_address.country"),
        ("company", "tax_rounding", ""),
    ]


def test_paths_count_the_orders_lines_and_not_the_sales() -> None:
    order = an_order("10.00", a_line("GONE", quantity="0"), a_line("SKU-002"))
    references = {r.value: r.path for r in order_references(CONFIG, order)}
    assert references["SKU-002"] == "lines[1].sku"
    assert "GONE" not in references


def test_a_gift_card_sold_is_its_own_product_without_its_sku() -> None:
    order = an_order("50.00", a_line(sku="GC-50", price="50.00", gift_card=True))
    assert order_document(CONFIG, order)["lines"][0]["product"] == "GIFTCARD"


def test_a_tax_without_a_rate_is_found_by_its_title_or_by_configuration() -> None:
    tax = TaxLine(title="Eco tax", amount=Decimal("1.00"))
    line = OrderLine(id="1", sku="S", quantity=Decimal(1), unit_price=Decimal(9), taxes=(tax,))
    order = an_order("10.00", line)
    assert order_document(CONFIG, order)["lines"][0]["taxes"][0]["ref"] == "Eco tax"
    named = structs.replace(CONFIG, taxes={"Eco tax": "Eco 11%"})
    assert order_document(named, order)["lines"][0]["taxes"][0]["ref"] == "Eco 11%"


def test_the_plan_writes_party_addresses_sale_and_state_in_that_order() -> None:
    effects = plan_order(CONFIG, a_delivery())
    assert [(e.name, e.write, e.operation) for e in effects] == [
        ("party", "party", Operation.ENSURE),
        ("addresses", "address", Operation.ENSURE),
        ("sale", "sale", Operation.CREATE),
        ("state", "state", Operation.ACT),
    ]
    assert [e.name for e in effects if e.primary] == ["state"]  # knows the number
    assert effects[3].body == {"state": "Confirmed", "total": "24.90"}


def test_a_known_sale_is_updated_at_its_id() -> None:
    sale = plan_order(CONFIG, a_delivery(bound="17"))[2]
    assert (sale.operation, sale.target) == (Operation.UPDATE, "17")


def test_the_lease_is_on_the_email_whoever_wrote_it() -> None:
    guest = PartyRef(email="Ann@Example.com ")
    orders = [structs.replace(INCLUDED, customer=guest, number=number) for number in ("1", "2")]
    keys = {plan_order(CONFIG, a_delivery(order))[0].key for order in orders}
    assert keys == {"ann@example.com"}


def test_another_address_of_the_same_customer_is_another_write() -> None:
    moved = structs.replace(INCLUDED, shipping_address=an_address(city="Kiel"))
    one, two = (plan_order(CONFIG, a_delivery(order))[1] for order in (INCLUDED, moved))
    assert one.external_id != two.external_id
    assert max(len(one.external_id), len(two.external_id)) <= 64


def test_what_a_pipeline_left_out_is_left_alone() -> None:
    document = order_document(CONFIG, INCLUDED)
    del document["comment"]
    body = plan_order(CONFIG, a_delivery(document=document))[2].body
    assert "comment" not in body
    assert body["reference"] == "1001"


def test_a_pipeline_that_leaves_out_what_a_sale_needs_is_told() -> None:
    document = order_document(CONFIG, INCLUDED)
    del document["lines"]
    with pytest.raises(Fatal, match=r"without lines; add it to mapping\.owns"):
        plan_order(CONFIG, a_delivery(document=document))


def test_a_difference_no_rounding_explains_is_never_booked() -> None:
    document = order_document(CONFIG, INCLUDED)
    document["total"] = Decimal("25.90")  # a mapping expression changed it
    with pytest.raises(BadRecord, match=r"differs from what the customer paid by 1\.0"):
        plan_order(CONFIG, a_delivery(document=document))


def test_a_discount_of_the_whole_order_is_a_line_of_its_own() -> None:
    order = an_order("8.00", a_line(), discounts=(Discount(amount=Decimal("2.00"), code="TWO"),))
    last = order_document(CONFIG, order)["lines"][-1]
    assert (last["product"], last["net"], last["path"]) == ("DISCOUNT", Decimal(-2), "discounts[0]")


def test_an_unknown_zone_falls_back_to_utc() -> None:
    assert (
        order_document(CONFIG, structs.replace(INCLUDED, zone="Mars"))["sale_date"] == "2026-11-20"
    )


@pytest.mark.parametrize(
    ("values", "name"),
    [({}, "url"), ({"url": "u", "database": "d", "webShop": "s", "shop": "x"}, "shop")],
)
def test_a_configuration_that_cannot_be_used_names_the_field(values: Any, name: Any) -> None:
    with pytest.raises(Fatal, match=name):
        read_config(values)
