"""Who is asking, and may they: what the cluster said, remembered for seconds.

Why: `knect find` asks once, a console many times a minute; the API server is not to be asked each
time, and a right that was taken away has to be gone within seconds.
Must not: keep a token (only its hash), or decide anything by itself.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from hashlib import sha256
from typing import Generic, Literal, Protocol, TypeVar

from knect.gateway.apiserver import Person
from knect.gateway.refusal import Refusal
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["Gatekeeper", "Reviews", "Right"]

#: Seconds an answer counts; a token that was revoked, a right that was taken, lives so long.
_KNOWN, _UNKNOWN = 10.0, 5.0
_ALLOWED, _DENIED = 5.0, 2.0
_MOST = 2048
_LONGEST_TOKEN = 16 * 1024

Right = Literal["get", "update"]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Reviews(Protocol):
    """What the cluster is asked."""

    async def review_token(self, token: Secret) -> Person | None:
        """Return whose token it is, None if it is nobody's."""
        ...

    async def may(self, person: Person, verb: str, namespace: str) -> bool:
        """Tell whether a person may."""
        ...


class _Remembered(Generic[K, V]):
    """Answers by question, each with its end; the least used go first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()

    async def ask(self, key: K, ask: Callable[[], Awaitable[V]], lasts: Callable[[V], float]) -> V:
        found = self._known.get(key)
        if found is not None and found[0] > self._clock.monotonic():
            self._known.move_to_end(key)
            return found[1]
        value = await ask()
        self._known[key] = (self._clock.monotonic() + lasts(value), value)
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return value


class Gatekeeper:
    """Lets people in, by what the cluster says of them."""

    def __init__(self, reviews: Reviews, clock: Clock) -> None:
        self._reviews = reviews
        self._people: _Remembered[bytes, Person | None] = _Remembered(clock)
        self._rights: _Remembered[tuple[Person, str, str], bool] = _Remembered(clock)

    async def person(self, authorization: str | None) -> Person:
        """Return who sent this header. Raises Refusal: 401 if that cannot be known."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            raise Refusal(401, "say who you are: a Kubernetes token is needed")
        person = await self._people.ask(
            sha256(token.encode()).digest(),
            lambda: self._reviews.review_token(Secret(token)),
            lambda found: _KNOWN if found else _UNKNOWN,
        )
        if person is None:
            raise Refusal(401, "the cluster does not accept this token; log in again")
        return person

    async def admit(self, person: Person, verb: Right, namespace: str) -> None:
        """Let a person in. Raises Refusal: 403 if the cluster does not allow it."""
        allowed = await self._rights.ask(
            (person, verb, namespace),
            lambda: self._reviews.may(person, verb, namespace),
            lambda found: _ALLOWED if found else _DENIED,
        )
        if not allowed:
            raise Refusal(
                403,
                f"{person.name} may not {verb} transactions.knect.dev in namespace {namespace}; "
                "whoever gives rights there can allow it",
            )
