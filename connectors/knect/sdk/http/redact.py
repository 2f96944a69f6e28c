"""Takes secrets out of texts that leave this package.

Why: one place, so that no exception, log line or span has to remember to do it.
Must not: be clever; it cuts every query and user part of a URL and every secret it was told.
"""

import re
from collections.abc import Iterable, Mapping

from knect.sdk.secret import Secret

__all__ = ["redact", "secrets_of"]

_URL = re.compile(r"(?i)\b(https?://)([^\s'\"<>]+)")
_SENSITIVE = re.compile(r"(?i)auth|token|secret|cookie|password|api-?key|session|signature")
_MIN_SECRET = 4


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

    A value such as `Bearer abc` counts whole and by its last word.
    """
    found: set[str] = set()
    for name, value in headers.items():
        if isinstance(value, Secret) or _SENSITIVE.search(name):
            text = value.reveal() if isinstance(value, Secret) else value
            found |= {text, text.rpartition(" ")[2]}
    return {text for text in found if len(text) >= _MIN_SECRET}
