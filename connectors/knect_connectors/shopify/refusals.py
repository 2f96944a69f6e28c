"""What Shopify says when it does not change something, as one of our errors. Pure.

Must not: judge what to do next beyond the class of error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.errors import Refused, UnexpectedAnswer

__all__ = ["payload_of", "refused", "row_of"]


def payload_of(data: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], list[Any]]:
    """Return a mutation's payload and its user errors. Raises UnexpectedAnswer without one."""
    payload = data.get(name)
    if not isinstance(payload, dict):
        raise UnexpectedAnswer(f"Shopify answered {name} without a payload", path=name)
    return payload, list(payload.get("userErrors") or ())


def refused(errors: Sequence[Mapping[str, Any]]) -> Refused:
    """Return the first user error as a refusal, with the field Shopify names."""
    first = errors[0]
    path = ".".join(first.get("field") or ()) or None
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refused(
        f"Shopify refuses: {first.get('message', 'no reason given')}{more}",
        code=first.get("code"),
        path=path,
    )


def row_of(error: Mapping[str, Any]) -> int | None:
    """Return which row of a batch a user error is about, None if it is about all."""
    for step in error.get("field") or ():
        if str(step).isdecimal():
            return int(step)
    return None
