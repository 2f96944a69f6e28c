"""Stock arrives in the shop as the number that can be sold, whatever happens there meanwhile."""

from decimal import Decimal
from typing import Any

import pytest

from knect.sdk.contract import Call
from knect.sdk.errors import (
    BadRecord,
    Fatal,
    MissingReference,
    NotForThere,
    RetryLater,
    WaitForPerson,
)
from knect_connectors.shopify.tests.catalog import Desk, a_level
from knect_connectors.shopify.tests.conftest import AtWork

Thing = dict[str, Any]


@pytest.fixture
def desk(acme: AtWork) -> Desk:
    return Desk(acme)


@pytest.fixture
def hamburg(desk: Desk) -> Thing:
    return desk.catalog.add_location("Hamburg")


async def test_a_level_is_set_and_found_again(desk: Desk, hamburg: Thing) -> None:
    kettle = desk.goods("KN-1")
    desk.catalog.stock("KN-1", hamburg, 2)
    (effect,) = await desk.plan("inventory", a_level(available="5"))
    call = Call(effect=effect, given={}, idempotency_key="one")
    assert await desk.destination.lookup([call]) == [None]
    (outcome,) = await desk.destination.write([call])
    assert outcome.found is not None
    assert desk.available(kettle, hamburg) == 5
    assert await desk.destination.lookup([call]) == [outcome.found]


async def test_what_the_shop_has_already_is_not_written(
    desk: Desk, hamburg: Thing, acme: AtWork
) -> None:
    desk.goods("KN-1")
    desk.catalog.stock("KN-1", hamburg, 5)
    await desk.deliver("inventory", a_level(available="5"))
    assert acme.asked("InventorySet") == 0


async def test_a_batch_is_one_request(desk: Desk, hamburg: Thing, acme: AtWork) -> None:
    goods = [desk.goods(f"KN-{number}") for number in range(100)]
    for number in range(100):
        desk.catalog.stock(f"KN-{number}", hamburg, 1000)
    calls = []
    for number in range(100):
        (effect,) = await desk.plan("inventory", a_level(f"KN-{number}", str(number)))
        calls.append(Call(effect=effect, given={}, idempotency_key=f"k{number}"))
    outcomes = await desk.destination.write(calls)
    assert all(outcome.found for outcome in outcomes)
    assert [desk.available(one, hamburg) for one in goods] == list(range(100))
    assert (acme.asked("Levels"), acme.asked("InventorySet")) == (1, 1)


class _Seller:
    """Sells one piece each time the stock was read, so that it is another one when it is set."""

    def __init__(self, desk: Desk, place: Thing, times: int) -> None:
        self._read = desk.at_work.connector._client.read
        self._desk, self._place, self.times = desk, place, times
        desk.at_work.connector._client.read = self.read

    async def read(self, document: str, *, operation: str, **variables: Any) -> dict[str, Any]:
        answer: Thing = await self._read(document, operation=operation, **variables)
        if operation == "Levels" and self.times:
            self.times -= 1
            self._desk.catalog.stock("KN-1", self._place, self.times)
        return answer


async def test_a_sale_between_reading_and_setting_is_seen(
    desk: Desk, hamburg: Thing, acme: AtWork
) -> None:
    kettle = desk.goods("KN-1")
    desk.goods("KN-2")
    desk.catalog.stock("KN-1", hamburg, 9)
    desk.catalog.stock("KN-2", hamburg, 9)
    _Seller(desk, hamburg, times=1)
    (one,) = await desk.plan("inventory", a_level("KN-1", "5"))
    (two,) = await desk.plan("inventory", a_level("KN-2", "6"))
    calls = [Call(effect=e, given={}, idempotency_key=e.body["sku"]) for e in (one, two)]
    outcomes = await desk.destination.write(calls)
    assert all(outcome.found for outcome in outcomes)
    assert desk.available(kettle, hamburg) == 5
    assert acme.asked("InventorySet") == 3, "both, the other one, the one that was sold"


async def test_stock_that_never_stands_still_is_tried_again_later(
    desk: Desk, hamburg: Thing, acme: AtWork
) -> None:
    desk.goods("KN-1")
    desk.catalog.stock("KN-1", hamburg, 99)
    _Seller(desk, hamburg, times=90)
    outcome = await desk.send(await desk.plan("inventory", a_level()))
    assert isinstance(outcome.error, RetryLater)
    assert outcome.error.answered, "nothing was written, and that is certain"
    assert acme.asked("InventorySet") == 4


async def test_a_lost_answer_is_looked_up_and_not_set_twice(desk: Desk, hamburg: Thing) -> None:
    kettle = desk.goods("KN-1")
    desk.catalog.stock("KN-1", hamburg, 2)
    (effect,) = await desk.plan("inventory", a_level())
    call = Call(effect=effect, given={}, idempotency_key="one")
    await desk.destination.write([call])
    desk.catalog.stock("KN-1", hamburg, 4)  # sold one before we asked
    assert await desk.destination.lookup([call]) == [None]
    await desk.destination.write([call])
    assert desk.available(kettle, hamburg) == 5


async def test_a_sku_only_the_erp_knows_is_left_out(desk: Desk, hamburg: Thing) -> None:
    answers = await desk.destination.resolve(desk.destination.references("inventory", a_level()))
    assert ("sku", "KN-1") not in answers


async def test_a_sku_with_other_blanks_or_case_is_named(desk: Desk, hamburg: Thing) -> None:
    desk.goods("kn-1 ", title="Old kettle")
    with pytest.raises(MissingReference, match="differs by blanks or case") as caught:
        await desk.plan("inventory", a_level("KN-1"))
    assert "'kn-1 '" in caught.value.message
    assert "Old kettle" in caught.value.message
    assert (caught.value.kind, caught.value.value) == ("sku", "KN-1")


async def test_two_variants_with_one_sku_are_both_named(desk: Desk, hamburg: Thing) -> None:
    first, second = desk.goods("KN-1", title="Red"), desk.goods("KN-1", title="Blue")
    with pytest.raises(WaitForPerson, match="2 times") as caught:
        await desk.plan("inventory", a_level())
    assert caught.value.code == "DuplicateSku"
    for variant in (first, second):
        assert variant["id"].rpartition("/")[2] in caught.value.message


async def test_a_location_that_is_gone_waits_with_the_ones_there_are(
    desk: Desk, hamburg: Thing
) -> None:
    desk.goods("KN-1")
    hamburg["isActive"] = False
    desk.catalog.add_location("Berlin")
    with pytest.raises(MissingReference, match="is deactivated in the shop, which has 'Berlin'"):
        await desk.plan("inventory", a_level())
    with pytest.raises(MissingReference, match="no location of the shop") as caught:
        await desk.plan("inventory", a_level(location="Moon"))
    assert caught.value.kind == "location"


async def test_what_is_not_stocked_there_waits_or_is_activated(
    desk: Desk, hamburg: Thing, acme: AtWork
) -> None:
    kettle = desk.goods("KN-1")
    outcome = await desk.send(await desk.plan("inventory", a_level()))
    assert isinstance(outcome.error, WaitForPerson)
    assert outcome.error.code == "NotStocked"
    assert "settings.activate" in outcome.error.message
    await desk.deliver("inventory", a_level(), {"activate": "Always"})
    assert desk.available(kettle, hamburg) == 5
    assert acme.asked("InventoryActivate") == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "service"}, "NotTracked"),
        ({"kind": "bundle"}, "BundleItem"),
        ({"tracked": False}, "NotTracked"),
    ],
)
async def test_what_has_no_stock_is_skipped_and_asks_nothing(
    desk: Desk, acme: AtWork, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(NotForThere) as caught:
        await desk.plan("inventory", a_level(**fields))
    assert caught.value.code == code
    assert acme.server.log.entries == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"tracked": False}, "NotTracked"), ({"requiresComponents": True}, "BundleItem")],
)
async def test_what_the_shop_does_not_count_is_never_pushed(
    desk: Desk, hamburg: Thing, acme: AtWork, fields: dict[str, Any], code: str
) -> None:
    """It is known when the SKU is looked up, so that a plan does not name it as a write."""
    desk.goods("KN-1", **fields)
    desk.catalog.stock("KN-1", hamburg, 1)
    with pytest.raises(NotForThere) as caught:
        await desk.plan("inventory", a_level())
    assert caught.value.code == code
    assert acme.asked("Levels") == acme.asked("InventorySet") == 0


@pytest.mark.parametrize("code", ["NotTracked", "BundleItem"])
async def test_what_is_not_counted_any_more_when_it_is_written_is_not_pushed(
    desk: Desk, hamburg: Thing, acme: AtWork, code: str
) -> None:
    variant = desk.goods("KN-1")
    desk.catalog.stock("KN-1", hamburg, 1)
    planned = await desk.plan("inventory", a_level())
    if code == "NotTracked":
        desk.catalog.of("InventoryItem")[0]["tracked"] = False
    else:
        variant["requiresComponents"] = True
    outcome = await desk.send(planned)
    assert isinstance(outcome.error, NotForThere)
    assert outcome.error.code == code
    assert acme.asked("InventorySet") == 0


async def test_one_bad_level_does_not_hold_the_others(desk: Desk, hamburg: Thing) -> None:
    kettle = desk.goods("KN-1")
    desk.goods("KN-2")
    desk.catalog.stock("KN-1", hamburg, 1)
    desk.catalog.stock("KN-2", hamburg, 1)
    (good,) = await desk.plan("inventory", a_level("KN-1"))
    (bad,) = await desk.plan("inventory", a_level("KN-2", "2000000000"))
    calls = [Call(effect=e, given={}, idempotency_key=e.body["sku"]) for e in (bad, good)]
    outcomes = await desk.destination.write(calls)
    assert outcomes[0].error is not None
    assert outcomes[0].error.code == "INVALID_QUANTITY_TOO_HIGH"
    assert outcomes[1].found is not None
    assert desk.available(kettle, hamburg) == 5


async def test_a_level_without_a_sku_is_no_level(desk: Desk) -> None:
    with pytest.raises(BadRecord, match="has no SKU"):
        desk.destination.to_document("inventory", a_level(""), {})


async def test_available_is_on_hand_less_reserved_where_the_source_says_no_more(desk: Desk) -> None:
    level = a_level(available="0", on_hand=Decimal(9), reserved=Decimal("2.5"))
    bare = level.__class__(**{f: getattr(level, f) for f in level.__struct_fields__} | {"available": None})  # fmt: skip
    assert desk.destination.to_document("inventory", bare, {}) == {"available": 6}


async def test_the_simulated_shop_insists_on_idempotency_and_answers_again(
    desk: Desk, hamburg: Thing, acme: AtWork
) -> None:
    desk.goods("KN-1")
    desk.catalog.stock("KN-1", hamburg, 2)
    client = acme.connector._client
    item = desk.catalog.of("InventoryItem")[0]["id"]
    row = {"inventoryItemId": item, "locationId": hamburg["id"], "quantity": 3}
    wanted: Thing = {"reason": "correction", "name": "available"}
    wanted["quantities"] = [{**row, "changeFromQuantity": 2}]
    bare = """mutation InventorySet($input: InventorySetQuantitiesInput!) {
      inventorySetQuantities(input: $input) { userErrors { code } } }"""
    with pytest.raises(Fatal, match="@idempotent directive is required"):
        await client.write(bare, operation="InventorySet", input=wanted)
    keyed = bare.replace("!) {", "!, $key: String!) {", 1).replace(
        "(input: $input)", "(input: $input) @idempotent(key: $key)"
    )
    for _ in range(2):  # the second one would be stale, were it not the same request
        data = await client.write(keyed, operation="InventorySet", input=wanted, key="a")
        assert data["inventorySetQuantities"]["userErrors"] == []
    wanted["quantities"] = [{**row, "quantity": 9, "changeFromQuantity": 3}]
    data = await client.write(keyed, operation="InventorySet", input=wanted, key="a")
    (error,) = data["inventorySetQuantities"]["userErrors"]
    assert error["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
