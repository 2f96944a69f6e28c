"""Who is let in: an integration that signs, or bears its token, and admins with tokens that end.

Signatures are checked as Magento does: over the address as it came and its query, by SHA-256 (or
SHA-1, which older clients use). Must not: know a route.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from random import Random
from urllib.parse import quote, unquote

from knect.sdk.testing import Request
from knect_connectors.magento2.simulator.books import Books
from knect_connectors.magento2.simulator.errors import ApiError

__all__ = ["KEYS", "Access"]

#: The simulated integration; tests and the demo use these.
KEYS = {
    "consumer_key": "simulated-consumer-key",
    "consumer_secret": "simulated-consumer-secret",
    "token": "simulated-access-token",
    "token_secret": "simulated-access-token-secret",
}

_PAIR = re.compile(r'([\w%.-]+)\s*=\s*"([^"]*)"')
_METHODS = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}
_NEEDED = ("oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_timestamp",
           "oauth_nonce", "oauth_signature")  # fmt: skip
#: A signature made so long ago, or ahead, in seconds, is refused.
_AGE = 600


class Access:
    """One integration and one admin. `bearer`: the integration's token is let in by itself."""

    def __init__(
        self,
        books: Books,
        *,
        keys: Mapping[str, str] = KEYS,
        admin: str = "knect",
        password: str = "simulated-password-1",  # noqa: S107 - of a simulated shop
        bearer: bool = True,
        seed: int = 0,
    ) -> None:
        self._books = books
        self._random = Random(seed)  # noqa: S311 - reproducible on purpose
        self.keys = dict(keys)
        self.admin = admin
        self.password = password
        self.bearer = bearer
        self.tokens: set[str] = set()
        self.denied: set[str] = set()
        self.fetched = 0
        self._seen: set[tuple[str, str]] = set()

    def token_for(self, name: str, password: str) -> str:
        """Return a new admin token."""
        if (name, password) != (self.admin, self.password):
            raise ApiError(
                "The account sign-in was incorrect or your account is disabled temporarily. Please"
                " wait and try again later.",
                status=401,
            )
        token = f"eyJ{self._random.getrandbits(160):040x}"
        self.tokens.add(token)
        self.fetched += 1
        return token

    def end_all(self) -> None:
        """Let every admin token have expired."""
        self.tokens.clear()

    def is_known(self, request: Request, url: str) -> bool:
        """Tell whether somebody known asks. Raises ApiError for a bad signature."""
        header = request.headers.get("authorization", "")
        if header.startswith("Bearer "):
            token = header.removeprefix("Bearer ").strip()
            return token in self.tokens or (self.bearer and token == self.keys["token"])
        if header.startswith("OAuth "):
            self._check(header, request, url)
            return True
        return False

    def _check(self, header: str, request: Request, url: str) -> None:
        given = {unquote(name): unquote(value) for name, value in _PAIR.findall(header[6:])}
        absent = [name for name in _NEEDED if name not in given]
        if absent:
            raise ApiError('"%fieldName" is required. Enter and try again.',
                           {"fieldName": absent[0]})  # fmt: skip
        if given["oauth_consumer_key"] != self.keys["consumer_key"]:
            raise ApiError("A consumer having the specified key does not exist", status=401)
        if given["oauth_token"] != self.keys["token"]:
            raise ApiError("Specified token does not exist", status=401)
        method = _METHODS.get(given["oauth_signature_method"])
        if method is None:
            raise ApiError("Signature method %1 is not supported",
                           [given["oauth_signature_method"]], status=400)  # fmt: skip
        made = int(given["oauth_timestamp"])
        if abs(self._books.clock.now().timestamp() - made) > _AGE:
            raise ApiError("Incorrect timestamp value in the oauth_timestamp parameter", status=401)
        once = (given["oauth_timestamp"], given["oauth_nonce"])
        if once in self._seen:
            raise ApiError("The nonce is already being used by the consumer with ID %1", [1],
                           status=401)  # fmt: skip
        pairs = {**request.query, **given}
        secret = f"{_quoted(self.keys['consumer_secret'])}&{_quoted(self.keys['token_secret'])}"
        wanted = hmac.digest(secret.encode(), _signed(request.method, url, pairs), method)
        if not hmac.compare_digest(base64.b64encode(wanted).decode(), given["oauth_signature"]):
            raise ApiError("The signature is invalid. Verify and try again.", status=401)
        self._seen.add(once)


def _signed(method: str, url: str, parameters: Mapping[str, str]) -> bytes:
    pairs = sorted(
        (_quoted(name), _quoted(value))
        for name, value in parameters.items()
        if name not in ("oauth_signature", "realm")
    )
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), _quoted(url), _quoted(joined))).encode()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
