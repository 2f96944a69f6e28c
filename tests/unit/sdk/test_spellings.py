"""What is hidden is found however it is quoted, and nothing else is hidden."""

import base64
import html
import json
import re
import unicodedata
from urllib.parse import quote, quote_plus

import pytest

from knect.sdk.spellings import Hider

TEXTS = ["Zoë Größe-O'Hara", 'pa"ss\\wo/rd+1&<x>', "Lane 7\nFloor 2", "straße 12 & co"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "quoted",
    [
        str,
        repr,
        json.dumps,
        lambda x: json.dumps(x, ensure_ascii=False),
        lambda x: json.dumps(json.dumps(x)),
        lambda x: json.dumps(x).replace("/", "\\/"),
        quote,
        lambda x: quote(x, safe="").lower(),
        quote_plus,
        html.escape,
        lambda x: html.escape(x).replace("&#x27;", "&#039;"),
        lambda x: html.escape(x).encode("ascii", "xmlcharrefreplace").decode(),
        lambda x: base64.b64encode(x.encode()).decode(),
        lambda x: base64.urlsafe_b64encode(x.encode()).decode(),
        lambda x: unicodedata.normalize("NFD", x),
        lambda x: " ".join(x.split()),
        str.upper,
        str.lower,
        lambda x: x.encode().decode("latin-1"),
        lambda x: x.encode("latin-1").decode("utf-8", "replace"),
    ],
)
def test_it_is_found_in_every_spelling(text: str, quoted) -> None:
    said = Hider([text], shown="***").clean(f"no: [{quoted(text)}] is blocked")
    assert re.sub(r"[\\\"'=]", "", said) == "no: [***] is blocked"


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("the note 'Please ring twice, the b' is too long", "the note '***' is too long"),
        ("note: Please ring twice, the bell is…", "note: ***…"),
        ("note: Please ring twice, the bell is bro…", "note: ***…"),
        ("please ring up the shop", "*** up the shop"),
        ("please rinse", "please rinse"),
        ("Pleasure", "Pleasure"),
    ],
)
def test_a_beginning_that_was_cut_is_no_longer_told(sentence: str, left: str) -> None:
    note = "Please ring twice, the bell is broken and the dog is deaf"
    assert Hider([note], shown="***").clean(sentence) == left


def test_nothing_is_hidden_without_a_reason() -> None:
    told = "Order 1001 of ann: sku KN-70 is not known; https://erp.example/orders"
    assert Hider(["", " ", "7", "https://shop.example/a"], shown="***").clean(told) == told
