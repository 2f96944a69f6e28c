"""What can go wrong at a remote system, named by how the engine recovers.

    ConnectorError
     ├─ RetryLater             try again by itself, with the server's own advice if it gave any
     │   ├─ Throttled          the server asked for patience; never an error to the user
     │   ├─ Unreachable        no answer of the system: refused, reset, timed out, cut short; or one
     │   │                     of what stands in between: a gateway, a portal, a page for people
     │   └─ UnexpectedAnswer   an answer of the system that is none of its API: broken JSON, 500
     ├─ MissingReference       something this record names does not exist there (yet)
     ├─ WaitForPerson          nothing but a person can help
     │   ├─ CredentialsRejected
     │   │   └─ SecretMissing  the Secret itself, or a key of it, is not there
     │   └─ ScopeMissing
     ├─ Refused                the remote understood and refuses this record for its content
     ├─ NotForThere            it has no place there by its nature: skipped, with the reason `code`
     ├─ BadRecord              the source's own data cannot be read as the record it claims to be
     └─ Fatal                  the pipeline cannot work as configured (API version gone, wrong URL)

Why: retry, wait, reject and stop are decided by class alone; the sentence is for people.
Must not: carry secrets, URLs with queries, or payloads; `value` is one offending value, shortened.
"""

from typing import Any

__all__ = [
    "BadRecord",
    "ConnectorError",
    "CredentialsRejected",
    "Fatal",
    "MissingReference",
    "NotForThere",
    "Refused",
    "RetryLater",
    "ScopeMissing",
    "SecretMissing",
    "Throttled",
    "UnexpectedAnswer",
    "Unreachable",
    "WaitForPerson",
]

_VALUE_LIMIT = 200
#: A remote may put a whole page into its error.
_MESSAGE_LIMIT = 1_000
_LONGEST_ADVICE = 86_400.0


def _shorten(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _VALUE_LIMIT else f"{text[: _VALUE_LIMIT - 1]}…"


def _one_line(message: str) -> str:
    if not message.isprintable():
        message = " ".join(message.split())
    return message if len(message) <= _MESSAGE_LIMIT else f"{message[: _MESSAGE_LIMIT - 1]}…"


def _within_a_day(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_ADVICE)


class ConnectorError(Exception):
    """The root; never raised itself.

    Attributes:
        message: one sentence for people, without a trailing "please check"; one line of at most
            1,000 characters, whatever a remote put into it.
        code: the remote's own error code, if it gave one.
        path: the culprit field in the words of the system named by the error, e.g. `lines[2].sku`.
        value: the culprit value as text, at most 200 characters.
        could_have_been_seen: False only if the server cannot have received the request; a write
            that fails with True has an unknown outcome unless the class says it was answered.
        answered: True if the server gave a definite answer (it refused, it does not exist).
    """

    answered = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        path: str | None = None,
        value: Any = None,
        could_have_been_seen: bool = True,
    ) -> None:
        self.message = _one_line(message)
        super().__init__(self.message)
        self.code = code
        self.path = path
        self.value = _shorten(value)
        self.could_have_been_seen = could_have_been_seen


class RetryLater(ConnectorError):
    """It may work later by itself; `retry_after` is the server's advice in seconds, or None.

    Longer advice than a day is taken as a day; it is looked again then.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = None if retry_after is None else _within_a_day(retry_after)


class Throttled(RetryLater):
    """The server asked for patience before it did anything (429, THROTTLED)."""

    answered = True


class Unreachable(RetryLater):
    """No complete answer of the system came: none, or one of what stands in front of it.

    It says nothing of the record, so it is tried until the system answers again, however long that
    takes. `could_have_been_seen` decides whether a write is `unknown`.
    """


class UnexpectedAnswer(RetryLater):
    """An answer that is not the API's own. The outcome of a write is then unknown."""


class MissingReference(ConnectorError):
    """The record names something that does not exist at the destination.

    Attributes:
        kind: what is missing, e.g. `sku`; with `value` it is what other records may wait for too.
    """

    answered = True

    def __init__(self, message: str, *, kind: str, value: str, **details: Any) -> None:
        super().__init__(message, value=value, **details)
        self.kind = kind


class WaitForPerson(ConnectorError):
    """Retrying cannot help; a person has to act at the remote system or on the Secret."""

    answered = True


class CredentialsRejected(WaitForPerson):
    """The remote does not accept the credentials."""


class SecretMissing(CredentialsRejected, KeyError):
    """The Secret, or a key of it, is not there; nothing was sent. A KeyError too, so that a view of
    secrets answers `in` and `get` like any mapping.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, code=code, could_have_been_seen=False)

    def __str__(self) -> str:
        return self.message


class ScopeMissing(WaitForPerson):
    """The credentials are good, but a permission is missing."""


class Refused(ConnectorError):
    """The remote refuses this record for its content; the same content is refused again."""

    answered = True


class NotForThere(ConnectorError):
    """The record has no place at the destination by its nature: stock of a service, of a bundle.

    It is skipped, and nobody has to act; `code` is one of `knect.api.reasons.Reason`.
    """

    answered = True


class BadRecord(ConnectorError):
    """The source's data cannot be read: a field is gone, of another type, or out of range."""

    answered = True


class Fatal(ConnectorError):
    """The pipeline cannot work as configured; nothing is sent until that changes."""

    answered = True
