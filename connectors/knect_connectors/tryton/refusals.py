"""What Tryton says when it does not do something, as one of our errors. Pure.

On the wire every refusal is `["UserError", [message, description, domain]]`: the class that was
raised in the server (AccessError, RequiredValidationError …) does not travel, only its sentence.
Calls are made with the language `en`, so the sentences are the ones of Tryton's sources:
`trytond/ir/message.xml`, messages `msg_access_rule_error` and following.
Must not: pass on the `domain` part, which lists the whole model.
"""

import re
from collections.abc import Callable
from typing import Any

from knect.sdk.errors import (
    ConnectorError,
    Fatal,
    Refused,
    RetryLater,
    ScopeMissing,
    UnexpectedAnswer,
    WaitForPerson,
)

__all__ = ["DUPLICATE", "NOT_NOW", "error_of", "is_duplicate", "moved_meanwhile"]

#: Code of the refusal that means: our external id is there already.
DUPLICATE = "UniqueWebId"
#: Code of the refusal that means: not in this state of the record.
NOT_NOW = "ButtonState"

_NUMBER_TAKEN = "NumberTaken"
#: Models of modules that may not be there.
_MODULES = {
    "account.payment": "account_payment",
    "account.payment.journal": "account_payment",
    "sale.amendment": "sale_amendment",
    "sale.sale": "sale",
    "stock.package": "stock_package_shipping",
    "web.shop": "web_shop",
}
_FIELD = r'for field "(?P<field>[^"]*)"'
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"web ID on the sale must be unique", re.IGNORECASE), DUPLICATE),
    # From Tryton's own sequence, which two writers read at once; we never send a code.
    (re.compile(r"code (on|of the) party must be unique", re.IGNORECASE), _NUMBER_TAKEN),
    (re.compile(r"^You are not allowed to "), "AccessError"),
    (re.compile(r"^A value is required " + _FIELD), "RequiredValidationError"),
    (re.compile(rf'^The value "(?P<value>.*?)" {_FIELD}', re.DOTALL), "ValidationError"),
    (re.compile(rf'"(?P<value>[^"]*)" {_FIELD}', re.DOTALL), "ValidationError"),
    (re.compile(_FIELD), "ValidationError"),
    (re.compile(r"that don't exist\.?$"), "NotFound"),
    (re.compile(r"^You can not call "), NOT_NOW),
    (re.compile(r"^Calling button "), "AccessButtonError"),
)


def error_of(method: str, error: Any) -> ConnectorError:
    """Return our error for the `error` part of an answer to `method`."""
    match error:
        case ["UserError", [str() as message, *more]]:
            return _refusal(message, str(more[0]) if more and more[0] else "")
        case ["UserWarning", [str() as name, str() as message, *_]]:
            return WaitForPerson(
                f"Tryton warns: {_sentence(message)} Somebody has to decide in Tryton",
                code=name,
            )
        case ["ConcurrencyException", _]:
            return moved_meanwhile("somebody changed the same record in Tryton at this moment")
        case ["LoginException", *_]:
            return WaitForPerson("Tryton asks for another way to log in than a password")
        case [str() as text, *_] if text.strip("'") in _MODULES:
            module = _MODULES[text.strip("'")]
            return Fatal(f"Tryton does not know {text}: activate its module {module}")
        case [str() as text, *_]:
            return UnexpectedAnswer(f"Tryton failed inside {method}: {_sentence(text)[:300]}")
        case _:
            return UnexpectedAnswer(f"Tryton answered {method} with an error nobody can read")


def is_duplicate(error: ConnectorError) -> bool:
    """Tell whether the refusal says that the document exists already."""
    return error.code == DUPLICATE


def moved_meanwhile(message: str, **details: Any) -> RetryLater:
    """Return the error for a write that came second and did nothing."""
    error = RetryLater(message, **details)
    error.answered = True  # nothing was written, and that is certain
    return error


_CLASSES: dict[str, Callable[..., ConnectorError]] = {
    _NUMBER_TAKEN: moved_meanwhile,
    "AccessError": ScopeMissing,
    "AccessButtonError": ScopeMissing,
}


def _refusal(message: str, description: str) -> ConnectorError:
    sentence = _sentence(f"{message} {description}" if description else message)
    for pattern, code in _PATTERNS:
        if found := pattern.search(message):
            groups = found.groupdict()
            return _CLASSES.get(code, Refused)(
                f"Tryton refuses: {sentence}",
                code=code,
                path=groups.get("field"),
                value=groups.get("value"),
            )
    return Refused(f"Tryton refuses: {sentence}", code="UserError")


def _sentence(text: str) -> str:
    return " ".join(text.split())
