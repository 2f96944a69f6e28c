"""JSON in and out: exact, bounded, and never a surprise."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knect.sdk.http import JsonError, decode_json, encode_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"12345678901234567.89", Decimal("12345678901234567.89")),
        (b"0.10", Decimal("0.10")),
        (b"1e2", Decimal("1E+2")),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"-0.0", Decimal("-0.0")),
        (b"\xef\xbb\xbf[]", []),
        ('"\U0001f600 \u202eabc"'.encode(), "\U0001f600 \u202eabc"),
        (b'"[[[[ 99999999999999999999999999999999999999999999999999999999999999999999"',
         "[[[[ 99999999999999999999999999999999999999999999999999999999999999999999"),
        (b"[" * 200 + b"]" * 200, None),
    ],
)  # fmt: skip
def test_good(text: bytes, value: object) -> None:
    decoded = decode_json(text)
    if value is not None:
        assert decoded == value
        assert type(decoded) is type(value)
        assert str(decoded) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"{", b"[1,", b'{"a":1,}', b"[1 2]", b"NaN", b"Infinity", b"-Infinity", b"nul",
        b"'a'", b"\xff", b'"\xc3"', b'"\\ud800"', b'"a\nb"', b"01", b"1.", b".5", b"+1", b"0x1",
        b"1e999", b"1e-999", b"1e99999999999", b"9" * 65, b"0." + b"1" * 70,
        b'{"a": ' + b"9" * 100 + b"}", b"[" * 201 + b"]" * 201, b"[" * 100_000,
        b'{"a":' * 300 + b"1" + b"}" * 300, b"[[]," * 300 + b"[]" + b"]" * 300,
        b'["a\\\\", ' + b"9" * 80 + b"]", b"<html></html>",
    ],
)  # fmt: skip
def test_bad(text: bytes) -> None:
    with pytest.raises(JsonError):
        decode_json(text)


def test_wide_is_not_deep() -> None:
    assert len(decode_json(b"[" + b"[{}]," * 5_000 + b"[]]")) == 5_001


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_round_trip_loses_nothing(value: object) -> None:
    assert decode_json(encode_json(value)) == value
