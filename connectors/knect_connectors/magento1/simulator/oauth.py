"""OAuth 1.0a (RFC 5849) as the REST API checks it: HMAC-SHA1 over what was asked for.

Must not: know a resource; or take a timestamp or nonce twice.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from knect.sdk.testing import Request

__all__ = ["OAuth", "OAuthRefusedError"]

_PAIR = re.compile(r'([\w%.-]+)\s*=\s*"([^"]*)"')
_NEEDED = ("oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_timestamp",
           "oauth_nonce", "oauth_signature")  # fmt: skip


class OAuthRefusedError(Exception):
    """Who asks is not let in; the text is the problem's name."""


class OAuth:
    """One consumer with one access token."""

    def __init__(
        self, *, consumer_key: str, consumer_secret: str, token: str, token_secret: str
    ) -> None:
        self._keys = {"oauth_consumer_key": consumer_key, "oauth_token": token}
        self._secret = f"{_quoted(consumer_secret)}&{_quoted(token_secret)}".encode()
        self._seen: set[tuple[str, str]] = set()

    def check(self, request: Request, url: str) -> None:
        """Raise OAuthRefusedError unless the request is signed with the right secrets.

        `url` is how the client knows the resource, without its query.
        """
        header = request.headers.get("authorization", "")
        if not header.startswith("OAuth "):
            raise OAuthRefusedError("parameter_absent")
        given = {unquote(name): unquote(value) for name, value in _PAIR.findall(header[6:])}
        if any(name not in given for name in _NEEDED):
            raise OAuthRefusedError("parameter_absent")
        if given["oauth_consumer_key"] != self._keys["oauth_consumer_key"]:
            raise OAuthRefusedError("consumer_key_rejected")
        if given["oauth_token"] != self._keys["oauth_token"]:
            raise OAuthRefusedError("token_rejected")
        if given["oauth_signature_method"] != "HMAC-SHA1":
            raise OAuthRefusedError("signature_method_rejected")
        once = (given["oauth_timestamp"], given["oauth_nonce"])
        if once in self._seen:
            raise OAuthRefusedError("nonce_used")
        wanted = self._signature(request.method, url, {**request.query, **given})
        if not hmac.compare_digest(wanted, given["oauth_signature"]):
            raise OAuthRefusedError("signature_invalid")
        self._seen.add(once)

    def _signature(self, method: str, url: str, parameters: Mapping[str, str]) -> str:
        pairs = sorted(
            (_quoted(name), _quoted(value))
            for name, value in parameters.items()
            if name not in ("oauth_signature", "realm")
        )
        joined = "&".join(f"{name}={value}" for name, value in pairs)
        base = "&".join((method.upper(), _quoted(url), _quoted(joined)))
        digest = hmac.digest(self._secret, base.encode(), hashlib.sha1)
        return base64.b64encode(digest).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
