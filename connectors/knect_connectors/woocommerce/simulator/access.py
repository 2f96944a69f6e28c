"""Whom the API lets in: a key by Basic or in the query, or OAuth 1.0a with one leg.

The simulated site stands behind something that ends TLS, so that Basic is taken; a client that sees
plain http signs instead, as the vendor's own does. Must not: know a route.
"""

import base64
import hashlib
import hmac
from urllib.parse import quote

from knect.sdk.testing import Request
from knect_connectors.woocommerce.simulator.queries import RefusedError

__all__ = ["Access"]

_DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


class Access:
    """One key, and what it may do. `strips`: the host takes the Authorization header away."""

    def __init__(self, key: str, secret: str) -> None:
        self.key = key
        self.secret = secret
        self.writes = True
        self.strips = False
        self.denied: set[str] = set()
        self._seen: set[str] = set()

    def check(self, request: Request, url: str, resource: str) -> None:
        """Raise RefusedError unless the request may be made."""
        if "oauth_signature" in request.query:
            self._check_signature(request, url)
        else:
            given = self._given(request)
            if given is None:
                raise RefusedError(
                    401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."
                )
            if given[0] != self.key:
                raise _refused("Consumer key is invalid.")
            if not hmac.compare_digest(given[1], self.secret):
                raise _refused("Consumer secret is invalid.")
        if resource in self.denied:
            raise RefusedError(
                403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."
            )
        if request.method not in ("GET", "HEAD", "OPTIONS") and not self.writes:
            raise _refused("The API key provided does not have write permissions.")

    def _given(self, request: Request) -> tuple[str, str] | None:
        query = request.query
        if "consumer_key" in query and "consumer_secret" in query:
            return query["consumer_key"], query["consumer_secret"]
        word, _, pair = request.headers.get("authorization", "").partition(" ")
        if self.strips or word.lower() != "basic":
            return None
        try:
            key, _, secret = base64.b64decode(pair).decode().partition(":")
        except ValueError:
            return None
        return key, secret

    def _check_signature(self, request: Request, url: str) -> None:
        query = dict(request.query)
        given = query.pop("oauth_signature")
        if query.get("oauth_consumer_key") != self.key:
            raise _refused("Consumer key is invalid.")
        digest = _DIGESTS.get(query.get("oauth_signature_method", ""))
        if digest is None:
            raise _refused("Invalid signature - signature method is invalid.")
        pairs = sorted((_encoded(name), _encoded(value)) for name, value in query.items())
        base = "&".join(
            (
                request.method,
                _encoded(url),
                _encoded("&".join(f"{name}={value}" for name, value in pairs)),
            )
        )
        made = hmac.digest(f"{self.secret}&".encode(), base.encode(), digest)
        if not hmac.compare_digest(base64.b64encode(made).decode(), given):
            raise _refused("Invalid signature - provided signature does not match.")
        nonce = query.get("oauth_nonce", "")
        if not nonce or nonce in self._seen:
            raise _refused("Invalid nonce - nonce has already been used.")
        self._seen.add(nonce)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _refused(message: str) -> RefusedError:
    return RefusedError(401, "woocommerce_rest_authentication_error", message)
