"""Customers of the shop through the engine: one party each, kept up to date, never doubled."""

from typing import Any

import pytest
from tests.integration.tryton.journey import a_journey, a_pipeline

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

ADDRESS = {
    "name": "Ann Example", "firstName": "Ann", "lastName": "Example", "company": None,
    "address1": "Lange Reihe 7", "address2": None, "city": "Hamburg", "zip": "20099",
    "province": None, "provinceCode": None, "country": "Germany", "countryCodeV2": "DE", "phone": None,
}  # fmt: skip


def both() -> tuple[dict[str, Any], dict[str, Any]]:
    return a_pipeline("customers"), a_pipeline("orders")


async def parties_of(hand, number: int) -> list[dict[str, Any]]:
    """Return the parties that carry the shop's number of a customer."""
    code = f"acme:gid://shopify/Customer/{number}"
    rows = await hand.client.search_read("party.identifier", [["code", "=", code]], ["party"])
    return await the_parties(hand, [row["party"] for row in rows])


async def parties_with(hand, email: str) -> list[dict[str, Any]]:
    domain = [["type", "=", "email"], ["value", "=", email]]
    rows = await hand.client.search_read("party.contact_mechanism", domain, ["party"])
    return await the_parties(hand, [row["party"] for row in rows])


async def the_parties(hand, ids: list[int]) -> list[dict[str, Any]]:
    parties = await hand.client.read("party.party", sorted(set(ids)), ["name", "code"])
    found = []
    for party in parties.values():
        domain = [["party", "=", party["id"]]]
        contacts = await hand.client.search_read(
            "party.contact_mechanism", domain, ["type", "value"], order=[["id", "ASC"]]
        )
        fields = ["street", "city", "postal_code"]
        addresses = await hand.client.search_read("party.address", domain, fields)
        found.append(
            {
                **party,
                "email": [one["value"] for one in contacts if one["type"] == "email"],
                "phone": [one["value"] for one in contacts if one["type"] == "phone"],
                "addresses": [(one["street"], one["city"]) for one in addresses],
            }
        )
    return found


async def changed(journey, customer: dict[str, Any], **fields: Any) -> None:
    await journey.does("touch", id=customer["id"], **fields)
    await journey.run()


async def test_a_customer_becomes_a_party(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        journey.customer(8001, "ann8001@example.com", address=ADDRESS)
        await journey.run()
        assert await journey.fates() == ["delivered"]
        (party,) = await parties_of(hand, 8001)
        assert (party["name"], party["email"]) == ("Ann Example", ["ann8001@example.com"])
        assert party["addresses"] == [("Lange Reihe 7", "Hamburg")]
        assert (await journey.transactions())[0].destination_number == party["code"]


async def test_a_change_of_name_and_e_mail_is_an_update_of_the_same_party(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        ann = journey.customer(8002, "ann8002@example.com")
        await journey.run()
        (before,) = await parties_of(hand, 8002)
        new = {"emailAddress": "ann.new8002@example.com"}
        await changed(journey, ann, defaultEmailAddress=new, lastName="Newname")
        assert await journey.fates() == ["delivered", "delivered"]
        (after,) = await parties_of(hand, 8002)
        assert after["id"] == before["id"]
        assert (after["name"], after["email"]) == ("Ann Newname", ["ann.new8002@example.com"])
        assert await parties_with(hand, "ann8002@example.com") == []


async def test_an_unchanged_customer_is_not_written_again(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        ann = journey.customer(8003, "ann8003@example.com")
        await journey.run()
        await changed(journey, ann, tags=["vip"])
        assert await journey.fates() == ["delivered", "unchanged"]


async def test_a_new_address_is_added(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        ann = journey.customer(8004, "ann8004@example.com", address=ADDRESS)
        await journey.run()
        second = {**ADDRESS, "address1": "Am Sandtorkai 1"}
        await changed(journey, ann, addressesV2=[ADDRESS, second])
        assert await journey.fates() == ["delivered", "delivered"]
        (party,) = await parties_of(hand, 8004)
        assert sorted(party["addresses"]) == [
            ("Am Sandtorkai 1", "Hamburg"),
            ("Lange Reihe 7", "Hamburg"),
        ]


async def test_a_customer_without_e_mail_is_one_party_all_the_same(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        bo = journey.customer(8005, None, first="Bo", phone="+49 40 1234567")
        nobody = journey.customer(8006, None, first="")
        nobody |= {"lastName": "", "displayName": ""}
        await journey.run()
        (party,) = await parties_of(hand, 8005)
        assert (party["name"], party["email"]) == ("Bo Example", [])
        assert [one.replace(" ", "") for one in party["phone"]] == ["+49401234567"]
        assert [one["name"] for one in await parties_of(hand, 8006)] == ["Customer 8006"]
        await changed(journey, bo, defaultEmailAddress={"emailAddress": "bo8005@example.com"})
        (after,) = await parties_of(hand, 8005)
        assert (after["id"], after["email"]) == (party["id"], ["bo8005@example.com"])
        assert len(after["phone"]) == 1


async def test_one_e_mail_twice_is_one_party(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        journey.customer(8007, "twice@example.com")
        journey.customer(8008, "Twice@Example.com")
        await journey.run()
        assert await journey.fates() == ["delivered", "delivered"]
        (party,) = await parties_with(hand, "twice@example.com")
        assert await parties_of(hand, 8007) == await parties_of(hand, 8008) == [party]


async def test_a_customer_an_order_made_first_is_found(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("orders")) as journey:
        ann = journey.customer(8010, "ann8010@example.com", address=ADDRESS)
        journey.order(8010, customer=ann)
        await journey.run()
        (made,) = await parties_of(hand, 8010)
        journey.pipelines = list(both())
        await journey.run()
        assert await journey.fates("customers") == ["delivered"]
        (party,) = await parties_of(hand, 8010)
        assert party["id"] == made["id"]
        new = {"emailAddress": "ann.new8010@example.com"}
        await changed(journey, ann, defaultEmailAddress=new)
        (after,) = await parties_of(hand, 8010)
        assert (after["id"], after["email"]) == (made["id"], ["ann.new8010@example.com"])
        journey.order(8011, customer=ann)
        await journey.run()
        sales = await hand.client.search_read("sale.sale", [["party", "=", made["id"]]], ["id"])
        assert len(sales) == 2


async def test_customers_and_their_orders_at_once_make_one_party_each(server, hand, tmp_path):
    async with a_journey(server, tmp_path, *both()) as journey:
        for number in range(8020, 8030):
            made = journey.customer(number, f"ann{number}@example.com")
            journey.order(number, customer=made)
        await journey.run()
        assert await journey.fates() == ["delivered"] * 20
        for number in range(8020, 8030):
            assert len(await parties_of(hand, number)) == 1
            assert len(await parties_with(hand, f"ann{number}@example.com")) == 1


async def test_what_a_clerk_typed_stays(server, hand, clerk, tmp_path):
    party = {"name": "ACME GmbH", "contact_mechanisms": [
        ["create", [{"type": "email", "value": "office8031@example.com"}]]
    ]}  # fmt: skip
    (made,) = await clerk.call("model.party.party.create", [party])
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        ann = journey.customer(8031, "office8031@example.com")
        await journey.run()
        (found,) = await parties_of(hand, 8031)
        assert (found["id"], found["name"]) == (made, "ACME GmbH")
        await changed(journey, ann, defaultEmailAddress={"emailAddress": "ann8031@example.com"})
        (after,) = await parties_of(hand, 8031)
        assert after["email"] == ["office8031@example.com", "ann8031@example.com"]
        assert after["name"] == "ACME GmbH"


async def test_a_new_e_mail_another_party_has_asks_a_person(server, hand, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        ann = journey.customer(8032, "ann8032@example.com")
        journey.customer(8033, "bob8033@example.com", first="Bob")
        await journey.run()
        await changed(journey, ann, defaultEmailAddress={"emailAddress": "bob8033@example.com"})
        last = (await journey.transactions())[-1]
        assert (last.fate, last.reason) == ("waiting", "AmbiguousMatch")
        assert "2 parties with bob8033@example.com" in last.message
        (party,) = await parties_of(hand, 8032)
        assert party["email"] == ["ann8032@example.com"]


async def test_a_deletion_of_a_customer_is_refused_before_anything_is_sent(server, hand, tmp_path):
    """`knect validate` says so with file and line; an unchecked document stops at the plan."""
    archive = {"onSourceDelete": "Archive"}
    async with a_journey(server, tmp_path, a_pipeline("customers", destination=archive)) as journey:
        ann = journey.customer(8034, "ann8034@example.com")
        await journey.run()
        await journey.does("delete", id=ann["id"])
        await journey.is_told("customers", ann["id"])
        await journey.run()
        gone = (await journey.transactions())[1]
        assert (gone.fate, gone.reason) == ("waiting", "Fatal")
        assert "cannot Archive customers; set destination.onSourceDelete to Ignore" in gone.message
        assert len(await parties_of(hand, 8034)) == 1


async def test_an_audit_finds_the_parties_that_are_there(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, a_pipeline("customers")) as journey:
        ann = journey.customer(8035, "ann8035@example.com")
        await journey.run()
        assert await journey.audit() == []
        (party,) = await parties_of(hand, 8035)
        await clerk.call("model.party.party.delete", [party["id"]])
        assert await journey.audit() == [f"MissingAtDestination {ann['id']}"]
