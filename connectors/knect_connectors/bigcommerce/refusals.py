"""What BigCommerce says when it does not do something, as one of our errors. Pure.

V2 answers a list of `{status, message, details}`, V3 an object with `title` and `errors`, which
names fields; a batch of prices names rows. Must not: judge what to do next beyond the class.
"""

from collections.abc import Mapping
from typing import Any

from knect.sdk.errors import Refused
from knect.sdk.http import Response

__all__ = ["refusal_of", "refused_with"]

_LIMIT = 300


def refusal_of(call: str, response: Response) -> Refused:
    """Return the refusal that 400, 409, 413 or 422 amounts to; `call` is `PUT /path`."""
    return refused_with(call, response.data, status=response.status)


def refused_with(call: str, data: Any, *, status: int) -> Refused:
    """Return a refusal in the platform's words, with the first field it names."""
    title, fields = _said(data)
    named = "; ".join(f"{name}: {words}" if name else words for name, words in fields.items())
    said = f"{title}: {named}" if title and named else title or named or "without a reason"
    path = next((name for name in fields if name), None)
    return Refused(
        f"BigCommerce refuses {call} ({status}): {said[:_LIMIT]}", code=str(status), path=path
    )


def _said(data: Any) -> tuple[str, dict[str, str]]:
    """Return the title, and words by field; '' is a field nobody named."""
    if isinstance(data, list):
        first = data[0] if data and isinstance(data[0], Mapping) else {}
        details = first.get("details")
        reasons = details if isinstance(details, Mapping) else {}
        reason = str(reasons.get("invalid_reason") or "")
        return str(first.get("message") or ""), {"": reason} if reason else {}
    if not isinstance(data, Mapping):
        return "", {}
    batch = data.get("batch_errors")
    if isinstance(batch, list) and batch and isinstance(batch[0], Mapping):
        return _said({"title": batch[0].get("title"), "errors": _of_row(batch[0])})
    errors = data.get("errors")
    title = str(data.get("title") or data.get("message") or "")
    if isinstance(errors, list):
        return title, {"": "; ".join(map(str, errors))} if errors else {}
    if isinstance(errors, Mapping):
        return title, {str(name): _words(said) for name, said in errors.items()}
    return title, {}


def _of_row(row: Mapping[str, Any]) -> Any:
    return row.get("errors") or row.get("field_errors") or {}


def _words(said: Any) -> str:
    if isinstance(said, Mapping):
        return "; ".join(_words(one) for one in said.values())
    if isinstance(said, list):
        return "; ".join(map(_words, said))
    return " ".join(str(said).split())
