"""Who bought and where it goes: nobody twice, no address twice; and what an order waits for."""

from decimal import Decimal

import pytest
from msgspec import structs
from tests.support.orders import a_line, an_address, an_order

from knect.model import PartyRef
from knect.sdk.errors import BadRecord, WaitForPerson
from knect_connectors.tryton.parties import _party_values
from knect_connectors.tryton.wire import money

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


# ---------------------------------------------------------------- parties and addresses


async def test_two_guests_with_one_email_are_one_party(hand):
    guest = PartyRef(email="Two.Guests@Example.com", name="Ann")
    one = an_order("10.00", a_line(), number="P1", customer=guest)
    two = structs.replace(
        one,
        source_id="P2",
        number="P2",
        customer=structs.replace(guest, email="two.guests@example.com"),
    )
    await hand.deliver(one)
    await hand.deliver(two)
    assert (await hand.sale(one))["party"] == (await hand.sale(two))["party"]


async def test_a_customer_with_a_new_email_is_the_same_party(hand):
    known = PartyRef(source_id="c-77", email="old77@example.com", name="Ann")
    one = an_order("10.00", a_line(), number="P3", customer=known)
    two = an_order(
        "10.00",
        a_line(),
        number="P4",
        customer=structs.replace(known, email="new77@example.com"),
    )
    await hand.deliver(one)
    await hand.deliver(two)
    assert (await hand.sale(one))["party"] == (await hand.sale(two))["party"]


async def test_a_guest_who_registers_later_keeps_his_party(hand):
    guest = PartyRef(email="later@example.com", name="Ann")
    orders = [
        an_order("10.00", a_line(), number="P5", customer=guest),
        an_order("10.00", a_line(), number="P6", customer=structs.replace(guest, source_id="c-78")),
        an_order(
            "10.00",
            a_line(),
            number="P7",
            customer=PartyRef(source_id="c-78", email="moved@example.com", name="Ann"),
        ),
    ]
    for order in orders:
        await hand.deliver(order)
    assert len({(await hand.sale(order))["party"] for order in orders}) == 1


async def test_wildcards_in_an_email_match_nobody_else(hand):
    one = an_order("10.00", a_line(), number="P8", customer=PartyRef(email="a_b%c@example.com"))
    two = an_order("10.00", a_line(), number="P9", customer=PartyRef(email="axbyyc@example.com"))
    await hand.deliver(two)
    await hand.deliver(one)
    assert (await hand.sale(one))["party"] != (await hand.sale(two))["party"]


async def test_two_parties_with_one_email_are_a_persons_decision(hand, clerk):
    contacts = [["create", [{"type": "email", "value": "double@example.com"}]]]
    twin = {"name": "Twin", "addresses": [], "contact_mechanisms": contacts}
    await clerk.call("model.party.party.create", [twin, twin])
    order = an_order("10.00", a_line(), number="P10", customer=PartyRef(email="double@example.com"))
    with pytest.raises(WaitForPerson, match=r"2 parties with double@example\.com") as caught:
        await hand.deliver(order)
    assert caught.value.path == "customer.email"


async def _made_late(hand, number: str, customer: PartyRef) -> int:
    """Have a create of ours carried out long after its second try; return the party."""
    effect = (await hand.effects(an_order("10.00", a_line(), number=number, customer=customer)))[0]
    assert effect.name == "party"
    (party,) = await hand.client.call("model.party.party.create", [_party_values(effect.body)])
    return int(party)


@pytest.mark.parametrize("number", ["c-901", None], ids=["registered", "guest"])
async def test_a_party_that_a_late_try_made_is_archived_when_it_is_met(hand, number):
    who = PartyRef(source_id=number, email=f"late{number}@example.com".lower(), name="Ann")
    one, two, three = (
        an_order("10.00", a_line(), number=f"L{number}-{n}", customer=who) for n in range(3)
    )
    await hand.deliver(one)
    late = await _made_late(hand, "L9", who)
    for order in (two, three):
        await hand.deliver(order)
    parties = {(await hand.sale(order))["party"] for order in (one, two, three)}
    assert len(parties) == 1
    rows = await hand.client.read("party.party", [late, *parties], ["active"])
    assert {one: row["active"] for one, row in rows.items()} == {late: False, parties.pop(): True}


async def _renamed(clerk, party: int) -> None:
    await clerk.call("model.party.party.write", [party], {"name": "Ann & Sons"})


async def _with_a_phone(clerk, party: int) -> None:
    phone = {"party": party, "type": "phone", "value": "+49401234567"}
    await clerk.call("model.party.contact_mechanism.create", [phone])


async def _with_an_address(clerk, party: int) -> None:
    await clerk.call("model.party.address.create", [{"party": party, "street": "Am Markt 2"}])


@pytest.mark.parametrize("touch", [_renamed, _with_a_phone, _with_an_address])
async def test_one_that_somebody_has_touched_is_a_persons_decision(hand, clerk, touch):
    who = PartyRef(email=f"touched{touch.__name__}@example.com", name="Ann")
    await hand.deliver(an_order("10.00", a_line(), number=f"T1{touch.__name__}", customer=who))
    late = await _made_late(hand, "T9", who)
    await touch(clerk, late)
    with pytest.raises(WaitForPerson, match="2 parties with"):
        await hand.deliver(an_order("10.00", a_line(), number=f"T2{touch.__name__}", customer=who))
    assert (await hand.client.read("party.party", [late], ["active"]))[late]["active"]


async def test_an_address_is_added_once_and_told_apart_from_others(hand):
    buyer = PartyRef(email="mover@example.com", name="Ann")
    home = an_order("10.00", a_line(), number="A1", customer=buyer)
    again = an_order("10.00", a_line(), number="A2", customer=buyer)
    gift = an_order(
        "10.00",
        a_line(),
        number="A3",
        customer=buyer,
        shipping_address=an_address(name="Bob", street=("Elsewhere 1", "2nd floor")),
    )
    for order in (home, again, gift):
        await hand.deliver(order)
    party = (await hand.sale(home))["party"]
    rows = await hand.client.search_read("party.address", [["party", "=", party]], ["street"])
    assert sorted(row["street"] for row in rows) == ["Elsewhere 1\n2nd floor", "Lange Reihe 7"]
    sale = await hand.sale(gift)
    assert "Elsewhere 1" in sale["shipment_address."]["rec_name"]
    assert "Lange Reihe 7" in sale["invoice_address."]["rec_name"]


async def test_odd_text_arrives_as_it_was_written(hand):
    name = 'Ånn "Ω" O\N{RIGHT SINGLE QUOTATION MARK}Neil \N{GRINNING FACE} شركة'
    order = an_order(
        "10.00", a_line(), number="A4", customer=PartyRef(email="odd@example.com", name=name)
    )
    await hand.deliver(order)
    party = (await hand.sale(order))["party"]
    rows = await hand.client.read("party.party", [party], ["name"])
    assert rows[party]["name"] == name


# ---------------------------------------------------------------- what stops an order


async def test_an_unknown_product_is_missing_and_named(hand):
    order = an_order("30.00", a_line(), a_line("NO-SUCH-SKU", price="20.00"), number="R1")
    references = hand.destination.references("orders", order)
    resolved = await hand.destination.resolve(references)
    (missing,) = [r for r in references if (r.kind, r.value) not in resolved]
    assert (missing.kind, missing.value, missing.path) == ("sku", "NO-SUCH-SKU", "lines[1].sku")


async def test_two_taxes_of_one_rate_leave_open_which_is_meant(hand, clerk):
    (known,) = await clerk.search_read(
        "account.tax", [["name", "=", "VAT 19%"]], ["invoice_account", "company"]
    )
    tax = {"description": "Odd", "type": "percentage", "rate": money(Decimal("0.33"))}
    tax |= dict.fromkeys(("invoice_account", "credit_note_account"), known["invoice_account"])
    await clerk.call(
        "model.account.tax.create", [{**tax, "name": "Odd A"}, {**tax, "name": "Odd B"}]
    )
    order = an_order("13.30", a_line(taxes=(("0.33", "3.30"),)), number="R2")
    references = hand.destination.references("orders", order)
    assert ("tax", "0.33") in {(r.kind, r.value) for r in references}
    assert ("tax", "0.33") not in await hand.destination.resolve(references)


async def test_a_currency_and_a_country_tryton_does_not_have_are_missing(hand):
    order = an_order(
        "10.00",
        a_line(),
        number="R3",
        currency="SEK",
        billing_address=an_address(country="BR"),
    )
    references = hand.destination.references("orders", order)
    resolved = await hand.destination.resolve(references)
    missing = {(r.value, r.path) for r in references if (r.kind, r.value) not in resolved}
    assert missing == {("SEK", "currency"), ("BR", "billing_address.country")}


async def test_a_postal_code_that_is_too_long_is_named_with_its_field(hand):
    address = an_address(postal_code="20099 behind the church")
    order = an_order("10.00", a_line(), number="R4", shipping_address=address)
    with pytest.raises(BadRecord, match="23 characters, 12 are allowed") as caught:
        hand.destination.to_document("orders", order, {})
    assert caught.value.path == "shipping_address.postal_code"
    assert caught.value.value == "20099 behind the church"


async def test_a_line_without_a_sku_is_named(hand):
    order = an_order("20.00", a_line(), a_line(sku="", title="Gift wrap"), number="R5")
    with pytest.raises(BadRecord, match=r"line 2 \('Gift wrap'\) has no SKU") as caught:
        hand.destination.to_document("orders", order, {})
    assert caught.value.path == "lines[1].sku"
