"""Lists that shift, shops that stumble, tokens that end, rights that lack: named, nothing lost."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from knect.sdk.contract import Change
from knect.sdk.errors import (
    BadRecord,
    ConnectorError,
    CredentialsRejected,
    Fatal,
    RetryLater,
    ScopeMissing,
    UnexpectedAnswer,
)
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, Request
from knect_connectors.magento2.simulator import parts, small_orders
from knect_connectors.magento2.tests.conftest import NOON, SECRETS, AtWork, open_shop

HOUR = timedelta(hours=1)


async def orders(acme: AtWork, **window: Any) -> list[Change]:
    return await acme.all(NOON - HOUR, NOON + HOUR, **window)


def named(changes: Sequence[Change]) -> list[str]:
    """Return their numbers; at one instant they come by id, which is a text."""
    return sorted(str(change.raw["increment_id"]) for change in changes)


def intercept(acme: AtWork, answer: Any) -> None:
    """Let `answer(request)` answer first; None: the shop does."""
    handle = acme.simulator.handle

    async def in_between(request: Request) -> Answer:
        found = answer(request)
        return found if found is not None else await handle(request)

    acme.simulator.handle = in_between  # type: ignore[method-assign]


# ---------------------------------------------------------------- lists


async def test_a_page_past_the_end_is_the_last_one_again_and_harms_nothing(acme: AtWork) -> None:
    numbers = small_orders(acme.books, 10, at=NOON)
    asked: list[str] = []

    def look(request: Request) -> None:
        asked.append(request.query.get("searchCriteria[currentPage]", ""))

    intercept(acme, look)
    assert named(await orders(acme, size=5)) == numbers
    assert asked == ["1", "1"], "two whole pages, and no third to find out that it was all"


async def test_what_changes_while_it_is_read_moves_nothing_out_of_sight(acme: AtWork) -> None:
    """Six rows, two a page; after each page a row of it moves behind the window."""
    numbers = small_orders(acme.books, 6, at=NOON, spacing=1.0)
    seen: list[str] = []

    def move(request: Request) -> None:
        if request.path.endswith("/orders") and seen:
            parts.touch(acme.books, acme.books.order(seen[-1]))

    intercept(acme, move)
    async for page in acme.source.read("orders", _window(2)):
        seen += named(page.changes)
    assert seen == numbers


@pytest.mark.parametrize("apart", [0.0, 1.0])
@pytest.mark.parametrize("broken", [{0}, {6}, {2, 3}])
async def test_an_order_the_shop_cannot_tell_holds_up_no_other(
    acme: AtWork, broken: set[int], apart: float
) -> None:
    numbers = small_orders(acme.books, 7, at=NOON, spacing=apart)
    for index in broken:
        await acme.simulator.do("spoil", {"number": numbers[index]})
    rows = [acme.books.order(number) for number in numbers]
    listed = await orders(acme, size=4)
    assert sorted(one.id for one in listed) == sorted(str(row["entity_id"]) for row in rows)
    marks = {one.id: one.at for one in listed}
    ids = [str(row["entity_id"]) for row in rows]
    fetched = await acme.source.fetch("orders", ids)
    assert [one.id for one in fetched] == ids
    for found in (listed, fetched):
        for one in found:
            if ids.index(one.id) not in broken:
                acme.source.to_record("orders", one.raw)
                continue
            with pytest.raises(BadRecord, match=r"cannot tell it: .* webapi-64a1; repair it in"):
                acme.source.to_record("orders", one.raw)
    for index, name in enumerate(ids):
        assert marks[name] == NOON + timedelta(seconds=apart * index)


async def test_what_belongs_to_an_order_the_shop_cannot_tell_says_so(acme: AtWork) -> None:
    numbers = small_orders(acme.books, 2, at=NOON)
    await acme.simulator.do("spoil", {"number": numbers[0]})
    order = acme.books.order(numbers[0])["entity_id"]
    first, second = sorted(await orders(acme, entity="payments"), key=lambda one: int(one.id))
    acme.source.to_record("payments", second.raw)
    with pytest.raises(BadRecord, match=f"of its order {order}: "):
        acme.source.to_record("payments", first.raw)


async def test_an_outage_is_no_order_that_cannot_be_told(acme: AtWork) -> None:
    """Neither one of all lists, nor one of orders alone."""
    numbers = small_orders(acme.books, 2, at=NOON)
    for number in numbers:
        await acme.simulator.do("spoil", {"number": number})
    for down in (False, True):
        if down:
            intercept(acme, lambda _: acme.simulator.refuse(Fault.SERVER_ERROR, 500))
        with pytest.raises(UnexpectedAnswer, match="500"):
            await orders(acme)
        with pytest.raises(UnexpectedAnswer, match="500"):
            await acme.source.fetch("orders", [str(acme.books.order(numbers[0])["entity_id"])])


def _window(size: int) -> Any:
    from knect.sdk.contract import Window  # noqa: PLC0415

    return Window(since=NOON - HOUR, until=NOON + HOUR, page_size=size)


async def test_a_shop_that_cannot_answer_is_asked_for_less(acme: AtWork) -> None:
    """It runs out of memory with more than three orders."""
    numbers = small_orders(acme.books, 9, at=NOON)

    def short_of_memory(request: Request) -> Answer | None:
        if int(request.query.get("searchCriteria[pageSize]", "0")) <= 3:
            return None
        return Answer.of_json({"message": "Server internal error. See details in report api/9"},
                              status=500)  # fmt: skip

    intercept(acme, short_of_memory)
    assert named(await orders(acme)) == numbers


@pytest.mark.parametrize(
    "body",
    [{"items": [], "total_count": 3}, {"items": "x", "total_count": 1}, {"items": []},
     {"items": [1], "total_count": 1}, [], {"message": "ok"}],
)  # fmt: skip
async def test_an_answer_that_is_no_list_is_never_taken_for_an_empty_one(
    acme: AtWork, body: Any
) -> None:
    def odd(request: Request) -> Answer | None:
        return Answer.of_json(body) if request.path.endswith("/orders") else None

    intercept(acme, odd)
    with pytest.raises(UnexpectedAnswer):
        await orders(acme)


async def test_a_mark_that_is_no_instant_is_named(acme: AtWork) -> None:
    small_orders(acme.books, 1, at=NOON)
    page = await acme.simulator.handle(_asked("orders"))
    row = {**_json(page)["items"][0], "updated_at": "yesterday"}

    def odd(request: Request) -> Answer | None:
        if request.path.endswith("/orders"):
            return Answer.of_json({"items": [row], "total_count": 1})
        return None

    intercept(acme, odd)
    with pytest.raises(UnexpectedAnswer, match="'yesterday', which is no instant"):
        await orders(acme)


def _asked(path: str) -> Request:
    token = {"authorization": f"Bearer {SECRETS['accessToken']}"}
    return Request(method="GET", path=f"/rest/all/V1/{path}", headers=token, body=b"",
                   query={"searchCriteria[pageSize]": "10"},
                   target=f"/rest/all/V1/{path}?searchCriteria[pageSize]=10")  # fmt: skip


def _json(answer: Answer) -> Any:
    from knect.sdk.http import decode_json  # noqa: PLC0415

    return decode_json(answer.body)


async def test_input_limits_are_kept() -> None:
    async with open_shop(limits=True, config={"pageSize": 300}) as acme:
        numbers = small_orders(acme.books, 320, at=NOON)
        assert named(await orders(acme, size=5_000)) == numbers


async def test_a_thousand_orders_are_a_bounded_number_of_requests(acme: AtWork) -> None:
    small_orders(acme.books, 1_000, at=NOON - HOUR / 2, spacing=1.0)
    before = acme.requests()
    assert len(await orders(acme, size=100)) == 1_000
    assert acme.requests() - before == 10
    before = acme.requests()
    assert await acme.all(NOON + 2 * HOUR, NOON + 3 * HOUR) == []
    assert acme.requests() - before == 1


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_ERROR, Fault.HTML, Fault.TRUNCATED, Fault.COMMIT_THEN_DROP,
              Fault.MALFORMED, Fault.THROTTLED]
)  # fmt: skip
async def test_troubles_on_the_way_lose_no_order(acme: AtWork, fault: Fault) -> None:
    numbers = small_orders(acme.books, 30, at=NOON)
    acme.server.faults.force(fault, None, fault, fault, None)
    assert named(await orders(acme, size=10)) == numbers


# ---------------------------------------------------------------- credentials and rights


@pytest.mark.parametrize("auth", ["OAuth", "Bearer", "Admin"])
async def test_each_way_in_reads_and_writes(auth: str) -> None:
    async with open_shop(config={"auth": auth}) as acme:
        numbers = small_orders(acme.books, 12, at=NOON)
        assert named(await orders(acme, size=5)) == numbers
        assert await acme.source.fetch("inventory", ["A b/c@default"])
        report = await acme.connector.check()
        assert all(one.read and one.write is (one.entity != "refunds") for one in report.entities)
        assert acme.simulator.access.fetched == (auth == "Admin")


async def test_an_admins_token_that_ended_is_fetched_anew_once() -> None:
    async with open_shop(config={"auth": "Admin"}) as acme:
        numbers = small_orders(acme.books, 30, at=NOON)
        acme.server.faults.force(None, None, Fault.TOKEN_EXPIRED, None, None, None, None)
        assert named(await orders(acme, size=10)) == numbers
        assert acme.simulator.access.fetched == 2


async def test_an_admin_who_is_locked_out_waits_for_a_person() -> None:
    secrets = {name: Secret(text) for name, text in SECRETS.items()}
    secrets["password"] = Secret("wrong-canary")
    async with open_shop(config={"auth": "Admin"}, secrets=secrets) as acme:
        with pytest.raises(CredentialsRejected, match="sign-in was incorrect") as caught:
            await acme.connector.check()
        assert "canary" not in repr(caught.value)
        assert not caught.value.could_have_been_seen, "the call itself did not leave"


async def test_a_shop_that_takes_no_bare_token_says_no_to_all() -> None:
    async with open_shop(config={"auth": "Bearer"}) as acme:
        acme.simulator.access.bearer = False
        with pytest.raises(CredentialsRejected, match="or its token is not accepted"):
            await acme.connector.check()


async def test_a_right_that_is_missing_is_named(acme: AtWork) -> None:
    await acme.simulator.do("deny", {"resources": ["Magento_Sales::actions_view"]})
    report = await acme.connector.check()
    by_name = {one.entity: one for one in report.entities}
    assert not by_name["orders"].read
    assert "Magento_Sales::actions_view" in (by_name["orders"].problem or "")
    assert by_name["products"].read
    with pytest.raises(ScopeMissing, match="authorized to access Magento_Sales::actions_view"):
        await orders(acme)


async def test_secrets_that_were_rotated_work_without_a_restart() -> None:
    secrets = {name: Secret(text) for name, text in SECRETS.items()}
    secrets["consumerSecret"] = Secret("old-canary")
    async with open_shop(secrets=secrets) as acme:
        with pytest.raises(CredentialsRejected, match="The signature is invalid") as caught:
            await acme.connector.check()
        assert "canary" not in repr(caught.value)
        secrets["consumerSecret"] = Secret(SECRETS["consumerSecret"])
        await acme.connector.check()
        del secrets["consumerSecret"]
        with pytest.raises(CredentialsRejected, match=r"no key consumerSecret; config\.auth OAuth"):
            await acme.connector.check()


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"url": "shop.example"}, "config.url"),
        ({"timezone": "Berlin"}, "config.timezone"),
        ({"amounts": "both"}, "config.amounts"),
        ({"auth": "Basic"}, "config.auth"),
        ({"inventory": "One"}, "config.inventory"),
    ],
)
async def test_a_config_that_cannot_be_right_is_named(config: dict[str, str], path: str) -> None:
    with pytest.raises(Fatal) as caught:
        async with open_shop(config=config):
            pass
    assert caught.value.path == path


@pytest.mark.parametrize("path", ["/api", "/rest/v2"])
async def test_another_path_is_told(path: str) -> None:
    async with open_shop(config={"path": path}) as acme:
        with pytest.raises(Fatal, match="address or API version in the Connection's config"):
            await acme.connector.check()
        with pytest.raises(Fatal):
            await acme.source.server_time()


# ---------------------------------------------------------------- clocks and marks


@pytest.mark.parametrize("skew", [-90, 0, 90])
async def test_windows_are_by_the_shops_clock(skew: float) -> None:
    """Read as the engine does: each window from the last server time, with the overlap."""
    async with open_shop() as acme:
        await acme.simulator.do("skew", {"seconds": skew})
        seen: dict[str, str] = {}
        at = await acme.source.server_time() - timedelta(minutes=5)
        for _ in range(4):
            numbers = await acme.simulator.do("create_orders", {"count": 3})
            until = await acme.source.server_time() + timedelta(seconds=1)
            window = await acme.all(at - timedelta(seconds=180), until)
            for change in window:
                assert change.token >= seen.get(change.raw["increment_id"], "")
                seen[change.raw["increment_id"]] = change.token
            assert set(numbers) <= set(seen)
            at = until


async def test_marks_that_lag_ninety_seconds_are_covered_by_the_overlap() -> None:
    async with open_shop() as acme:
        acme.books.mark_lag = timedelta(seconds=90)
        cursor = await acme.source.server_time()
        (number,) = small_orders(acme.books, 1, at=NOON)
        await acme.simulator.do("touch", {"number": number})
        window = await acme.all(cursor - timedelta(seconds=180), cursor + timedelta(seconds=2))
        assert named(window) == [number]


async def test_an_entity_that_is_none_is_said(acme: AtWork) -> None:
    with pytest.raises(Fatal, match="Magento has no entity 'carts'"):
        acme.source.read("carts", _window(1))
    with pytest.raises(ConnectorError):
        acme.source.to_record("orders", [])


async def test_a_lasting_trouble_is_told_after_a_few_tries(acme: AtWork) -> None:
    acme.server.faults.force(*[Fault.SERVER_ERROR] * 60)
    before = acme.requests()
    with pytest.raises(RetryLater):
        await acme.source.server_time()
    assert acme.requests() - before == 5
