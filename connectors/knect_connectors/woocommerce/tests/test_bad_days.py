"""Hosts, plugins and keys on a bad day: what is said, what waits, and what is not leaked."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.errors import (
    CredentialsRejected,
    Fatal,
    Refused,
    ScopeMissing,
    SecretMissing,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)
from knect.sdk.exchange import Exchange, recording
from knect.sdk.http import Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, Request
from knect_connectors.woocommerce.config import read_config
from knect_connectors.woocommerce.refusals import error_of_answer
from knect_connectors.woocommerce.tests.conftest import KEY, NOON, SECRET, AtWork, open_shop


def answering(acme: AtWork, *answers: Answer) -> None:
    """Let the next requests be answered with these."""
    left = list(answers)
    real = acme.simulator.handle

    async def handle(request: Request) -> Answer:
        return left.pop(0) if left else await real(request)

    acme.simulator.handle = handle  # type: ignore[method-assign]


def page(status: int, title: str = "Attention Required!") -> Answer:
    return Answer(status=status, headers={"Content-Type": "text/html"},
                  body=f"<html><title>{title}</title></html>".encode())  # fmt: skip


async def test_all_is_well(acme: AtWork) -> None:
    report = await acme.connector.check()
    assert (report.product, report.version) == ("WooCommerce", "9.8.5")
    told = {one.entity: (one.read, one.write, one.problem) for one in report.entities}
    assert told == {
        "customers": (True, True, None), "inventory": (True, True, None),
        "orders": (True, True, None), "payments": (True, False, None),
        "prices": (True, True, None), "products": (True, True, None),
        "refunds": (True, False, None), "shipments": (False, True, None),
    }  # fmt: skip
    assert acme.books.snapshot()["notes"] == {}


async def test_a_key_that_may_only_read_and_rights_that_lack(acme: AtWork) -> None:
    await acme.simulator.do("deny", {"resources": ["customers", "system_status"], "writes": False})
    report = await acme.connector.check()
    told = {one.entity: (one.read, one.write) for one in report.entities}
    assert told["orders"] == (True, False)
    assert told["customers"] == (False, False)
    assert report.version == ""
    problems = {one.entity: one.problem or "" for one in report.entities}
    assert "lacks the right" in problems["customers"]
    assert "Read/Write" in problems["shipments"]


@pytest.mark.parametrize(("key", "secret"), [("ck_other", SECRET), (KEY, "cs_other")])
async def test_a_wrong_key_is_told_in_the_shops_words(key: str, secret: str) -> None:
    secrets = {"consumerKey": Secret(key), "consumerSecret": Secret(secret)}
    async with open_shop(secrets=secrets) as acme:
        with pytest.raises(CredentialsRejected, match=r"Consumer (key|secret) is invalid") as bad:
            await acme.connector.check()
        assert "Connection's Secret" in bad.value.message
        assert secret not in str(bad.value)


async def test_a_secret_that_is_not_there_is_named() -> None:
    async with open_shop(secrets={"consumerKey": Secret(KEY)}) as acme:
        with pytest.raises(SecretMissing, match="consumerSecret"):
            await acme.connector.check()


async def test_a_host_that_takes_the_header_away_is_known_and_met_by_the_query() -> None:
    async with open_shop() as acme:
        acme.simulator.access.strips = True
        with pytest.raises(CredentialsRejected, match=r"set config\.auth to Query"):
            await acme.connector.check()
    async with open_shop(config={"auth": "Query"}) as acme:
        acme.simulator.access.strips = True
        seen: list[Request] = []
        acme.simulator.before = seen.append
        await acme.connector.check()
        assert seen
        assert not [one for one in seen if "authorization" in one.headers]


class Recorder:
    """Keeps exchanges."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def begin(self, *, method: str, template: str, host: str) -> Exchange:
        self.seen.append(Exchange(id="1" * 32, span_id="2" * 16, method=method, host=host,
                                  template=template, started=datetime.now(UTC)))  # fmt: skip
        return self.seen[-1]

    def end(self, exchange: Exchange) -> None:
        pass


def texts_of(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error!r} {error} {vars(error)}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.HTML, Fault.MALFORMED,
                                   Fault.TRUNCATED, Fault.COMMIT_THEN_DROP, Fault.THROTTLED])  # fmt: skip
async def test_a_key_in_the_query_is_in_no_log_error_or_trace(
    fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {"consumerKey": Secret("ck_canary_1"), "consumerSecret": Secret("cs_canary_2")}
    recorder = Recorder()
    async with open_shop(
        config={"auth": "Query"}, secrets=secrets, key="ck_canary_1", secret="cs_canary_2"
    ) as acme:
        acme.server.faults.force(*[fault] * 40)
        with recording(recorder):
            with pytest.raises((Unreachable, UnexpectedAnswer, Throttled)) as told:
                await acme.connector.check()
            acme.server.faults.clear()
            quoting = {"code": "rest_no_route", "message": "no /x?consumer_secret=cs_canary_2"}
            answering(acme, Answer.of_json(quoting, status=404))
            with pytest.raises(Fatal) as quoted:
                await acme.connector.check()
    said = [*texts_of(told.value), *texts_of(quoted.value), caplog.text, repr(recorder.seen)]
    assert recorder.seen
    assert not [text for text in said if "canary" in text]


async def test_a_secret_that_was_rotated_is_used_at_once() -> None:
    secrets = {"consumerKey": Secret(KEY), "consumerSecret": Secret(SECRET)}
    async with open_shop(secrets=secrets) as acme:
        await acme.connector.check()
        acme.simulator.access.secret = "newer"
        with pytest.raises(CredentialsRejected):
            await acme.connector.check()
        secrets["consumerSecret"] = Secret("newer")
        await acme.connector.check()


async def test_what_passes_harms_no_read(acme: AtWork) -> None:
    acme.order()
    acme.server.faults.force(Fault.SERVER_ERROR, Fault.HTML, Fault.TRUNCATED, Fault.THROTTLED)
    assert len(await acme.all()) == 1


async def test_a_page_in_front_of_the_shop_is_waited_for(acme: AtWork) -> None:
    answering(acme, *[page(200)] * 10)
    with pytest.raises(Unreachable, match="a web page"):
        await acme.all()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_firewalls_page_is_not_the_shops_no(acme: AtWork, status: int) -> None:
    answering(acme, *[page(status)] * 10)
    with pytest.raises(UnexpectedAnswer, match="firewall"):
        await acme.all()


async def test_permalinks_that_are_plain_are_told_as_what_they_are(acme: AtWork) -> None:
    answering(acme, page(404, "Page not found"))
    with pytest.raises(Fatal, match="permalinks other than Plain"):
        await acme.all()
    missing = {"code": "rest_no_route", "message": "No route was found", "data": {"status": 404}}
    answering(acme, Answer.of_json(missing, status=404))
    with pytest.raises(Fatal, match=r"config\.url"):
        await acme.all()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer.of_json([]), "X-WP-Total"),
        (Answer.of_json({}, headers={"X-WP-Total": "1"}), "X-WP-Total"),
        (Answer.of_json({"error": "maintenance"}, status=500), "no error of WooCommerce's"),
        (Answer.of_json([], status=400), "no error of WooCommerce's"),
    ],
)
async def test_an_answer_that_is_none_of_the_apis_is_no_empty_list(
    acme: AtWork, answer: Answer, words: str
) -> None:
    answering(acme, *[answer] * 10)
    with pytest.raises(UnexpectedAnswer, match=words):
        await acme.all()


async def test_no_date_no_clock(acme: AtWork) -> None:
    answering(acme, Answer.of_json([], headers={"X-WP-Total": "0"}))
    with pytest.raises(UnexpectedAnswer, match="Date"):
        await acme.source.server_time()


async def test_a_row_without_any_instant_is_not_passed_over_in_silence(acme: AtWork) -> None:
    row = acme.order()
    told = {**acme.simulator.orders.told(row), "date_modified_gmt": None, "date_created_gmt": None}
    answering(acme, *[Answer.of_json([told], headers={"X-WP-Total": "1"})] * 2)
    with pytest.raises(UnexpectedAnswer, match="neither when"):
        await acme.all(NOON, NOON + timedelta(minutes=1))


async def test_three_calls_at_most_are_under_way(acme: AtWork) -> None:
    under_way = most = 0
    real = acme.simulator.handle

    async def handle(request: Request) -> Answer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return await real(request)

    acme.simulator.handle = handle  # type: ignore[method-assign]
    await asyncio.gather(*(acme.all() for _ in range(9)))
    assert most == 3


async def test_plain_http_is_used_with_named_hosts_only(acme: AtWork) -> None:
    """Over plain http WooCommerce wants OAuth 1.0a, which is not spoken: a key would be read."""
    from knect.sdk.contract import ConnectorContext  # noqa: PLC0415
    from knect.sdk.http import ClientFactory  # noqa: PLC0415
    from knect_connectors.woocommerce import open_connector  # noqa: PLC0415

    connector = open_connector(
        ConnectorContext(
            name="acme",
            config={"url": "http://shop.example"},
            secrets={"consumerKey": Secret(KEY), "consumerSecret": Secret(SECRET)},
            http=ClientFactory(clock=acme.simulator.clock, egress=Egress()),
            clock=acme.simulator.clock,
        )
    )
    with pytest.raises(Fatal, match="only https://") as refused:
        await connector.check()
    assert not refused.value.could_have_been_seen
    await connector.close()


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"url": "shop.example"}, "config.url"),
        ({"url": "https://shop.example", "auth": "OAuth"}, "config.auth"),
        ({"url": "https://shop.example", "timezone": "Mars/Olympus"}, "config.timezone"),
    ],
)
def test_what_cannot_be_right_is_named(config: dict[str, Any], path: str) -> None:
    with pytest.raises(Fatal) as odd:
        read_config(config)
    assert odd.value.path == path


def test_a_folder_and_slashes_lead_to_the_same_place() -> None:
    read = read_config({"url": "https://shop.example/blog/", "path": "wp-json/wc/v3/"})
    assert read.url + read.path == "https://shop.example/blog/wp-json/wc/v3"


@pytest.mark.parametrize(
    ("status", "answer", "kind", "path"),
    [
        (400, {"code": "rest_invalid_param", "message": "Invalid parameter(s): status",
               "data": {"status": 400, "params": {"status": "no"}}}, Refused, "status"),
        (400, {"code": "product_invalid_sku", "message": "Invalid or duplicated SKU.",
               "data": {"unique_sku": "A-1"}}, Refused, "sku"),
        (403, {"code": "woocommerce_rest_cannot_edit", "message": "Sorry"}, ScopeMissing, None),
        (401, {"code": "woocommerce_rest_cannot_view", "message": "Sorry"},
         CredentialsRejected, None),
        (500, {"code": "internal_server_error", "message": "<p>critical &amp; bad</p>"},
         UnexpectedAnswer, None),
        (413, {"code": "woocommerce_rest_request_entity_too_large", "message": "100"},
         Refused, None),
    ],
)  # fmt: skip
def test_each_error_is_one_of_ours(
    status: int, answer: dict[str, Any], kind: type[Exception], path: str | None
) -> None:
    error = error_of_answer("shop.example: GET /orders", status, answer)
    assert type(error) is kind
    assert error.path == path
    assert error.code == answer["code"]
    assert "<p>" not in error.message
