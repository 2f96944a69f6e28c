"""What requests look like: searchCriteria, addresses, signatures."""

from urllib.parse import parse_qsl, unquote_plus

import pytest
from authlib.oauth1.rfc5849.client_auth import ClientAuth

from knect_connectors.magento2.oauth import Keys, authorization
from knect_connectors.magento2.refusals import said_by
from knect_connectors.magento2.search import (
    Filter,
    after,
    criteria,
    declared,
    encoded,
    one_of,
    segment,
)

KEYS = Keys(consumer_key="ck", consumer_secret="c&s=", token="tk", token_secret="t s+/")


def test_criteria_are_groups_that_hold_all_sorted_and_paged() -> None:
    groups = [[Filter(field="status", value="new")], *after("updated_at", "T", "entity_id", "7")]
    pairs = dict(criteria(groups, sort=("updated_at", "entity_id"), size=50))
    name = "searchCriteria[filter_groups][{}][filters][{}][{}]"
    assert pairs[name.format(0, 0, "condition_type")] == "eq"
    assert pairs[name.format(1, 0, "condition_type")] == "gteq"
    assert [pairs[name.format(2, i, "field")] for i in (0, 1)] == ["updated_at", "entity_id"]
    assert pairs["searchCriteria[sortOrders][1][field]"] == "entity_id"
    assert pairs["searchCriteria[sortOrders][1][direction]"] == "ASC"
    assert pairs["searchCriteria[pageSize]"] == "50"
    assert pairs["searchCriteria[currentPage]"] == "1"


def test_a_comma_in_a_value_is_no_list() -> None:
    (listed, alone) = sorted(one_of("sku", ["a", "b,c", "d"]), key=lambda one: one.condition)[::-1]
    assert (listed.condition, listed.value) == ("in", "a,d")
    assert (alone.condition, alone.value) == ("eq", "b,c")
    assert [len(group) for group in declared({"state": ["new", "x"], "store_id": 1})] == [1, 1]


@pytest.mark.parametrize("value", ["2026-03-01 12:00:00", "a+b", "ü&=?#", "100 %", "[x]"])
def test_a_query_comes_through_whole_and_without_a_plus(value: str) -> None:
    text = encoded([("searchCriteria[a]", value)])
    assert "+" not in text
    assert " " not in text
    assert parse_qsl(text) == [("searchCriteria[a]", value)]


@pytest.mark.parametrize("sku", ["a/b", "a b", "50%", "a+b", "ü", "a?b#c"])
def test_a_sku_in_an_address_is_one_part_of_it(sku: str) -> None:
    assert not set(segment(sku)) & set("/+?# ")
    assert unquote_plus(segment(sku)) == sku, "as Magento reads it: once"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/rest/all/V1/orders", []),
        ("/rest/all/V1/orders", [("searchCriteria[filter_groups][0][filters][0][value]", "a b+ü")]),
        ("/rest/all/V1/products/a%2Fb", [("z", "1"), ("a", "="), ("a", "&")]),
    ],
)
def test_signatures_are_those_of_another_library(
    method: str, path: str, query: list[tuple[str, str]]
) -> None:
    url = f"https://shop.example{path}"
    ours = authorization(KEYS, method, url, query, timestamp=1_772_366_400, nonce="abc123")
    theirs = ClientAuth(
        KEYS.consumer_key,
        client_secret=KEYS.consumer_secret,
        token=KEYS.token,
        token_secret=KEYS.token_secret,
        signature_method="HMAC-SHA256",
    )
    theirs.SIGNATURE_METHODS["HMAC-SHA256"] = _sha256  # it leaves this one to who needs it
    base = f"{url}?{encoded(query)}" if query else url
    theirs_signed = theirs.get_oauth_signature(method, base, {"Authorization": ours}, b"")
    assert f'oauth_signature="{_quoted(theirs_signed)}"' in ours


def _sha256(client: ClientAuth, request: object) -> str:
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    from authlib.oauth1.rfc5849.signature import generate_signature_base_string  # noqa: PLC0415
    from authlib.oauth1.rfc5849.util import escape  # noqa: PLC0415

    text = generate_signature_base_string(request)
    key = f"{escape(client.client_secret)}&{escape(client.token_secret)}"
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415

    return quote(text, safe="")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Maximum is %1 of %2", "parameters": [20, "rows"]}, "Maximum is 20 of rows"),
        ({"message": "%fieldName is %fieldValue", "parameters": {"fieldName": "qty",
          "fieldValue": -1}}, "qty is -1"),
        ({"message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["Price", "-1"]},
         "Invalid attribute Price = -1."),
        ({"message": "Row: SKU = %SKU, again %SKU, in %storeId", "parameters": ["K", 2]},
         "Row: SKU = K, again K, in 2"),
        ({"message": "Validation Failed", "errors": [
            {"message": '"%field" can not be empty.', "parameters": {"field": "sku"}}]},
         'Validation Failed; "sku" can not be empty.'),
        ({"message": "50 % off and %3", "parameters": ["a"]}, "50 % off and %3"),
        (["odd"], "a refusal without words"),
        ({}, "a refusal without words"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence(body: object, words: str) -> None:
    assert said_by(body) == words
