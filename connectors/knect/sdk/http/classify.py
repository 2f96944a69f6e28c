"""What a failure or an answer means for the engine: one error of `knect.sdk.errors`.

Why: every connector classifies the same way, and the sentences read alike.
Must not: know a platform; a connector that knows better lists the status in `accept`.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    Refused,
    RetryLater,
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
#: What is said in the system's place, by what stands in front of it: a gateway that does not reach
#: it, a proxy or a network that wants a log-in; from 520 on by Cloudflare.
_IN_BETWEEN = frozenset({407, 502, 503, 504, 511, *range(520, 528), 530})
#: A page with these is of the record all the same: what sent it looked at the size.
_OF_THE_SIZE = frozenset({413, 414})
_STANDS_IN_BETWEEN = "a login page, a firewall or maintenance may stand in between"
_CONFIGURATION = {
    Failure.FORBIDDEN: "allow it with `worker.egressAllow` (chart) or `--allow HOST` (command"
    " line), or correct the address in the Connection's config",
    Failure.INVALID_URL: "correct the address in the Connection's config",
}
_OF_A_NAME = {
    Failure.DNS: "correct the address in the Connection's config, or see to the name server (DNS)"
    " that is asked where Knect runs",
    Failure.NAMELESS: "see to the name server (DNS) that is asked where Knect runs",
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
    if advice := _OF_A_NAME.get(failure.failure):
        sentence = f"{sentence}; {advice}"
    return Unreachable(sentence, could_have_been_seen=seen)


def error_of_text(host: str, call: str, response: Response) -> RetryLater | None:
    """Return the error if the body cannot be the API's JSON, judged by its content type.

    A page where all is well is another's: until that is gone, the system is not reached.
    """
    kind = _kind_of(response)
    if _is_page(response) or "xml" in kind:
        what = "a web page" if _is_page(response) else f"{kind}"
        is_of_another = response.status < 400 or response.status in _IN_BETWEEN
        error = Unreachable if is_of_another else UnexpectedAnswer
        return error(
            f"{host}: {call} was answered with {what} (status {response.status}) instead of JSON;"
            f" {_STANDS_IN_BETWEEN}",
            code=str(response.status),
        )
    return None


def _kind_of(response: Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_page(response: Response) -> bool:
    return "html" in _kind_of(response) or response.body.lstrip()[:1] == b"<"


def error_of_status(host: str, call: str, response: Response, now: datetime) -> ConnectorError:
    """Return the error for a status that is no success."""
    status = response.status
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    words = words_of(response)
    is_page = _is_page(response)
    said = words or ("a web page" if is_page else "")
    sentence = f"{host}: {call} was answered with {name}" + (f": {said}" if said else "")
    after = read_retry_after(response.headers, now)
    code = str(status)
    if why := _in_between(host, response):
        return Unreachable(f"{sentence}; {why}", retry_after=after, code=code)
    match status:
        case 429:
            return Throttled(sentence, retry_after=after, code=code)
        case 401:
            return CredentialsRejected(
                f"{sentence}; renew the credentials in the Connection's Secret", code=code
            )
        case 403:
            other = "; or a firewall or a list of addresses keeps Knect out" if is_page else ""
            return ScopeMissing(f"{sentence}; the credentials lack a permission{other}", code=code)
        case 402 | 423 | 451:
            return WaitForPerson(sentence, code=code)
        case 404 | 405 | 410 | 426 | 505:
            return Fatal(
                f"{sentence}; the address or API version in the Connection's config is wrong",
                code=code,
            )
        case 408 | 421 | 425:
            return UnexpectedAnswer(sentence, retry_after=after, code=code)
        case _ if 400 <= status < 500 and is_page and status not in _OF_THE_SIZE:
            return UnexpectedAnswer(f"{sentence}; {_STANDS_IN_BETWEEN}", code=code)
        case _ if 400 <= status < 500:
            return Refused(sentence, code=code)
    return UnexpectedAnswer(sentence, retry_after=after, code=code)


def _in_between(host: str, response: Response) -> str | None:
    """Return what is likely where something else answers in its place; None if it answers."""
    if response.status in (407, 511):
        return (
            "a proxy or a network wants a log-in, which Knect has none for: let it reach"
            f" {host} without"
        )
    if response.status in _IN_BETWEEN:
        return f"what stands in front of {host} does not reach it, or it is being maintained"
    return _elsewhere(response) if 300 <= response.status < 400 else None


def _elsewhere(response: Response) -> str:
    """Return what a redirect says: where it leads, without what may be a secret in it."""
    there = _place_of(response.headers.get("location", ""))
    leads = f" (it leads to {there})" if there else ""
    return (
        f"redirects are not followed{leads}; correct the address in the Connection's config if it"
        " is another now, or see what stands in between"
    )


def _place_of(location: str) -> str:
    try:
        parts = urlsplit(location)
        host = f"{parts.scheme or 'https'}://{parts.hostname}" if parts.hostname else ""
    except ValueError:
        return ""
    return " ".join(f"{host}{parts.path}".split())[:_WORDS_LIMIT]


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
