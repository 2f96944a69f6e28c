"""What an answer means where the API has its own way of saying no: the Connection's error rules.

Why: in-house APIs answer 200 with an error object, or 400 for a duplicate; which is which decides
between retry, reject and adopt. Without a rule the SDK's reading of the status holds.
Must not: read an answer without errors as one, or say more of it than the rule names.
"""

from collections.abc import Sequence
from typing import Any

from knect.sdk.errors import (
    ConnectorError,
    Fatal,
    MissingReference,
    Refused,
    RetryLater,
    Throttled,
    UnexpectedAnswer,
    WaitForPerson,
)
from knect.sdk.http import Response, words_of
from knect_connectors.rest.config import ErrorRule
from knect_connectors.rest.paths import MISSING, compile_path

__all__ = ["DuplicateError", "Refusals", "error_object", "is_error_object"]

#: Where APIs put what went wrong, when no rule says so.
_USUAL = ("error", "errors", "fault", "exception")
#: Where a rule without a status looks, too; credentials and the pace need a rule of their own.
_WITH_WORDS = frozenset({400, 404, 405, 406, 409, 410, 412, 413, 415, 422, 424, 500, 502, 503, 504})


class DuplicateError(Refused):
    """The API has a record with our external id already."""


class Refusals:
    """The error rules of one Connection, compiled."""

    def __init__(self, host: str, rules: Sequence[ErrorRule]) -> None:
        self._host = host
        self._rules = [
            (rule, frozenset(rule.status), compile_path(rule.path or "")) for rule in rules
        ]
        #: Statuses that are looked at here before they are judged as usual.
        self.statuses = frozenset(status for rule in rules for status in rule.status)
        if any(not rule.status for rule in rules):
            self.statuses |= _WITH_WORDS

    def judge(self, call: str, response: Response) -> ConnectorError | None:
        """Return the error of the first rule that fits an answer; None if none does."""
        rule = self._fitting(response.status, response.data)
        if rule is None:
            return None
        return self._error(rule, call, response.status, response.data, words_of(response))

    def of(self, call: str, status: int, data: Any) -> ConnectorError | None:
        """Return the error of the first rule that fits a status and one result of a batch."""
        rule = self._fitting(status, data)
        return None if rule is None else self._error(rule, call, status, data, "")

    def _fitting(self, status: int, data: Any) -> ErrorRule | None:
        for rule, statuses, getter in self._rules:
            if statuses and status not in statuses:
                continue
            if rule.path is not None:
                found = getter(data)
                if found is MISSING or found in (None, False, "", []):
                    continue
                if rule.equals is not None and str(found) != rule.equals:
                    continue
            return rule
        return None

    def is_gone(self, error: ConnectorError | None) -> bool:
        """Tell whether an error says that the record is not there."""
        return error is not None and error.code == "Gone"

    def _error(
        self, rule: ErrorRule, call: str, status: int, data: Any, words: str
    ) -> ConnectorError:
        said = _at(data, rule.message) or words
        sentence = f"{self._host}: {call} was answered with {status}" + (
            f": {said}" if said else ""
        )
        details: dict[str, Any] = {
            "code": _at(data, rule.code) or str(status),
            "path": _at(data, rule.field),
        }
        value = _at(data, rule.value)
        match rule.then:
            case "Refuse":
                return Refused(sentence, value=value, **details)
            case "Duplicate":
                return DuplicateError(sentence, value=value, **details)
            case "Retry":
                return RetryLater(sentence, value=value, **details)
            case "Throttle":
                return Throttled(sentence, value=value, **details)
            case "Missing":
                return MissingReference(sentence, kind=rule.kind, value=value or "?", **details)
            case "Person":
                return WaitForPerson(sentence, value=value, **details)
            case "Gone":
                return Refused(sentence, value=value, code="Gone", path=details["path"])
            case "Fatal":
                return Fatal(sentence, value=value, **details)


def _at(data: Any, path: str | None) -> str | None:
    if path is None:
        return None
    found = compile_path(path)(data)
    return None if found is MISSING or found is None else str(found)[:300]


def is_error_object(data: Any) -> bool:
    """Tell whether an answer says, where APIs usually do, that something went wrong."""
    return isinstance(data, dict) and any(data.get(one) for one in _USUAL)


def error_object(host: str, call: str, response: Response, where: str) -> UnexpectedAnswer:
    """Return the error for a success that lacks what was asked for: it may be an error object."""
    data = response.data
    words = words_of(response) if is_error_object(data) else ""
    said = f": {words}" if words else ""
    return UnexpectedAnswer(
        f"{host}: {call} was answered with {response.status}, but there is no {where or 'list'} in"
        f" the answer{said}",
        path=where or None,
        code=str(response.status),
    )
