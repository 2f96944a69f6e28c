"""What a Connection may declare, and what it is told when it cannot be meant."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from knect.sdk.contract import WebhookRequest
from knect.sdk.errors import CredentialsRejected, Fatal, Refused, UnexpectedAnswer
from knect_connectors.rest.config import Times, read_config
from knect_connectors.rest.instants import Instants
from knect_connectors.rest.paths import MISSING, compile_path, fill
from knect_connectors.rest.tests.conftest import Open, a_config
from knect_connectors.rest.webhooks import RestWebhooks

URL = {"baseUrl": "https://api.example.com"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (a_config(read={"query": {"from": "{sinse}"}}), r"read\.query\.from uses \{sinse\}"),
        (a_config(read={"paging": {"kind": "Cursor", "parameter": "c"}}), r"needs paging\.next"),
        (a_config(read={"paging": {"kind": "Page"}}), r"needs paging\.parameter"),
        (a_config(write={"create": None}), "needs create or batch"),
        (a_config(write={"lookup": None}), "UniqueKey needs lookup"),
        (
            a_config(write={"once": {"kind": "NativeKey"}, "batch": {"path": "/b"}}),
            "no idempotency key of its own",
        ),
        (a_config(write={"batch": {"path": "/b"}}), r"say in batch\.results where they are"),
        (a_config(write={"update": {"path": "/x/{number}"}}), r"uses \{number\}"),
        (a_config(read={"path": "/x/{filter.kind}"}), "which a pipeline may leave out"),
        (a_config(write={"externalId": None}), "which the API is never given"),
        (
            a_config(
                webhooks={"kind": "HmacSha256", "events": [{"entity": "refunds", "id": "id"}]}
            ),
            r"events\[0\] is about refunds, of which nobody says how one is fetched",
        ),
        (a_config(auth={"kind": "Kerberos"}), r"config\.auth\.kind: Invalid enum value 'Kerberos'"),
        (a_config(polling=True), "config: Object contains unknown field `polling`"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(config: dict[str, Any], said: str) -> None:
    with pytest.raises(Fatal, match=said):
        read_config({**URL, **config})


async def test_a_field_no_record_has_is_refused_with_those_it_has(scene: Open) -> None:
    with pytest.raises(Fatal, match=r"record\.nummer: a record has no such field; known: .*number"):
        await scene(a_config(read={"record": {"nummer": "sale_no"}}))


@pytest.mark.parametrize(
    ("path", "value"),
    [("", {"a": 1}), ("a", 1), ("a.b", MISSING), ("b", MISSING), ("[0]", MISSING)],
)
def test_a_path_leads_to_a_value_or_nowhere(path: str, value: Any) -> None:
    assert compile_path(path)({"a": 1}) == value


def test_paths_go_through_lists() -> None:
    assert compile_path("a[1].b")({"a": [{}, {"b": None}]}) is None
    with pytest.raises(Fatal, match="is no path"):
        compile_path("a[x]")


NOON = datetime(2026, 11, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        (Times(), "2026-11-01T12:00:00.500000Z", "2026-11-01T12:00:00.500000Z"),
        (Times(format="Local", zone="Europe/Berlin"), "2026-11-01 13:00:00", "2026-11-01 13:00:01"),
        (Times(format="Unix"), "1793534400", "1793534401"),
        (Times(format="UnixMillis"), "1793534400500", "1793534400500"),
    ],
)
def test_a_window_is_written_so_that_nothing_falls_between_two(
    times: Times, start: str, end: str
) -> None:
    assert Instants(times).write(NOON) == start
    assert Instants(times).write(NOON, end=True) == end


@pytest.mark.parametrize(
    ("times", "value", "instant"),
    [
        (Times(), "2026-11-01T13:00:00+01:00", "2026-11-01T12:00:00+00:00"),
        (Times(zone="Europe/Berlin"), "2026-07-01T12:00:00", "2026-07-01T10:00:00+00:00"),
        (Times(format="Unix"), 1793534400, "2026-11-01T12:00:00+00:00"),
        (Times(format="UnixMillis"), "1793534400123", "2026-11-01T12:00:00.123000+00:00"),
    ],
)
def test_instants_are_read_in_the_zone_declared(times: Times, value: Any, instant: str) -> None:
    assert Instants(times).read(value, "changed").isoformat() == instant


def test_what_is_no_instant_is_no_change_time() -> None:
    with pytest.raises(UnexpectedAnswer, match="changed is 'yesterday', which is no instant"):
        Instants(Times()).read("yesterday", "changed")
    with pytest.raises(Fatal, match="no zone such as Europe/Berlin"):
        Instants(Times(zone="Berlin"))


@pytest.mark.parametrize(
    ("times", "value"),
    [
        (Times(format="Unix"), "1e999999"),
        (Times(format="UnixMillis"), "1e999999999"),
        (Times(format="Unix"), "NaN"),
        (Times(format="Unix"), {"a": 1}),
        (Times(), "0001-01-01T00:00:00+23:00"),
        (Times(), "9999-12-31T23:59:59-23:00"),
        (Times(format="Local", zone="Asia/Tokyo"), "0001-01-01 00:00:00"),
    ],
)
def test_instants_in_no_year_there_is_are_none(times: Times, value: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match="which is no instant"):
        Instants(times).read(value, "changed")


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_id_that_leads_elsewhere_stands_in_no_address(value: str) -> None:
    with pytest.raises(Refused, match="which cannot stand in") as caught:
        fill("/orders/{id}/lines", {"id": value}, in_path=True)
    assert not caught.value.could_have_been_seen


@pytest.mark.parametrize("value", ["../x", "%2e%2e", "a?b=c#d", "a\r\nX: y", "a b", "ü", "..."])
def test_an_id_stays_one_step_of_an_address(value: str) -> None:
    filled = fill("/orders/{id}/lines", {"id": value}, in_path=True)
    assert re.fullmatch(r"/orders/[A-Za-z0-9%._~-]+/lines", filled)
    assert unquote(filled.split("/")[2]) == value


HOOKS = {
    "kind": "HmacSha256",
    "prefix": "sha256=",
    "typePath": "event",
    "eventId": "n",
    "events": [{"entity": "orders", "type": "sale", "id": "sale.id"}],
}


def a_delivery(
    body: bytes, key: bytes = b"shared-key", signature: str | None = None
) -> WebhookRequest:
    made = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    return WebhookRequest(headers={"x-signature": signature or made}, body=body, received=NOON)


async def test_an_hmac_in_a_header_is_checked_over_the_raw_body(scene: Open) -> None:
    there = await scene(a_config(webhooks=HOOKS))
    webhooks = there.connector.webhooks
    assert webhooks is not None
    body = b'{"event": "sale", "n": 5, "sale": {"id": 17}}'
    (hint,) = webhooks.verify(a_delivery(body))
    assert (hint.entity, hint.id, hint.event_id) == ("orders", "17", "5")
    assert webhooks.verify(a_delivery(b'{"event": "other", "n": 6}')) == []
    for forged in (a_delivery(body, key=b"other"), a_delivery(body, signature="zz")):
        with pytest.raises(CredentialsRejected, match="signature is not right"):
            webhooks.verify(forged)


async def test_an_old_standard_webhook_is_refused(scene: Open) -> None:
    events = [{"entity": "orders", "type": "sales.changed", "id": "data.id"}]
    there = await scene(a_config(webhooks={"kind": "StandardWebhooks", "events": events}),
                        secret="shared+key")  # fmt: skip
    webhooks = there.connector.webhooks
    assert isinstance(webhooks, RestWebhooks)
    headers, body = there.system.webhook("sales", "S1")
    now = there.system.shelf.now()
    request = WebhookRequest(headers=headers, body=body, received=now)
    with pytest.raises(CredentialsRejected):  # signed with another key than ours
        webhooks.verify(request)
    late = WebhookRequest(headers=headers, body=body, received=now + timedelta(minutes=6))
    webhooks._secrets = {"webhookSecret": there.system.secret}
    assert len(webhooks.verify(request)) == 1
    with pytest.raises(CredentialsRejected, match="five minutes"):
        webhooks.verify(late)


@pytest.mark.parametrize("stamp", ["100000000000000000", "9" * 30, "9" * 5000, "-1e3", "", "²"])
async def test_a_standard_webhook_of_no_time_there_is_is_refused(scene: Open, stamp: str) -> None:
    events = [{"entity": "orders", "type": "sales.changed", "id": "data.id"}]
    there = await scene(a_config(webhooks={"kind": "StandardWebhooks", "events": events}))
    assert there.connector.webhooks is not None
    headers, body = there.system.webhook("sales", "S1")
    odd = {**headers, "webhook-timestamp": stamp}
    with pytest.raises(CredentialsRejected):
        there.connector.webhooks.verify(WebhookRequest(headers=odd, body=body, received=NOON))


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b'{"n": 1e999999999}', b"NaN", b"\xff"],
)
async def test_a_signed_body_beyond_all_bounds_is_no_json(scene: Open, body: bytes) -> None:
    there = await scene(a_config(webhooks=HOOKS))
    assert there.connector.webhooks is not None
    with pytest.raises(CredentialsRejected, match="no JSON"):
        there.connector.webhooks.verify(a_delivery(body))


@pytest.mark.parametrize(
    ("paging", "said"),
    [
        ({"kind": "Cursor", "next": "n"}, r"needs paging\.parameter or paging\.header"),
        ({"kind": "Cursor", "parameter": "p"}, r"needs paging\.next .* or paging\.nextHeader"),
        (
            {"kind": "Cursor", "parameter": "p", "next": "n", "nextHeader": "N"},
            "one of the two",
        ),
        ({"kind": "Page", "header": "H"}, r"paging\.header is for Cursor only"),
        (
            {"kind": "Page", "parameter": "p", "total": "a..b"},
            r"paging\.total: 'a\.\.b' is no path",
        ),
    ],
)
def test_paging_that_cannot_be_meant_is_refused(paging: dict[str, Any], said: str) -> None:
    with pytest.raises(Fatal, match=said):
        read_config({**URL, **a_config(read={"paging": paging})})
