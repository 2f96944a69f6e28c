"""Takes secrets out of texts that leave this package.

Why: one place, so that no exception, log line or span has to remember to do it.
Must not: be clever; it cuts every query and user part of a URL and every secret it was told.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Mapping

from knect.sdk.secret import Secret
from knect.sdk.spellings import spellings

__all__ = ["Quotes", "redact", "secrets_of"]

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
    spelled = {one for secret in secrets for one in spellings(secret)}
    for one in sorted(spelled, key=len, reverse=True):
        text = text.replace(one, "***")
    return _URL.sub(_cut, text)


def secrets_of(headers: Mapping[str, str | Secret], more: Iterable[Secret] = ()) -> set[str]:
    """Return the texts in request headers, and the secrets in its body, that are never shown.

    A value such as `Bearer abc` counts whole and by its last word, `Basic …` by its password too.
    """
    found = {one.reveal() for one in more}
    for name, value in headers.items():
        if isinstance(value, Secret) or _SENSITIVE.search(name):
            text = value.reveal() if isinstance(value, Secret) else value
            word, _, last = text.rpartition(" ")
            found |= {text, last}
            if word in ("Basic", "Session"):
                found.add(_password(last))
    return {text for text in found if len(text) >= _MIN_SECRET}


class Quotes:
    """Takes the secrets a request went with out of the body of its answer.

    Some systems quote a request in their errors, headers and all; no connector is to look out
    for that. What the last secrets look like is kept: most requests go with the same.
    """

    def __init__(self) -> None:
        self._secrets: Collection[str] = frozenset()
        self._spelled: list[bytes] = []
        self._wide: list[bytes] = []

    def without(self, body: bytes, secrets: Collection[str]) -> bytes:
        """Return the body without them; one that has none comes back as it is."""
        if secrets != self._secrets:
            self._secrets = frozenset(secrets)
            self._spelled, self._wide = _in_bodies(secrets)
        is_wide = b"\0" in body  # two bytes a letter, whatever it says it is
        for one in (*self._spelled, *self._wide) if is_wide else self._spelled:
            if one in body:
                body = body.replace(one, b"***")
        return body


def _in_bodies(secrets: Iterable[str]) -> tuple[list[bytes], list[bytes]]:
    """Return how secrets look in a body, the longest first; and in one of two bytes a letter."""
    long_enough = [one for one in secrets if len(one) >= _MIN_IN_BODY]
    texts = {spelled for one in long_enough for spelled in spellings(one)}
    plain = {one.encode("utf-8", "replace") for one in texts}
    plain |= {one.encode("latin-1", "replace") for one in long_enough if not one.isascii()}
    wide = {one.encode(kind) for one in long_enough for kind in ("utf-16-le", "utf-16-be")}
    return sorted(plain, key=len, reverse=True), sorted(wide, key=len, reverse=True)


def _password(pair: str) -> str:
    try:
        return base64.b64decode(pair, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
