"""Many SKUs are looked up at once, and none is called unknown because a search was too long."""

import pytest

from knect.sdk.contract import Reference
from knect_connectors.shopify.tests.catalog import Desk
from knect_connectors.shopify.tests.conftest import AtWork

MANY = [f"KN-{number:04}" for number in range(600)]


@pytest.fixture
def desk(acme: AtWork) -> Desk:
    desk = Desk(acme)
    for sku in MANY:
        desk.goods(sku)
    return desk


async def known(desk: Desk, skus: list[str]) -> set[str]:
    """Return which of the SKUs the shop knows."""
    asked = [Reference(kind="sku", value=sku, path="sku") for sku in skus]
    answers = await desk.destination.resolve(asked)
    assert all(isinstance(answer, str) for answer in answers.values()), answers
    return {value for _, value in answers}


async def test_as_many_as_a_page_has_places_are_one_request(desk: Desk, acme: AtWork) -> None:
    assert await known(desk, MANY) == set(MANY)
    assert acme.asked("VariantsBySku") == 3
    assert not acme.simulator.throttle.refused


async def test_what_a_long_search_does_not_find_is_asked_for_again(
    desk: Desk, acme: AtWork
) -> None:
    strange = [f"XX-{number}" for number in range(50)]
    assert await known(desk, [*MANY[:200], *strange]) == set(MANY[:200])
    assert acme.asked("VariantsBySku") == 1 + 2
    assert await known(desk, MANY[:250]) == set(MANY[:250])
    assert acme.asked("VariantsBySku") == 1 + 2 + 1, "long ones are read whole"


async def test_a_shop_that_passes_over_the_end_of_a_search_is_asked_by_few(
    desk: Desk, acme: AtWork
) -> None:
    desk.catalog.terms_read = 100
    assert await known(desk, MANY[:250]) == set(MANY[:250])
    assert acme.asked("VariantsBySku") == 1 + 4
    assert await known(desk, MANY[:250]) == set(MANY[:250])
    assert acme.asked("VariantsBySku") == 1 + 4 + 7


async def test_a_shop_that_refuses_a_long_search_is_asked_by_few(desk: Desk, acme: AtWork) -> None:
    acme.simulator.throttle.max_cost = 400.0
    for times in (1, 2):
        assert await known(desk, MANY[:80]) == set(MANY[:80])
        assert acme.asked("VariantsBySku") == 1 + 2 * times


async def test_a_sku_that_is_there_twice_is_found_twice_in_a_long_search(
    desk: Desk, acme: AtWork
) -> None:
    desk.goods(MANY[7])
    asked = [Reference(kind="sku", value=sku, path="sku") for sku in MANY[:250]]
    answers = await desk.destination.resolve(asked)
    unusable = {value: one for (_, value), one in answers.items() if not isinstance(one, str)}
    assert list(unusable) == [MANY[7]]
    assert unusable[MANY[7]].code == "DuplicateSku"
    assert acme.asked("VariantsBySku") == 2, "what does not fit on a page is on the next one"
