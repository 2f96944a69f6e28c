"""JSON in and out without losing a digit, and records as plain values for expressions.

Why: `12345678901234567.89` must come out as it went in; a decoder that passes through a float
does not do that (measured: pydantic and orjson do not). Decimals are written as JSON numbers, so
that a payload read again equals the one received.
Must not: accept NaN or Infinity, or write them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from knect.model.record import Record

__all__ = ["decode_json", "encode_json", "to_plain", "to_scope"]

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_SCALARS = (Decimal, datetime)
_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="number")


def decode_json(body: bytes | str) -> Any:
    """Decode JSON; numbers with a point or exponent become Decimal. Raises msgspec.DecodeError."""
    return _decoder.decode(body)


def encode_json(value: Any) -> bytes:
    """Encode with sorted keys: equal values give equal bytes, so the bytes can be hashed."""
    return _encoder.encode(value)


def to_plain(value: Any) -> Any:
    """Return a record's part as dicts, lists and scalars; Decimal and datetime stay as they are."""
    return msgspec.to_builtins(value, builtin_types=_SCALARS)


def to_scope(record: Record) -> dict[str, Any]:
    """Return the whole record so."""
    scope: dict[str, Any] = to_plain(record)
    return scope
