"""A Connection's config as a connector reads it: typed, and what is odd named with its path.

Why: the JSON schema of the manifest checks the form where documents are read; a worker is handed
what was stored before, and what a schema cannot say is said here, in one voice.
Must not: know a platform, or see a secret.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from knect.sdk.errors import Fatal

__all__ = ["odd", "typed", "zone"]

T = TypeVar("T")


def typed(config: Mapping[str, Any], kind: type[T]) -> T:
    """Return the config as a struct. Raises Fatal with the path of what does not fit."""
    try:
        return msgspec.convert(dict(config), kind)
    except msgspec.ValidationError as error:
        sentence, _, where = str(error).partition(" - at `$")
        path = f"config{where.rstrip('`')}"
        raise Fatal(f"{path}: {sentence}", path=path, could_have_been_seen=False) from None


def odd(path: str, value: object, expected: str) -> Fatal:
    """Return the error of a value that is not what is expected: "must be …"."""
    return Fatal(
        f"{path} is {value!r}; it {expected}",
        path=path,
        value=str(value),
        could_have_been_seen=False,
    )


def zone(name: str, path: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises Fatal."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise odd(path, name, "must be an IANA name such as Europe/Berlin") from None
