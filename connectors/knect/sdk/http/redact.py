"""Takes secrets out of texts that leave this package.

Why: one place, so that no exception, log line or span has to remember to do it.
Must not: be clever; it cuts every query and user part of a URL and every secret it was told.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from knect.sdk.secret import Secret

__all__ = ["redact", "secrets_of", "without_secrets"]

_URL = re.compile(r"(?i)\b(https?://)([^\s'\"<>]+)")
_SENSITIVE = re.compile(r"(?i)auth|token|secret|cookie|password|api-?key|session|signature")
_MIN_SECRET = 4
#: In an answer's body a shorter one may be a plain word of the data.
_MIN_IN_BODY = 6


def _cut(match: re.Match[str]) -> str:
    rest = match[2].split("?", 1)[0].split("#", 1)[0]
    authority, slash, path = rest.partition("/")
    return f"{match[1]}{authority.rpartition('@')[2]}{slash}{path}"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with `***` for each secret and URLs without user, query and fragment."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _URL.sub(_cut, text)


def secrets_of(headers: Mapping[str, str | Secret]) -> set[str]:
    """Return the texts in request headers that must never be shown.

    A value such as `Bearer abc` counts whole and by its last word, `Basic …` by its password too.
    """
    found: set[str] = set()
    for name, value in headers.items():
        if isinstance(value, Secret) or _SENSITIVE.search(name):
            text = value.reveal() if isinstance(value, Secret) else value
            word, _, last = text.rpartition(" ")
            found |= {text, last}
            if word == "Basic":
                found.add(_password(last))
    return {text for text in found if len(text) >= _MIN_SECRET}


def without_secrets(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return an answer's body without the secrets its request went with.

    Some systems quote a request in their errors, headers and all; no connector is to look out
    for that. A body that has none comes back as it is.
    """
    for secret in secrets:
        if len(secret) >= _MIN_IN_BODY:
            for spelled in _spellings(secret):
                if spelled in body:
                    body = body.replace(spelled, b"***")
    return body


def _spellings(secret: str) -> Iterator[bytes]:
    """Yield a secret as it stands in a body: plain, in JSON by PHP, in an address."""
    yield secret.encode()
    yield secret.replace("/", "\\/").encode()
    yield quote(secret, safe="").encode()


def _password(pair: str) -> str:
    try:
        return base64.b64decode(pair, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
