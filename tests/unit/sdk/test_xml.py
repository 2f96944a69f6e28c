"""The XML reader: what could read files or grow without end is refused where it begins."""

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knect.sdk.xml import XmlError, XmlLimits, parse_xml

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(
        b'<!ENTITY lol%d "%s">' % (n, (b"&lol%d;" % (n - 1) if n > 1 else b"&lol;") * 10)
        for n in range(1, 10)
    )
    + b"]><lolz>&lol9;</lolz>"
)
QUADRATIC = b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 50_000 + b'">]><a>' + b"&x;" * 50_000 + b"</a>"


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        QUADRATIC,
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/evil.dtd"><x/>',
        b'<!DOCTYPE x PUBLIC "-//W3C//DTD" "http://127.0.0.1:1/evil.dtd"><x/>',
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><x/>',
        b"<!DOCTYPE html><html></html>",
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>'.encode("utf-16"),
    ],
)
def test_a_document_type_is_refused_before_anything_of_it_is_looked_at(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(XmlError, match="declares a document type"):
            parse_xml(body)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_an_entity_that_was_not_declared_is_an_error_and_those_of_xml_are_text() -> None:
    with pytest.raises(XmlError, match="undefined entity"):
        parse_xml(b"<a>&nbsp;</a>")
    assert parse_xml(b"<a>&lt;&amp;&#228;&quot;</a>").text == '<&ä"'


def test_depth_number_and_attributes_have_bounds() -> None:
    parse_xml(b"<a>" * 64 + b"</a>" * 64)
    with pytest.raises(XmlError, match="nested deeper than 64"):
        parse_xml(b"<a>" * 65 + b"</a>" * 65)
    with pytest.raises(XmlError, match="more than 10 elements"):
        parse_xml(b"<a>" + b"<b/>" * 10 + b"</a>", limits=XmlLimits(elements=10))
    many = b" ".join(b'a%d="1"' % n for n in range(65))
    with pytest.raises(XmlError, match="more than 64 attributes"):
        parse_xml(b"<a " + many + b"/>")


@pytest.mark.parametrize(
    "body", [b"", b"x", b"<a>", b"<a></b>", b"<a/><b/>", b"\xff\xfe<", b"<a>\x00</a>", b"<a b=c/>"]
)
def test_what_is_no_xml_is_said_in_words(body: bytes) -> None:
    with pytest.raises(XmlError):
        parse_xml(body)


def test_encodings_are_read_and_unknown_ones_refused() -> None:
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>'.encode("latin-1")
    assert parse_xml(latin).text == "ä"
    with pytest.raises(XmlError):
        parse_xml(b'<?xml version="1.0" encoding="klingon"?><a/>')


def test_elements_attributes_and_namespaces() -> None:
    root = parse_xml(b'<r xmlns="urn:x"><a k="v">1<!-- c --><b/>2</a><![CDATA[<raw>]]></r>')
    assert (root.name, root.text) == ("urn:x r", "<raw>")
    child = root.child("urn:x a")
    assert child is not None
    assert (child.attributes, child.text) == ({"k": "v"}, "12")
    assert root.child("a") is None


@given(st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_an_answer_or_an_error(body: bytes) -> None:
    with suppress(XmlError):
        parse_xml(body)
