"""What a failure or an answer means for the engine: one error of `knect.sdk.errors`.

Why: every connector classifies the same way, and the sentences read alike.
Must not: know a platform; a connector that knows better lists the status in `accept`.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    Refused,
    ScopeMissing,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
    WaitForPerson,
)
from knect.sdk.http.answer import Response, read_retry_after
from knect.sdk.http.exact_json import JsonError, decode_json
from knect.sdk.http.transport import Failure, TransportFailureError

__all__ = ["error_of_failure", "error_of_status", "error_of_text", "words_of"]

_WORDS_LIMIT = 300
_CONFIGURATION = {
    Failure.FORBIDDEN: "allow it with `worker.egressAllow` (chart) or `knect run --allow HOST`,"
    " or correct the address in the Connection's config",
    Failure.INVALID_URL: "correct the address in the Connection's config",
}
_NOT_THE_API = frozenset({Failure.MALFORMED, Failure.ENCODING, Failure.TOO_LARGE})


def error_of_failure(host: str, call: str, failure: TransportFailureError) -> ConnectorError:
    """Return the error for a request without a complete answer; `call` is `POST /path`."""
    seen = failure.could_have_been_seen
    sentence = f"{host}: {call}: {failure.failure}: {failure.detail}"
    if advice := _CONFIGURATION.get(failure.failure):
        return Fatal(f"{sentence}; {advice}", could_have_been_seen=seen)
    if failure.failure in _NOT_THE_API:
        return UnexpectedAnswer(sentence, could_have_been_seen=seen)
    return Unreachable(sentence, could_have_been_seen=seen)


def error_of_text(host: str, call: str, response: Response) -> UnexpectedAnswer | None:
    """Return the error if the body cannot be the API's JSON, judged by its content type."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    looks_like_markup = response.body.lstrip()[:1] == b"<"
    if looks_like_markup or "html" in kind or "xml" in kind:
        what = "a web page" if "html" in kind or looks_like_markup else f"{kind}"
        return UnexpectedAnswer(
            f"{host}: {call} was answered with {what} (status {response.status}) instead of JSON;"
            " a login page, a firewall or maintenance may stand in between",
            code=str(response.status),
        )
    return None


def error_of_status(host: str, call: str, response: Response, now: datetime) -> ConnectorError:
    """Return the error for a status that is no success."""
    status = response.status
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    words = words_of(response)
    sentence = f"{host}: {call} was answered with {name}" + (f": {words}" if words else "")
    after = read_retry_after(response.headers, now)
    code = str(status)
    match status:
        case 429:
            return Throttled(sentence, retry_after=after, code=code)
        case 401:
            return CredentialsRejected(
                f"{sentence}; renew the credentials in the Connection's Secret", code=code
            )
        case 403:
            return ScopeMissing(f"{sentence}; the credentials lack a permission", code=code)
        case 402 | 423 | 451:
            return WaitForPerson(sentence, code=code)
        case 404 | 405 | 410 | 426 | 505:
            return Fatal(
                f"{sentence}; the address or API version in the Connection's config is wrong",
                code=code,
            )
        case _ if 300 <= status < 400:
            return UnexpectedAnswer(f"{sentence}; redirects are not followed", code=code)
        case 408 | 425:
            return UnexpectedAnswer(sentence, retry_after=after, code=code)
        case _ if 400 <= status < 500:
            return Refused(sentence, code=code)
    return UnexpectedAnswer(sentence, retry_after=after, code=code)


def words_of(response: Response) -> str:
    """Return the remote's own words about an error, in one line of at most 300 characters."""
    try:
        data: Any = decode_json(response.body)
    except JsonError:
        return ""
    for key in ("errors", "error_description", "message", "detail", "error"):
        if isinstance(data, dict) and data.get(key):
            data = data[key]
            break
    return _flatten(data)[:_WORDS_LIMIT]


def _flatten(data: Any) -> str:
    if isinstance(data, dict):
        if isinstance(data.get("message"), str):
            return _flatten(data["message"])
        return "; ".join(f"{key}: {_flatten(value)}" for key, value in data.items())
    if isinstance(data, list):
        return "; ".join(map(_flatten, data))
    return " ".join(str(data).split()) if data is not None else ""
