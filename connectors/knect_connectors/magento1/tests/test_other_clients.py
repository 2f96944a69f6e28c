"""Clients of others read the simulated shop: zeep over SOAP, an OAuth 1.0a client over REST."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import requests
import zeep
from authlib.integrations.requests_client import OAuth1Auth

from knect_connectors.magento1.simulator import fill_orders
from knect_connectors.magento1.simulator.platform import REST_KEYS
from knect_connectors.magento1.tests.conftest import NOON, AtWork


async def test_zeep_reads_orders_by_the_shops_own_description(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=40, let_in=40)
    changes = {c.id: c.raw for c in await acme.all(NOON, NOON + timedelta(days=1))}

    def work() -> None:
        client = zeep.Client(f"{acme.server.url}/api/v2_soap?wsdl")  # type: ignore[no-untyped-call]
        with pytest.raises(zeep.exceptions.Fault) as refused:
            client.service.login("knect", "wrong")
        assert refused.value.code == "2"
        session = client.service.login("knect", "simulated-api-key")
        since, until = ({"key": "updated_at", "value": {"key": key, "value": value}}
                        for key, value in (("from", "2026-03-01 12:00:00"),
                                           ("to", "2026-03-01 12:13:00")))  # fmt: skip
        filters = {"complex_filter": {"complexObjectArray": [since, until]}}
        rows = client.service.salesOrderList(session, filters)
        assert 30 < len(rows) <= len(acme.books.orders)
        wanted = special["second currency"]
        told = client.service.salesOrderInfo(session, wanted)
        ours = changes[wanted]
        for name in ("increment_id", "base_grand_total", "order_currency_code", "updated_at"):
            assert getattr(told, name) == ours[name], name
        assert len(told["items"].complexObjectArray) == len(ours["items"])
        assert told.billing_address.city == ours["billing_address"]["city"]
        # what SOAP does not tell is which line is whose: the reason for XML-RPC
        assert not hasattr(told["items"].complexObjectArray[0], "parent_item_id")
        assert "parent_item_id" in ours["items"][0]
        client.service.endSession(session)
        with pytest.raises(zeep.exceptions.Fault) as expired:
            client.service.salesOrderInfo(session, wanted)
        assert (expired.value.code, expired.value.message) == (
            "5", "Session expired. Try to relogin.")  # fmt: skip

    await asyncio.to_thread(work)


def _client(**keys: str) -> requests.Session:
    given = {**REST_KEYS, **keys}
    session = requests.Session()
    session.auth = OAuth1Auth(given["consumer_key"], given["consumer_secret"],
                              token=given["token"], token_secret=given["token_secret"])  # fmt: skip
    return session


async def test_an_oauth_client_of_others_reads_over_rest(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=60, let_in=40)
    total = len(acme.books.orders)

    def work() -> None:
        with _client() as client:

            def get(path: str, **params: Any) -> requests.Response:
                url = f"{acme.server.url}/api/rest/{path}"
                return client.get(url, params=params, timeout=10)

            seen: dict[str, Any] = {}
            page = 1
            while True:  # beyond the last page the last one comes again: only new ids count
                answer = get("orders", page=page, limit=25)
                assert answer.status_code == 200
                new = {k: v for k, v in answer.json().items() if k not in seen}
                if not new:
                    break
                seen |= new
                page += 1
            assert len(seen) == total
            assert page == -(-total // 25) + 1
            one = next(iter(seen.values()))
            assert {"order_items", "addresses", "order_comments"} <= set(one)
            asked = {"filter[1][attribute]": "sku", "filter[1][eq]": "KN-100"}
            (product,) = get("products", **asked).json().values()
            assert product["name"] == "Kettle"
            (stock,) = [row for row in get("stockitems").json()
                        if row["product_id"] == product["entity_id"]]  # fmt: skip
            assert stock["qty"] == acme.books.stock[product["entity_id"]]["qty"]
            assert get("orders", limit=101).status_code == 400
            assert client.post(f"{acme.server.url}/api/rest/orders", timeout=10).status_code == 405
            assert get("orders/999999").status_code == 404

    await asyncio.to_thread(work)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"consumer_key": "other"}, "consumer_key_rejected"),
        ({"consumer_secret": "other"}, "signature_invalid"),
        ({"token": "other"}, "token_rejected"),
        ({"token_secret": "other"}, "signature_invalid"),
    ],
)
async def test_who_signs_with_other_keys_is_not_let_in(
    acme: AtWork, keys: dict[str, str], problem: str
) -> None:
    def work() -> requests.Response:
        with _client(**keys) as client:
            return client.get(f"{acme.server.url}/api/rest/orders", timeout=10)

    answer = await asyncio.to_thread(work)
    assert answer.status_code == 401
    assert f"oauth_problem={problem}" in answer.text
