"""Whatever an order is made of, the document comes to what was paid."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.support.orders import an_order

from knect.model import Discount, Fee, OrderLine, ShippingLine, TaxLine
from knect_connectors.dynamics_gp.amounts import cent_of, price, reckon

CENTS = st.integers(0, 99_999).map(lambda n: Decimal(n) / 100)
TAXES = st.lists(
    st.tuples(st.sampled_from(["0.19", "0.07", "0.055"]), st.integers(0, 500)), max_size=2
)


def _taxes(drawn: list[tuple[str, int]]) -> tuple[TaxLine, ...]:
    return tuple(
        TaxLine(title=f"VAT {rate}", rate=Decimal(rate), amount=Decimal(n) / 100)
        for rate, n in drawn
    )


@st.composite
def lines(draw: st.DrawFn) -> OrderLine:
    quantity = draw(st.integers(1, 12))
    unit = draw(CENTS) + 6  # more than its tax and discount
    return OrderLine(
        id=str(draw(st.integers(1, 999))),
        quantity=Decimal(quantity),
        unit_price=unit,
        sku="SKU-1",
        discounts=(Discount(amount=Decimal(draw(st.integers(0, 99))) / 100),),
        taxes=_taxes(draw(TAXES)) if quantity > 2 else (),
    )


@given(
    goods=st.lists(lines(), min_size=1, max_size=5),
    shipping=CENTS,
    shipping_tax=TAXES,
    fee=CENTS,
    tips=CENTS,
    rounding=st.integers(-4, 4).map(lambda n: Decimal(n) / 100),
    discount=st.integers(0, 99).map(lambda n: Decimal(n) / 100),
    included=st.booleans(),
)
def test_the_document_comes_to_what_was_paid(
    goods: list[OrderLine], shipping: Decimal, shipping_tax: list[tuple[str, int]], fee: Decimal,
    tips: Decimal, rounding: Decimal, discount: Decimal, included: bool,
) -> None:  # fmt: skip
    freight = ShippingLine(id="s", title="DHL", price=shipping, taxes=_taxes(shipping_tax))
    gross = sum((x.quantity * x.unit_price - x.discounts[0].amount for x in goods), Decimal(0))
    taxes = [tax for line in goods for tax in line.taxes] + list(freight.taxes)
    tax = sum((one.amount for one in taxes), Decimal(0))
    total = gross + shipping + fee + tips + rounding - discount + (0 if included else tax)
    order = an_order(
        str(total),
        *goods,
        shipping_lines=(freight,),
        fees=(Fee(kind="packaging", amount=fee),),
        tips=tips,
        rounding=rounding,
        discounts=(Discount(amount=discount),),
        taxes_included=included,
    )
    found = reckon(order)
    assert found.total == total
    assert found.tax == tax
    assert min(found.freight, found.misc, found.trade_discount) >= 0
    cent = cent_of("EUR")
    for line in found.lines.values():
        assert line.unit == line.unit.quantize(cent)
        assert line.extended == line.unit * line.quantity
        assert 0 <= line.excess < cent * line.quantity


@given(net=CENTS, quantity=st.integers(1, 10_000).map(lambda n: Decimal(n) / 8))
def test_a_price_of_pieces_and_parts_of_pieces(net: Decimal, quantity: Decimal) -> None:
    priced = price(net, quantity, Decimal("0.01"))
    assert priced.extended - priced.excess == net
    assert priced.excess >= 0
    assert priced.extended == (priced.unit * quantity).quantize(Decimal("0.01"), "ROUND_HALF_UP")
