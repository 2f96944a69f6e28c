"""Orders through the engine into the real Tryton: adopted, edited, cancelled, deleted."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.integration.tryton.journey import a_journey, a_pipeline

from knect_connectors.tryton.demo.people import Person
from knect_connectors.tryton.wire import money

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

TWICE_TEN = Decimal("23.80")  # 2 x 10.00 and 19 % of tax


async def sales_of(hand, number: int) -> list[dict[str, Any]]:
    fields = ["number", "state", "total_amount", "web_id", "web_shop", "party.name", "reference"]
    return await hand.client.search_read(
        "sale.sale", [["reference", "=", str(number)]], fields, order=[["id", "ASC"]]
    )


async def the_sale(hand, number: int) -> dict[str, Any]:
    (sale,) = await sales_of(hand, number)
    return sale


# ---------------------------------------------------------------- edits and cancellations


async def test_an_edit_before_the_sale_was_confirmed_is_confirmed_with_its_own_total(
    server, hand, tmp_path
):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        order = journey.order(7030, "10.00", "5.00")
        async with journey.a_worker() as worker:
            (feed,), (pipeline,), gate = worker.feeds, worker.pipelines, worker.gate("erp")
            destination = worker.connectors["erp"].destination
            write, loop = destination.write, asyncio.get_running_loop()

            async def made_and_then_silence(calls):
                """The sale is made, and then other pipelines' calls are not answered any more."""
                outcomes = await write(calls)
                for _ in range(3):
                    loop.call_soon(gate.unanswered)
                return outcomes

            destination.write = made_and_then_silence
            while not await sales_of(hand, 7030):
                gate.answered()
                await feed.poll()
                await pipeline.work()
            assert (await the_sale(hand, 7030))["state"] == "draft"
            destination.write = write
            await journey.does("edit", id=order, line=1, units=1)
            await feed.poll()
            gate.answered()
            await pipeline.work()
        assert await journey.fates() == ["superseded", "delivered"]
        after = await the_sale(hand, 7030)
        assert (after["total_amount"], after["state"]) == (Decimal("29.75"), "confirmed")


async def test_an_edit_brings_an_open_sale_to_the_new_total(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        order = journey.order(7001, "10.00", "5.00")
        await journey.run()
        first = await the_sale(hand, 7001)
        assert (first["total_amount"], first["state"]) == (Decimal("35.70"), "confirmed")
        await journey.does("edit", id=order, line=1, units=1)
        await journey.run()
        assert await journey.fates() == ["delivered", "delivered"]
        after = await the_sale(hand, 7001)
        assert (after["id"], after["number"]) == (first["id"], first["number"])
        assert (after["total_amount"], after["state"]) == (Decimal("29.75"), "confirmed")


async def test_an_edit_of_a_sale_in_processing_waits_and_names_both_totals(
    server, hand, clerk, tmp_path
):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        order = journey.order(7002)
        await journey.run()
        person = Person(clerk)
        await person.pick((await person.process((await the_sale(hand, 7002))["id"]))[0])
        await journey.does("edit", id=order, line=0, units=1)
        await journey.run()
        edit = (await journey.transactions())[1]
        assert (edit.fate, edit.reason) == ("waiting", "ChangedAtDestination")
        assert (edit.field, edit.value) == ("state", "processing")
        assert "its total is 23.80 there and 11.90 in the shop" in edit.message
        assert (await the_sale(hand, 7002))["total_amount"] == TWICE_TEN


async def test_cancelled_before_delivery_makes_no_sale(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        await journey.does("cancel", id=journey.order(7003))
        await journey.run()
        (row,) = await journey.transactions()
        assert (row.fate, row.reason) == ("skipped", "CancelledBeforeDelivery")
        assert "cancelled before it got to erp" in row.message
        assert await sales_of(hand, 7003) == []


async def test_cancelled_after_delivery_cancels_the_sale(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        order = journey.order(7004)
        await journey.run()
        await journey.does("cancel", id=order)
        await journey.run()
        assert await journey.fates() == ["delivered", "delivered"]
        assert (await the_sale(hand, 7004))["state"] == "cancelled"


async def test_new_orders_and_edits_in_one_batch_do_not_disturb_each_other(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        edited = [journey.order(number) for number in range(7010, 7014)]
        await journey.run()
        for order in edited:
            await journey.does("edit", id=order, line=0, units=1)
        for number in range(7014, 7018):
            journey.order(number)
        await journey.run()
        assert await journey.fates() == ["delivered"] * 12
        for number in range(7010, 7018):
            expected = Decimal("11.90") if number < 7014 else TWICE_TEN
            assert (await the_sale(hand, number))["total_amount"] == expected


# ---------------------------------------------------------------- deleted in the shop


CANCEL = {"onSourceDelete": "Cancel"}


@pytest.mark.parametrize(
    ("number", "state"), [(7020, "Draft"), (7021, "Quotation"), (7022, "Confirmed")]
)
async def test_a_deleted_order_cancels_its_open_sale(server, hand, tmp_path, number, state):
    destination = {**CANCEL, "settings": {"state": state}}
    async with a_journey(
        server, tmp_path, a_pipeline("orders", destination=destination)
    ) as journey:
        order = journey.order(number)
        await journey.run()
        assert (await the_sale(hand, number))["state"] == state.lower()
        await journey.does("delete", id=order)
        await journey.is_told("orders", order)
        await journey.run()
        assert await journey.fates() == ["delivered", "delivered"]
        assert (await the_sale(hand, number))["state"] == "cancelled"


async def test_a_deleted_order_whose_sale_is_in_processing_is_a_task(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=CANCEL)) as journey:
        order = journey.order(7040)
        await journey.run()
        person = Person(clerk)
        await person.pick((await person.process((await the_sale(hand, 7040))["id"]))[0])
        await journey.does("delete", id=order)
        await journey.is_told("orders", order)
        await journey.run()
        gone = (await journey.transactions())[1]
        assert (gone.fate, gone.reason) == ("waiting", "ChangedAtDestination")
        assert "is processing in Tryton and the shop's order was deleted" in gone.message


async def test_a_sale_that_is_gone_at_both_ends_is_done(server, hand, clerk, tmp_path):
    destination = {**CANCEL, "settings": {"state": "Draft"}}
    async with a_journey(
        server, tmp_path, a_pipeline("orders", destination=destination)
    ) as journey:
        order = journey.order(7041)
        await journey.run()
        await clerk.call("model.sale.sale.delete", [(await the_sale(hand, 7041))["id"]])
        await journey.does("delete", id=order)
        await journey.is_told("orders", order)
        await journey.run()
        assert await journey.fates() == ["delivered", "delivered"]


async def test_an_order_no_page_lists_any_more_keeps_its_sale(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=CANCEL)) as journey:
        order = journey.order(7042)
        await journey.run()
        await journey.does("delete", id=order)
        await journey.run()
        assert await journey.fates() == ["delivered"]
        assert (await the_sale(hand, 7042))["state"] == "confirmed"


# ---------------------------------------------------------------- made by an older integration


MATCH = {"match": ["number"]}


async def an_older_sale(clerk, number: int, price: str = "10.00", quantity: int = 2, **more: Any):
    """What a former integration left: a reference and no web id; by hand of another user."""
    facts = await clerk.facts()
    party = more.pop("party", None)
    if party is None:
        values = {"name": "Old Customer", "addresses": [["create", [{"city": "Kiel"}]]]}
        (party,) = await clerk.call("model.party.party.create", [values])
    (address,) = (await clerk.search_read("party.address", [["party", "=", party]], ["id"]))[:1]
    (product,) = await clerk.search_read(
        "product.product", [["code", "=", "SKU-001"]], ["sale_uom"]
    )
    (tax,) = await clerk.search_read("account.tax", [["rate", "=", money(Decimal("0.19"))]], ["id"])
    (euro,) = await clerk.search_read("currency.currency", [["code", "=", "EUR"]], ["id"])
    line = {
        "product": product["id"],
        "unit": product["sale_uom"],
        "quantity": Decimal(f"{quantity}.0"),
        "unit_price": money(Decimal(price)),
        "taxes": [["add", [tax["id"]]]],
    }
    sale = {
        "company": facts.company,
        "party": party,
        "invoice_address": address["id"],
        "shipment_address": address["id"],
        "reference": str(number),
        "currency": euro["id"],
        "sale_date": date(2026, 11, 20),
        "shipment_cost_method": None,
        "carrier": None,
        "lines": [["create", [line]]],
        **more,
    }
    (made,) = await clerk.call("model.sale.sale.create", [sale])
    return made


async def confirm(clerk, sale: int, *further: str) -> None:
    for step in ("quote", "confirm", *further):
        await clerk.call(f"model.sale.sale.{step}", [sale])


async def test_an_older_sale_is_adopted_and_brought_up_to_date(server, hand, clerk, tmp_path):
    old = await an_older_sale(clerk, 7101, "1.00")
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        order = journey.order(7101)
        await journey.run()
        assert await journey.fates() == ["delivered"]
        sale = await the_sale(hand, 7101)
        assert (sale["id"], sale["web_id"]) == (old, None)  # Tryton would refuse to set it
        assert (sale["total_amount"], sale["state"]) == (TWICE_TEN, "confirmed")
        await journey.does("edit", id=order, line=0, units=1)
        await journey.run()  # from now on it is ours, whoever once made it
        assert await journey.fates() == ["delivered", "delivered"]
        assert (await the_sale(hand, 7101))["total_amount"] == Decimal("11.90")


async def test_without_match_the_older_sale_is_left_alone(server, hand, clerk, tmp_path):
    old = await an_older_sale(clerk, 7102)
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        journey.order(7102)
        await journey.run()
        sales = await sales_of(hand, 7102)
        assert [(one["id"] == old, bool(one["web_id"])) for one in sales] == [
            (True, False),
            (False, True),
        ]


async def test_an_older_sale_in_processing_is_adopted_as_it_is(server, hand, clerk, tmp_path):
    old = await an_older_sale(clerk, 7103)
    await confirm(clerk, old, "process")
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        journey.order(7103)
        await journey.run()
        assert await journey.fates() == ["delivered"]
        sale = await the_sale(hand, 7103)
        assert (sale["id"], sale["state"]) == (old, "processing")
        assert await journey.bound_to("orders") == {"shop:gid://shopify/Order/7103": str(old)}


async def test_an_older_sale_in_processing_of_another_amount_is_a_task(
    server, hand, clerk, tmp_path
):
    old = await an_older_sale(clerk, 7104, "9.00")
    await confirm(clerk, old, "process")
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        journey.order(7104)
        await journey.run()
        (row,) = await journey.transactions()
        assert (row.fate, row.reason) == ("waiting", "ChangedAtDestination")
        assert "its total is 21.42 there and 23.80 in the shop" in row.message
        assert (await the_sale(hand, 7104))["web_id"] is None


async def test_several_older_sales_are_named(server, hand, clerk, tmp_path):
    for _ in range(2):
        await confirm(clerk, await an_older_sale(clerk, 7105))
    names = sorted(one["number"] for one in await sales_of(hand, 7105))
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        journey.order(7105)
        await journey.run()
        (row,) = await journey.transactions()
        assert (row.fate, row.reason) == ("waiting", "AmbiguousMatch")
        assert f"2 documents with number '7105': {', '.join(names)}" in row.message
        assert len(await sales_of(hand, 7105)) == 2


async def test_an_older_sale_of_a_cancelled_order_is_a_task(server, hand, clerk, tmp_path):
    old = await an_older_sale(clerk, 7110)
    await confirm(clerk, old)
    (sale,) = await sales_of(hand, 7110)
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        order = journey.order(7110)
        await journey.does("cancel", id=order)
        await journey.run()
        (row,) = await journey.transactions()
        assert (row.fate, row.reason) == ("waiting", "ChangedAtDestination")
        assert f"has {sale['number']} with number '7110', which somebody else made" in row.message
        await clerk.call("model.sale.sale.draft", [old])
        await clerk.call("model.sale.sale.cancel", [old])
        await journey.does("touch", id=order, note="cancelled by hand")
        await journey.run()
        assert (await journey.fates())[-1] == "skipped"


async def test_a_cancelled_one_is_not_meant_where_there_is_another(server, hand, clerk, tmp_path):
    await clerk.call("model.sale.sale.cancel", [await an_older_sale(clerk, 7106)])
    again = await an_older_sale(clerk, 7106)
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        journey.order(7106)
        await journey.run()
        assert await journey.fates() == ["delivered"]
        assert list((await journey.bound_to("orders")).values()) == [str(again)]
        assert len(await sales_of(hand, 7106)) == 2


async def test_the_customers_e_mail_tells_two_of_one_number_apart(server, hand, clerk, tmp_path):
    values = [
        {"name": name, "addresses": [["create", [{"city": "Kiel"}]]],
         "contact_mechanisms": [["create", [{"type": "email", "value": f"{name}@example.com"}]]]}
        for name in ("Mia", "Noa")
    ]  # fmt: skip
    mia, noa = await clerk.call("model.party.party.create", values)
    await an_older_sale(clerk, 7107, party=mia)
    hers = await an_older_sale(clerk, 7107, party=noa)
    both = {"match": ["number", "customer.email"]}
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=both)) as journey:
        journey.order(7107, email="noa@example.com")
        await journey.run()
        assert await journey.fates() == ["delivered"]
        assert list((await journey.bound_to("orders")).values()) == [str(hers)]
        assert [one["party."]["name"] for one in await sales_of(hand, 7107)] == ["Mia", "Noa"]


async def test_two_orders_of_one_number_do_not_share_an_older_sale(server, hand, clerk, tmp_path):
    old = await an_older_sale(clerk, 7108)
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        journey.order(7108)
        journey.order(7109)
        journey.shop.get("gid://shopify/Order/7109")["name"] = "#7108"
        journey.shop.get("gid://shopify/Order/7109")["number"] = 7108
        await journey.run()
        assert await journey.fates() == ["delivered", "delivered"]
        bound = set((await journey.bound_to("orders")).values())
        assert str(old) in bound
        assert len(bound) == len(await sales_of(hand, 7108)) == 2


async def test_an_audit_does_not_miss_what_was_adopted(server, hand, clerk, tmp_path):
    old = await an_older_sale(clerk, 7110)
    async with a_journey(server, tmp_path, a_pipeline("orders", destination=MATCH)) as journey:
        journey.order(7110)
        journey.order(7111)
        await journey.run()
        assert await journey.audit() == []
        await clerk.call("model.sale.sale.draft", [old])
        await clerk.call("model.sale.sale.delete", [old])
        assert await journey.audit() == ["MissingAtDestination 7110"]
