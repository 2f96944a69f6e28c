"""Customers both ways at once: each change by a person is one write at the other end, then silence."""

from typing import Any

import pytest
from tests.integration.tryton.journey import a_journey, a_pipeline

from knect_connectors.tryton.demo.people import Person

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

_SHOP_WRITES = ("CustomerUpdate", "CustomerSet", "CustomerAddressCreate", "CustomerAddressUpdate")


def both() -> tuple[dict[str, Any], ...]:
    # Who is no customer of the shop stays in the ERP.
    return (
        a_pipeline("customers"),
        a_pipeline("customers", back=True, destination={"write": "Update"}),
    )


class Ends:
    """Counts what was written at both ends, from their own books and not from ours."""

    def __init__(self, journey: Any, hand: Any) -> None:
        self.journey, self.hand = journey, hand
        self._seen: set[tuple[str, int, Any]] = set()

    def shop(self) -> int:
        return sum(entry["key"] in _SHOP_WRITES for entry in self.journey.log)

    async def erp(self) -> int:
        """Writes of Knect's user to parties so far: each moves a row's time."""
        facts = await self.hand.client.facts()
        ours = ["OR", ["write_uid", "=", facts.user], ["create_uid", "=", facts.user]]
        for model in ("party.party", "party.contact_mechanism", "party.address"):
            fields = ["write_date", "write_uid"]
            for row in await self.hand.client.search_read(model, [ours], fields):
                if row["write_uid"] in (None, facts.user):
                    self._seen.add((model, row["id"], row["write_date"]))
        return len(self._seen)


async def party_of(journey: Any) -> int:
    ids = [value for key, value in (await journey.bound_to("customers")).items() if "shop:" in key]
    return int(ids[0])


async def rest(journey: Any, rounds: int = 4) -> None:
    """Run until nobody has anything to say: an ERP tells of a second only when it is over."""
    quiet = 0
    while quiet < rounds:
        before = len(await journey.transactions())
        await journey.run()
        quiet = quiet + 1 if len(await journey.transactions()) == before else 0


async def test_each_change_is_written_once_and_then_there_is_silence(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, *both()) as journey:
        ends = Ends(journey, hand)
        journey.customer(71, "ann71@example.com", "Ann")
        await rest(journey)
        party = await party_of(journey)
        assert ends.shop() == 0  # what came from the shop did not go back there
        silent = await ends.erp()

        # a person in the shop
        await journey.does("touch", id="gid://shopify/Customer/71", firstName="Anna")
        await rest(journey)
        (row,) = await hand.client.search_read("party.party", [["id", "=", party]], ["name"])
        assert row["name"] == "Anna Example"
        assert ends.shop() == 0
        assert await ends.erp() == silent + 1

        # a person in the ERP
        await Person(clerk).rename(party, "Anna Maria Example")
        await rest(journey)
        customer = journey.shop.get("gid://shopify/Customer/71")
        assert (customer["firstName"], customer["lastName"]) == ("Anna Maria", "Example")
        assert ends.shop() == 1
        assert await ends.erp() == silent + 1

        # and silence
        await rest(journey)
        assert (ends.shop(), await ends.erp()) == (1, silent + 1)
        fates = [row.fate for row in await journey.transactions()]
        assert set(fates) <= {"delivered", "echo", "unchanged", "superseded", "skipped"}
        assert "echo" in fates


async def test_a_new_email_by_a_clerk_is_one_write_at_the_shop(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, *both()) as journey:
        ends = Ends(journey, hand)
        journey.customer(72, "ben72@example.com", "Ben")
        await rest(journey)
        party = await party_of(journey)
        values = {"party": party, "type": "email", "value": "ben.new72@example.com"}
        await clerk.call("model.party.contact_mechanism.create", [values])
        await rest(journey)
        customer = journey.shop.get("gid://shopify/Customer/72")
        assert customer["defaultEmailAddress"] == {"emailAddress": "ben.new72@example.com"}
        assert ends.shop() == 1
        assert len(customer["addressesV2"]) == 0


async def test_an_edit_nobody_had_read_when_we_wrote_over_it_still_travels(
    server, hand, clerk, tmp_path
):
    """What comes back then is not ours alone. Each direction, one pipeline paused meanwhile."""
    async with a_journey(server, tmp_path, *both()) as journey:
        there, back = journey.pipelines
        journey.customer(73, "cleo73@example.com", "Cleo")
        await rest(journey)
        party = await party_of(journey)

        await phone(journey, "+4930123473")
        await Person(clerk).rename(party, "Cleopatra Example")
        journey.pipelines[:] = [back]
        await rest(journey)
        customer = journey.shop.get("gid://shopify/Customer/73")
        assert customer["firstName"] == "Cleopatra"
        assert customer["defaultPhoneNumber"] == {"phoneNumber": "+4930123473"}
        journey.pipelines[:] = [there, back]
        await rest(journey)
        assert await phones_of(hand, party) == ["+4930123473"]

        values = {"party": party, "type": "email", "value": "cleo.new73@example.com"}
        await clerk.call("model.party.contact_mechanism.create", [values])
        await phone(journey, "+4930999973")
        journey.pipelines[:] = [there]
        await rest(journey)
        assert await phones_of(hand, party) == ["+4930999973"]
        journey.pipelines[:] = [there, back]
        await rest(journey)
        assert customer["defaultEmailAddress"] == {"emailAddress": "cleo.new73@example.com"}


async def phone(journey: Any, number: str) -> None:
    """Let a person in the shop set the customer's phone number."""
    found = {"phoneNumber": number}
    await journey.does("touch", id="gid://shopify/Customer/73", defaultPhoneNumber=found)


async def phones_of(hand: Any, party: int) -> list[str]:
    domain = [["party", "=", party], ["type", "in", ["phone", "mobile"]]]
    rows = await hand.client.search_read("party.contact_mechanism", domain, ["value"])
    return ["".join(row["value"].split()) for row in rows]
