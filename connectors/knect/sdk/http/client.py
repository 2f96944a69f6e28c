"""The HTTP client connectors use: one per Connection, every call classified and reported.

Why: no connector decides by itself what a failure means, forgets a cap or a deadline, or leaks a
token into a message. A call either returns a usable `Response` or raises one error of
`knect.sdk.errors`, and is reported to the exchange recorder in the context.
Must not: retry (the engine does, with state that survives the process), except once after the
auth object renewed rejected credentials: the server said it did nothing.
"""

import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from knect.sdk.errors import ConnectorError, CredentialsRejected
from knect.sdk.http.answer import Response
from knect.sdk.http.call import (
    Auth,
    Call,
    Channel,
    Limits,
    Outgoing,
    address_of,
    origin_of,
)
from knect.sdk.http.exact_json import encode_json
from knect.sdk.http.guard import Egress
from knect.sdk.http.transport import AiohttpTransport
from knect.sdk.http.trust import trusting
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["Client", "ClientFactory"]

_NO_JSON = object()


class Client:
    """Calls one origin. Made by `ClientFactory.open`; close it with `close()`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def close(self) -> None:
        """Close the pool."""
        await self._channel.transport.aclose()

    def owns(self, url: str) -> bool:
        """Tell whether `url` (a `next` link) stays on this Connection's own origin."""
        whole = address_of(self._channel.base, url)
        return origin_of(whole) == origin_of(self._channel.base)

    async def request(
        self,
        method: str,
        url: str,
        *,
        template: str,
        params: Mapping[str, str] | None = None,
        json: Any = _NO_JSON,
        content: bytes | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        accept: Collection[int] = (),
        expects_json: bool = True,
        deadline: float | None = None,
        secrets: Collection[Secret] = (),
    ) -> Response:
        """Send one request and return its successful answer.

        Args:
            method: GET, POST ...
            url: a path below the base URL, or an absolute URL. Credentials go to the base URL's
                origin only.
            template: the path with placeholders, for logs and traces: `/orders/{id}`.
            params: the query.
            json: a JSON-able body; Decimals keep their digits.
            content: a ready body instead.
            headers: more headers; wrap secret values in `Secret`.
            accept: statuses besides 2xx to return instead of raising.
            expects_json: decode the body into `Response.data`; anything else is unexpected.
            deadline: seconds for the whole call, the body included; default from `Limits`.
            secrets: what of the body is secret; an answer that quotes it is told without it.

        Raises:
            ConnectorError: classified, see `classify`; its `could_have_been_seen` is truthful.
        """
        more = dict(headers or {})
        if json is not _NO_JSON:
            content = encode_json(json)
            more = {"Content-Type": "application/json", **more}
        outgoing = Outgoing(
            method=method,
            url=url,
            template=template,
            params=params,
            content=content,
            headers=more,
            deadline=deadline,
            secrets=secrets,
        )
        call = Call(self._channel, outgoing)
        try:
            return await call.run(accept, expects_json=expects_json)
        except CredentialsRejected:
            if not await self._renew(call):
                raise
        return await Call(self._channel, outgoing).run(accept, expects_json=expects_json)

    async def _renew(self, refused: Call) -> bool:
        auth = self._channel.auth
        try:
            return auth is not None and await auth.renew(refused.auth_headers)
        except ConnectorError as error:
            # The call for a token may have been seen; the refused one was answered: not done.
            error.could_have_been_seen = False
            raise

    @asynccontextmanager
    async def stream(
        self, url: str, *, template: str, limit: int = 2**30, deadline: float = 900.0
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """GET a large body in pieces of at most 64 KiB, at most `limit` bytes in all."""
        outgoing = Outgoing(method="GET", url=url, template=template, deadline=deadline)
        call = Call(self._channel, outgoing)
        try:
            async with call.reported(), call.answered(limit) as answer:
                if not answer.is_success:
                    call.judge(answer, await call.read(answer), (), expects_json=False)
                yield call.pieces(answer)
        except ConnectorError as error:
            error.__context__ = None  # the library's error, which holds the request
            raise


class ClientFactory:
    """Makes the clients of one process; the engine hands it to connectors.

    Args:
        clock: time, for `Retry-After` as a date and for durations.
        egress: what may be connected to; default: public addresses only.
        tls: the certificates to trust, for in-house systems with an own authority.
        limits: the bounds of clients opened without their own.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        egress: Egress | None = None,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._egress = egress or Egress()
        self._tls = tls

    @property
    def egress(self) -> Egress:
        """Return the address guard, for who speaks something else than HTTP."""
        return self._egress

    def open(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        limits: Limits | None = None,
        authority: str = "",
    ) -> Client:
        """Return a client for `base_url`; `headers` go with every request to its origin.

        `authority`: PEM of one that is trusted beside the system's. Raises Fatal for what is none.
        """
        limits = limits or self._limits
        transport = AiohttpTransport(
            self._egress,
            max_connections=limits.connections,
            connect_timeout=limits.connect,
            read_timeout=limits.read,
            tls=trusting(authority) if authority else self._tls,
        )
        return Client(
            Channel(
                base=base_url.rstrip("/"),
                egress=self._egress,
                clock=self._clock,
                auth=auth,
                headers=dict(headers or {}),
                limits=limits,
                transport=transport,
            )
        )
