"""What a request may be: bodies, texts, pages, all with an end.

Must not: put what was sent into a sentence longer than it may be.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from msgspec import DecodeError, ValidationError, json
from starlette.requests import ClientDisconnect, Request

from knect.gateway.refusal import Refusal

__all__ = [
    "body_of",
    "content_of",
    "flag",
    "namespace_of",
    "number",
    "row_or_instant",
    "text",
    "texts",
]

T = TypeVar("T")

_LARGEST_BODY = 64 * 1024
_LONGEST_TEXT = 512
_MOST_WORDS = 500
_MOST_DIGITS = 18
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def namespace_of(request: Request) -> str:
    """Return the namespace in the path: it goes into another path, so only a real name does."""
    name: str = request.path_params["namespace"]
    if not _NAMESPACE.fullmatch(name):
        raise Refusal(400, "that is no name of a namespace")
    return name


async def content_of(request: Request) -> bytes:
    """Return the body, which has an end."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_BODY:
                raise Refusal(413, f"the body is larger than {_LARGEST_BODY} bytes")
    except ClientDisconnect:
        raise Refusal(400, "the body ended early") from None
    return body


async def body_of(request: Request, kind: type[T]) -> T:
    """Return the body as what it has to be."""
    body = await content_of(request)
    try:
        return json.decode(body, type=kind)
    except (DecodeError, ValidationError) as error:
        raise Refusal(400, f"the body is not what it has to be: {error}") from None


def texts(*given: str | None) -> None:
    """Refuse what no ledger can hold. Raises Refusal."""
    if len(given) > _MOST_WORDS:
        raise Refusal(400, f"more than {_MOST_WORDS} ids or keys at once; use --because REASON")
    for one in given:
        if one is not None and (len(one) > _LONGEST_TEXT or "\x00" in one):
            raise Refusal(400, f"a text has at most {_LONGEST_TEXT} characters, none of them NUL")


def text(query: Mapping[str, str], name: str) -> str | None:
    """Return a text of the query, None if it is not there."""
    value = query.get(name)
    texts(value)
    return value


def number(query: Mapping[str, str], name: str, *, most: int, otherwise: int) -> int:
    """Return a whole number of the query, from 0 to `most`."""
    value = query.get(name)
    if value is None:
        return otherwise
    if not value.isascii() or not value.isdecimal() or len(value) > 9:
        raise Refusal(400, f"{name} has to be a number from 0 to {most}")
    return min(int(value), most)


def row_or_instant(query: Mapping[str, str], name: str) -> int | None:
    """Return a row id, or an instant in microseconds; None if it is not there."""
    value = query.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdecimal() or len(value) > _MOST_DIGITS:
        raise Refusal(400, f"{name} has to be a number of at most {_MOST_DIGITS} digits")
    return int(value)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Tell whether the query says `name=true`."""
    return query.get(name) == "true"
