"""What old shops send on a bad day, and clocks and marks that lie: named, waited for, nothing lost."""

from datetime import timedelta
from typing import Any

import pytest

from knect.model import Order
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
from knect.sdk.testing import Fault
from knect_connectors.magento1.simulator import fill_orders, small_orders
from knect_connectors.magento1.simulator.spoil import spoil
from knect_connectors.magento1.tests.conftest import NOON, AtWork, open_shop
from knect_connectors.magento1.xmlrpc import Fault as Refusal
from knect_connectors.magento1.xmlrpc import code_of, read_answer

HOUR = timedelta(hours=1)


async def orders(acme: AtWork, **window: Any) -> list[Change]:
    return await acme.all(NOON - HOUR, NOON + HOUR, **window)


async def lasting(acme: AtWork, kind: str) -> ConnectorError:
    """Return what is said of a shop that always answers like this."""
    await acme.simulator.do("spoil", {"kinds": [kind] * 60})
    with pytest.raises(ConnectorError) as caught:
        await orders(acme)
    acme.simulator.spoils.clear()
    return caught.value


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("report", "There has been an error processing your request"),
        ("memory", "Allowed memory size of 268435456 bytes exhausted"),
        ("fatal", "Allowed memory size of 268435456 bytes exhausted"),
        ("empty", "was answered with nothing"),
        ("deadlock", "1213 Deadlock found when trying to get lock"),
        ("bomb", "declares a document type"),
        ("external", "declares a document type"),
    ],
)
async def test_it_is_said_in_words_and_the_window_is_read_again(
    acme: AtWork, kind: str, words: str
) -> None:
    numbers = small_orders(acme.books, 3, at=NOON)
    error = await lasting(acme, kind)
    assert isinstance(error, RetryLater)
    assert isinstance(error, UnexpectedAnswer)
    assert words in error.message
    assert "root:" not in error.message, "the file was read"
    assert [change.id for change in await orders(acme)] == numbers


@pytest.mark.parametrize("kind", ["report", "memory", "fatal", "empty", "deadlock", "bomb"])
async def test_what_passes_is_not_noticed(acme: AtWork, kind: str) -> None:
    numbers = small_orders(acme.books, 30, at=NOON)
    await acme.connector.check()
    await acme.simulator.do("spoil", {"kinds": [None, kind, None, kind]})
    assert [change.id for change in await orders(acme)] == numbers


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_ERROR, Fault.HTML, Fault.TRUNCATED, Fault.COMMIT_THEN_DROP,
              Fault.MALFORMED, Fault.THROTTLED, Fault.TOKEN_EXPIRED]
)  # fmt: skip
async def test_troubles_on_the_way_lose_no_order(acme: AtWork, fault: Fault) -> None:
    numbers = small_orders(acme.books, 30, at=NOON)
    await acme.connector.check()
    acme.server.faults.force(fault, None, fault, None, None, fault)
    assert [change.id for change in await orders(acme)] == numbers


@pytest.mark.parametrize(
    "page",
    [
        '<?xml version="1.0"?><!DOCTYPE html><html><head><title>Maintenance</title></head></html>',
        "<html><head><title>Maintenance</title></head><body>&nbsp;</body></html>",
    ],
)
async def test_a_page_is_told_by_its_title_even_if_it_is_xml(acme: AtWork, page: str) -> None:
    handle = acme.simulator.handle

    async def in_between(request: Any) -> Any:
        answer = await handle(request)
        answer.body = page.encode()
        return answer

    acme.simulator.handle = in_between  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match=r"a page instead of XML: Maintenance"):
        await acme.connector.check()


async def test_notices_of_php_before_the_answer_are_passed_over() -> None:
    async with open_shop(notices=1.0) as acme:
        numbers = small_orders(acme.books, 3, at=NOON)
        assert [change.id for change in await orders(acme)] == numbers


@pytest.mark.parametrize("calls", [1, 2, 3])
async def test_sessions_that_end_in_the_middle_are_renewed(calls: int) -> None:
    async with open_shop(session_calls=calls) as acme:
        numbers = small_orders(acme.books, 80, at=NOON)
        assert [change.id for change in await orders(acme)] == numbers
        assert acme.simulator.sessions.opened > 1


async def test_a_session_is_kept_as_long_as_it_lives(acme: AtWork) -> None:
    small_orders(acme.books, 80, at=NOON)
    await orders(acme)
    await orders(acme)
    assert acme.simulator.sessions.opened == 1


async def test_a_shop_short_of_memory_is_asked_for_less(acme: AtWork) -> None:
    """Whoever asks for more than two orders at once is answered by PHP's end."""
    numbers = small_orders(acme.books, 9, at=NOON)
    call = acme.simulator.rpc._multiCall

    def short_of_memory(session: str, calls: Any = (), options: Any = ()) -> Any:
        if len([one for one in calls if one[0] == "sales_order.info"]) > 2:
            acme.simulator.spoils.append("memory")
        return call(session, calls, options)

    acme.simulator.rpc._multiCall = short_of_memory  # type: ignore[method-assign]
    handle = acme.simulator.handle

    async def answered(request: Any) -> Any:
        answer = await handle(request)
        if acme.simulator.spoils:
            answer = spoil(acme.simulator.spoils.pop() or "", answer)
        return answer

    acme.simulator.handle = answered  # type: ignore[method-assign]
    assert [change.id for change in await orders(acme)] == numbers


async def test_one_order_the_shop_cannot_read_holds_no_other(acme: AtWork) -> None:
    numbers = small_orders(acme.books, 3, at=NOON)
    methods = acme.simulator.calls._methods
    info = methods["sales_order.info"]

    def broken(number: Any) -> Any:
        if str(number) == numbers[1]:
            raise TypeError("Call to a member function getData() on a non-object")
        return info(number)

    methods["sales_order.info"] = broken
    changes = await orders(acme)
    assert [change.id for change in changes] == numbers
    assert isinstance(acme.source.to_record("orders", changes[0].raw), Order)
    with pytest.raises(BadRecord, match=f"cannot read order {numbers[1]}: Call to a member"):
        acme.source.to_record("orders", changes[1].raw)


async def test_characters_xml_does_not_have_are_shown_and_stop_nothing(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    handle = acme.simulator.handle

    async def pasted(request: Any) -> Any:
        answer = await handle(request)
        answer.body = answer.body.replace(b"Calle Mayor", b"Calle\x0bMayor")
        return answer

    acme.simulator.handle = pasted  # type: ignore[method-assign]
    (change,) = await acme.source.fetch("orders", [number])
    assert change.raw["billing_address"]["street"] == "Calle\ufffdMayor 1"


async def test_an_order_without_customer_and_address_is_an_order(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    await acme.simulator.do("touch", {
        "number": number, "customer_id": "", "customer_is_guest": "0", "customer_email": None,
        "customer_firstname": None, "customer_lastname": "", "billing_address": [],
        "shipping_address": None,
    })  # fmt: skip
    (change,) = await acme.source.fetch("orders", [number])
    record = acme.source.to_record("orders", change.raw)
    assert isinstance(record, Order)
    assert record.customer is not None
    assert (record.customer.source_id, record.customer.name) == (None, None)
    assert record.shipping_address is None


async def test_a_field_that_is_gone_is_named(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    del acme.books.orders[number]["base_grand_total"]
    (change,) = await acme.source.fetch("orders", [number])
    with pytest.raises(BadRecord) as caught:
        acme.source.to_record("orders", change.raw)
    assert caught.value.path == "base_grand_total"


# ---------------------------------------------------------------- credentials and rights


async def test_a_right_that_is_missing_is_named(acme: AtWork) -> None:
    await acme.simulator.do("deny", {"resources": ["sales_order"]})
    report = await acme.connector.check()
    by_name = {one.entity: one for one in report.entities}
    assert not by_name["orders"].read
    assert "sales_order.list" in (by_name["orders"].problem or "")
    assert by_name["products"].read
    assert (report.product, report.version) == ("Magento Community", "1.9.4.5")
    with pytest.raises(ScopeMissing, match=r"sales_order\.list: Access denied"):
        await orders(acme)


async def test_a_key_that_was_rotated_works_without_a_restart() -> None:
    secrets = {"apiUser": Secret("knect"), "apiKey": Secret("old-canary")}
    async with open_shop(secrets=secrets) as acme:
        with pytest.raises(CredentialsRejected) as caught:
            await acme.connector.check()
        assert "canary" not in repr(caught.value)
        secrets["apiKey"] = Secret("simulated-api-key")
        await acme.connector.check()
        del secrets["apiKey"]
        with pytest.raises(CredentialsRejected, match="no key apiKey"):
            await acme.connector.check()


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"url": "shop.example"}, "config.url"),
        ({"timezone": "Berlin"}, "config.timezone"),
        ({"amounts": "both"}, "config.amounts"),
    ],
)
async def test_a_config_that_cannot_be_right_is_named(config: dict[str, str], path: str) -> None:
    with pytest.raises(Fatal) as caught:
        async with open_shop(config=config):
            pass
    assert caught.value.path == path


async def test_another_path_and_another_server_are_told(acme: AtWork) -> None:
    async with open_shop(config={"path": "/api/rpc"}) as wrong:
        with pytest.raises(Fatal, match="address or API version in the Connection's config"):
            await wrong.connector.check()


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
                assert change.token >= seen.get(change.id, "")
                seen[change.id] = change.token
            assert set(numbers) <= set(seen)
            at = until


async def test_marks_that_lag_ninety_seconds_are_covered_by_the_overlap() -> None:
    async with open_shop() as acme:
        acme.books.mark_lag = timedelta(seconds=90)
        cursor = await acme.source.server_time()
        (number,) = small_orders(acme.books, 1, at=NOON)
        await acme.simulator.do("touch", {"number": number})
        window = await acme.all(cursor - timedelta(seconds=180), cursor + timedelta(seconds=2))
        assert [change.id for change in window] == [number]


async def test_an_order_without_a_mark_is_listed_by_when_it_was_made(acme: AtWork) -> None:
    numbers = small_orders(acme.books, 4, at=NOON, spacing=60.0)
    for number, mark in zip(numbers, (None, "", "0000-00-00 00:00:00"), strict=False):
        acme.books.orders[number]["updated_at"] = mark
    changes = await orders(acme)
    assert [change.id for change in changes] == numbers
    assert [change.at for change in changes] == [NOON + timedelta(minutes=n) for n in range(4)]
    for change in changes:
        assert isinstance(acme.source.to_record("orders", change.raw), Order)


async def test_a_change_past_the_mark_is_found_by_what_the_row_was() -> None:
    async with open_shop(config={"recheckDays": 30}) as acme:
        numbers = small_orders(acme.books, 60, at=acme.books.now() - HOUR, spacing=20.0)
        now = acme.books.now()
        first = await acme.all(now - timedelta(hours=2), now)
        before = {change.id: change for change in first}
        await acme.simulator.do("slip", {"number": numbers[7], "customer_note": "leave it"})
        requests = acme.requests()
        assert await acme.all(now, now + timedelta(minutes=5)) == []
        assert acme.requests() - requests == 1, "looked at again within the hour"
        later = now + timedelta(hours=2)
        (found,) = await acme.all(later - timedelta(minutes=5), later)
        assert (found.id, found.token) == (numbers[7], before[numbers[7]].token)
        assert found.raw["customer_note"] == "leave it"
        assert later - timedelta(minutes=5) <= found.at < later
        again = later + timedelta(hours=2)
        assert await acme.all(again - timedelta(minutes=5), again) == []


async def test_a_list_that_ignores_what_it_is_asked_for_gives_nothing_twice(acme: AtWork) -> None:
    """Everything comes with each slice, again and again: only what belongs there is taken."""
    numbers = small_orders(acme.books, 30, at=NOON - timedelta(days=9), spacing=20_000.0)
    methods = acme.simulator.calls._methods
    listed = methods["sales_order.list"]
    methods["sales_order.list"] = lambda filters=None: listed({})
    found = await acme.all(NOON - timedelta(days=20), NOON + timedelta(days=1))
    assert [change.id for change in found] == numbers


async def test_a_quiet_pass_asks_little_whatever_the_shop_holds(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=300, let_in=60)
    now = acme.books.now()
    await acme.connector.check()
    before = acme.requests()
    assert await acme.all(now - timedelta(minutes=10), now) == []
    assert acme.requests() - before == 1


async def test_a_thousand_orders_are_a_bounded_number_of_requests(acme: AtWork) -> None:
    small_orders(acme.books, 1_000, at=NOON - timedelta(days=20), spacing=1_500.0)
    before = acme.requests()
    found = await acme.all(NOON - timedelta(days=30), NOON + timedelta(days=1), size=100)
    assert len(found) == 1_000
    assert acme.requests() - before <= 1_000 / 25 * 1.5 + 10


@pytest.mark.parametrize(
    ("code", "number"),
    [("5", 5), ("-3", -3), ("--5", 0), ("²", 0), ("5" * 5000, 0), ("", 0), (None, 0), ([], 0)],
)
def test_a_faults_code_is_a_number_or_none(code: object, number: int) -> None:
    assert code_of(code) == number
    member = f"<member><name>faultCode</name><value>{code}</value></member>"
    body = (
        f"<methodResponse><fault><value><struct>{member}</struct></value></fault></methodResponse>"
    )
    assert read_answer(body.encode()) == Refusal(code=number, message="")
