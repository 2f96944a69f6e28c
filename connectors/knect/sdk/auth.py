"""How requests prove who we are: the kinds connectors need, as small strategies.

Why: a rotated Secret must work without a restart, and a token must be fetched once, not by every
call that finds it expired. Each kind reads its secrets at every use (the view is live).
Must not: write secrets anywhere, or retry a refused token endpoint.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Hashable, Mapping

from msgspec import Struct

from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["BasicAuth", "HeaderAuth", "Token", "TokenAuth", "lifetime_of"]

#: A token is renewed this many seconds before it ends: no call is under way with a dead one.
_MARGIN = 60.0


class HeaderAuth:
    """A secret in a header, as it is or behind a word such as `Bearer`.

    Args:
        name: the header.
        secret: reads the current secret.
        prefix: the word, with its space.
    """

    def __init__(self, name: str, secret: Callable[[], Secret], *, prefix: str = "") -> None:
        self._name = name
        self._secret = secret
        self._prefix = prefix

    async def headers(self) -> Mapping[str, Secret]:
        """Return the header with the secret as it is now."""
        return {self._name: Secret(self._prefix + self._secret().reveal())}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        """Tell whether the Secret was rotated since."""
        return await self.headers() != rejected


class BasicAuth:
    """User and password, RFC 7617."""

    def __init__(self, user: Callable[[], Secret], password: Callable[[], Secret]) -> None:
        self._user = user
        self._password = password

    async def headers(self) -> Mapping[str, Secret]:
        """Return the header with user and password as they are now."""
        pair = f"{self._user().reveal()}:{self._password().reveal()}".encode()
        return {"Authorization": Secret("Basic " + base64.b64encode(pair).decode())}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        """Tell whether the Secret was rotated since."""
        return await self.headers() != rejected


class Token(Struct, frozen=True, kw_only=True):
    """An access token and the seconds it lives from now; None: until it is refused."""

    secret: Secret
    lifetime: float | None = None


def lifetime_of(told: object) -> float | None:
    """Return for how many seconds a server says its token is good; None if it says nothing of use.

    A token without an end is renewed once it is refused.
    """
    try:
        seconds = float(str(told))
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


class TokenAuth:
    """A token that is fetched (client credentials, refresh, log-in) and ends.

    However many calls need one, one fetch is under way: a platform may kill the older of two
    tokens, or a refresh token that is used twice.

    Args:
        fetch: gets a token with the secrets as they are now.
        header: the header it goes into, behind `prefix`.
        clock: for the token's end.
        made_of: reads the secrets a token is fetched with; once they change, a token that was
            fetched with the old ones is dropped.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Token]],
        *,
        header: str,
        prefix: str = "",
        clock: Clock,
        made_of: Callable[[], Hashable] = lambda: None,
    ) -> None:
        self._fetch = fetch
        self._made_of = made_of
        self._basis: Hashable = None
        self._header = header
        self._prefix = prefix
        self._clock = clock
        self._turn = asyncio.Lock()
        self._current: Mapping[str, Secret] | None = None
        self._ends: float | None = None

    async def headers(self) -> Mapping[str, Secret]:
        """Return the header with a token that still lives, fetching one if there is none."""
        async with self._turn:
            is_ending = self._ends is not None and self._clock.monotonic() >= self._ends
            rotated = self._basis != self._made_of()
            if self._current is None or is_ending or rotated:
                return await self._renewed()
            return self._current

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        """Fetch a new token, unless another call has done so since `rejected` was sent."""
        async with self._turn:
            if self._current == rejected:
                await self._renewed()
            return True

    async def _renewed(self) -> Mapping[str, Secret]:
        self._current = None
        basis = self._made_of()
        token = await self._fetch()
        self._ends = None
        if token.lifetime is not None:
            margin = min(_MARGIN, token.lifetime / 10)
            self._ends = self._clock.monotonic() + token.lifetime - margin
        self._basis = basis
        self._current = {self._header: Secret(self._prefix + token.secret.reveal())}
        return self._current
