"""JSON without loss and within bounds.

Why: money must not go through a binary float on its way in or out, and a hostile document must
not cost more than its bytes. Numbers with a point or exponent become Decimal, others int.
Must not: decode into anything but dict, list, str, int, Decimal, bool and None.
"""

import re
from decimal import Decimal
from typing import Any

import msgspec

__all__ = ["JsonError", "decode_json", "encode_json"]

MAX_DEPTH = 200
MAX_DIGITS = 64

_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NOT_SKELETON = bytes(set(_NOT_BRACKETS) - set(b'"'))
_DIGITS = bytes(48 if chr(one).isdecimal() and one < 128 else 32 for one in range(256))
_MANY_DIGITS = b"0" * (MAX_DIGITS + 1)
#: Of so many bytes one is looked at first: a run of 65 digits shows up there as eight.
_STRIDE = 8
_SOME_DIGITS = b"0" * (MAX_DIGITS // _STRIDE)
_BOM = b"\xef\xbb\xbf"


class JsonError(ValueError):
    """The text is no JSON, or beyond the bounds; the message says which."""


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return number


_decoder = msgspec.json.Decoder(float_hook=_exact)
# Ids beyond 2**53 and decimals leave as they are: as numbers of full length.
_encoder = msgspec.json.Encoder(decimal_format="number")


def decode_json(body: bytes) -> Any:
    """Return the document in `body` (UTF-8, a byte order mark is tolerated).

    Raises:
        JsonError: malformed, cut short, deeper than 200 levels, or a number beyond 64 digits.
    """
    body = body.removeprefix(_BOM)
    _check_bounds(body)
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise JsonError(str(error)) from error


def encode_json(value: Any) -> bytes:
    """Return `value` as compact JSON; Decimals become numbers of the same digits."""
    return _encoder.encode(value)


def _check_bounds(body: bytes) -> None:
    # Brackets and digits inside strings are text. A string without brackets leaves two quotes in
    # the skeleton; only where all quotes are such pairs need nobody look which brackets are text.
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    skeleton = body.translate(_TO_BRACKETS, _NOT_SKELETON)
    is_plain = skeleton.count(b'""') * 2 == skeleton.count(b'"')
    if is_plain and not _may_have_a_long_number(body):
        brackets = skeleton.translate(None, b'"')
    else:
        bare = b"".join(body.split(b'"')[::2])
        if _LONG_NUMBER.search(bare):
            raise JsonError(f"a number of more than {MAX_DIGITS} digits")
        brackets = bare.translate(_TO_BRACKETS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        inner = brackets.replace(b"[]", b"")
        if inner == brackets:
            return
        brackets = inner
    if brackets:
        raise JsonError(f"nested deeper than {MAX_DEPTH} levels")


def _may_have_a_long_number(body: bytes) -> bool:
    sampled = body[::_STRIDE].translate(_DIGITS)
    return _SOME_DIGITS in sampled and _MANY_DIGITS in body.translate(_DIGITS)
