"""What Magento's refusals mean: one error of the SDK each, in the platform's own words.

Why: a refusal is `{"message": "… %1 … %name", "parameters": […] or {…}, "errors": […]}`; people are
told the sentence, not its template. And 401 means two things: nobody known, or not allowed to.
Must not: call the shop.
"""

import re
from collections.abc import Mapping
from typing import Any

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Refused,
    ScopeMissing,
    UnexpectedAnswer,
)

__all__ = ["error_of_answer", "is_gone", "said_by"]

_SLOT = re.compile(r"%(\w+)")
_NOT_ALLOWED = "authorized to access"
#: With a status as if it were the record's: the database was busy, a disk full.
_STUMBLED = "see error log"
_WORDS = 500


def said_by(data: Any) -> str:
    """Return what an answer says, in one line, with its parameters where they belong."""
    if not isinstance(data, Mapping):
        return "a refusal without words"
    said = [_sentence(data)]
    said += [_sentence(one) for one in data.get("errors") or () if isinstance(one, Mapping)]
    words = "; ".join(one for one in said if one)
    return " ".join(words.split())[:_WORDS] or "a refusal without words"


def _sentence(part: Mapping[str, Any]) -> str:
    message, parameters = str(part.get("message") or ""), part.get("parameters") or ()
    if isinstance(parameters, Mapping):
        named = {str(name): str(value) for name, value in parameters.items()}
        return _SLOT.sub(lambda slot: named.get(slot[1], slot[0]), message)
    given = [str(value) for value in parameters]
    order = list(dict.fromkeys(slot for slot in _SLOT.findall(message) if not slot.isdigit()))

    def filled(slot: re.Match[str]) -> str:
        # by number from 1, or, where a list lost the names it had, in the order they stand
        index = int(slot[1]) - 1 if slot[1].isdigit() else order.index(slot[1])
        return given[index] if 0 <= index < len(given) else slot[0]

    return _SLOT.sub(filled, message)


def is_gone(error: ConnectorError) -> bool:
    """Tell whether the shop says that what was asked for does not exist."""
    return error.code == "404"


def error_of_answer(where: str, status: int, data: Any, *, signed: bool) -> ConnectorError:
    """Return the error of a 400, 401 or 404 with JSON; `where` is host and call.

    `signed`: the request had a signature, so that who is not allowed to is known all the same.
    """
    words = said_by(data)
    code = str(status)
    if status != 401 and _STUMBLED in words:
        return UnexpectedAnswer(f"{where}: {words}", code=code)
    if status != 401:
        return Refused(f"{where}: {words}", code=code, path=_field(data), value=_value(data))
    if _NOT_ALLOWED not in words:
        return CredentialsRejected(
            f"{where}: {words}; renew the integration's secrets in the Connection's Secret",
            code=code,
        )
    doubt = "" if signed else ", or its token is not accepted any more"
    return ScopeMissing(
        f"{where}: {words}; the integration lacks that resource (System > Integrations >"
        f" API){doubt}",
        code=code,
    )


def _parameters(data: Any) -> Mapping[str, Any]:
    found = data.get("parameters") if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _field(data: Any) -> str | None:
    return _parameters(data).get("fieldName")


def _value(data: Any) -> Any:
    return _parameters(data).get("fieldValue")
