"""What WooCommerce's errors mean: one error of the SDK each, with the shop's own words.

An error is `{"code": "woocommerce_rest_…", "message": …, "data": {"status": 400, "params": {…}}}`,
as an answer of its own or, inside a batch, in place of an object. Must not: call the shop.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    Refused,
    ScopeMissing,
    UnexpectedAnswer,
)

__all__ = ["DUPLICATE_SKU", "GONE", "error_of_answer", "is_gone"]

_TAG = re.compile(r"<[^>]*>")
_WORDS = 400
#: Codes of what is not there (any more).
GONE = re.compile(r"woocommerce_rest_(\w*invalid_id|invalid_\w*id)")
#: Codes of a SKU that another product has.
DUPLICATE_SKU = frozenset({"product_invalid_sku", "woocommerce_rest_product_not_created"})
#: How a key is refused that may only read.
_READ_ONLY = "write permissions"


def is_gone(answer: Any) -> bool:
    """Tell whether an error says that what was asked for is not there (any more)."""
    return isinstance(answer, Mapping) and bool(GONE.fullmatch(str(answer.get("code") or "")))


def error_of_answer(where: str, status: int, answer: Any) -> ConnectorError:
    """Return the error an answer amounts to; `where` is host and call."""
    if not isinstance(answer, Mapping) or not answer.get("code"):
        return UnexpectedAnswer(f"{where} was answered with {status} and no error of WooCommerce's")
    code = str(answer["code"])
    words = " ".join(unescape(_TAG.sub(" ", str(answer.get("message") or ""))).split())[:_WORDS]
    sentence = f"{where}: {words or 'an error without words'} ({code})"
    path = _field(answer)
    if status in (401, 403):
        return _not_let_in(sentence, status, code, words)
    if code == "rest_no_route":
        return Fatal(
            f"{sentence}; config.url and config.path must lead to the site's REST API, with"
            " WooCommerce switched on and permalinks other than Plain",
            code=code,
        )
    if status >= 500:
        return UnexpectedAnswer(sentence, code=code)
    return Refused(sentence, code=code, path=path, value=_value(answer))


def _not_let_in(sentence: str, status: int, code: str, words: str) -> ConnectorError:
    if code.endswith("authentication_error"):
        if _READ_ONLY in words:
            return ScopeMissing(f"{sentence}; make a key with Read/Write", code=code)
        return CredentialsRejected(
            f"{sentence}; renew consumerKey and consumerSecret in the Connection's Secret",
            code=code,
        )
    if status == 401:  # nobody was seen to ask
        return CredentialsRejected(
            f"{sentence}; the host takes the Authorization header away: let it pass that on, or set"
            " config.auth to Query",
            code=code,
        )
    return ScopeMissing(f"{sentence}; the user of the key lacks the right", code=code)


def _field(answer: Mapping[str, Any]) -> str | None:
    """Return the parameter an error is about, where it names one."""
    data = answer.get("data")
    params = data.get("params") if isinstance(data, Mapping) else None
    if isinstance(params, Mapping) and params:
        return str(next(iter(params)))
    return "sku" if "sku" in str(answer.get("code")) else None


def _value(answer: Mapping[str, Any]) -> str | None:
    data = answer.get("data")
    if isinstance(data, Mapping) and data.get("unique_sku"):
        return str(data["unique_sku"])
    return None
