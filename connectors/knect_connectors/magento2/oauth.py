"""Signs requests as OAuth 1.0a (RFC 5849) with HMAC-SHA256. Pure: time and nonce are given.

Why: an integration of Magento proves itself by a signature over each request and its query, with
four secrets of which none is sent. A JSON body is not part of what is signed.
Must not: ask for the time or for chance, or keep a secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

__all__ = ["Keys", "authorization", "signature"]


class Keys(Struct, frozen=True, kw_only=True):
    """The four secrets of an integration."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


def authorization(
    keys: Keys,
    method: str,
    url: str,
    query: Sequence[tuple[str, str]],
    *,
    timestamp: int,
    nonce: str,
) -> str:
    """Return the value of the `Authorization` header.

    `url` is the address without its query, as it is sent; `query` has plain names and values.
    """
    protocol = [
        ("oauth_consumer_key", keys.consumer_key),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(timestamp)),
        ("oauth_token", keys.token),
        ("oauth_version", "1.0"),
    ]
    signed = signature(keys, method, url, [*query, *protocol])
    parts = [*protocol, ("oauth_signature", signed)]
    return "OAuth " + ", ".join(f'{_quoted(name)}="{_quoted(value)}"' for name, value in parts)


def signature(keys: Keys, method: str, url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return the signature over method, address and all parameters (RFC 5849, 3.4)."""
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((method.upper(), _quoted(url), _quoted(joined)))
    secret = f"{_quoted(keys.consumer_secret)}&{_quoted(keys.token_secret)}"
    digest = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
