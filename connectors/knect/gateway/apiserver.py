"""The API server, as far as `knect api` needs it: who is asking, may they, where is the ledger.

Why: three calls need no client library, and the data plane imports none. Token and authority are
files the kubelet rotates, so they are read again for every call.
Must not: put a token, a Secret or the API server's own words into an error.
"""

import base64
import binascii
import logging
import ssl
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from knect.api.names import GROUP, LEDGER_SECRET, LEDGER_SECRET_KEY
from knect.gateway.refusal import Refusal
from knect.sdk.errors import ConnectorError
from knect.sdk.http import Client, ClientFactory, Egress, Limits, Response
from knect.sdk.http.call import origin_of
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["AUDIENCE", "Account", "ApiServer", "Person"]

_log = logging.getLogger("knect.gateway")

#: What tokens for us alone are made for: `kubectl create token … --audience knect-api`.
AUDIENCE = "knect-api"
_TRANSACTIONS = "transactions"
_LIMITS = Limits(deadline=10.0, connect=3.0, read=10.0, body=4 * 2**20, connections=16)


class Account(Protocol):
    """As whom the API server is asked."""

    def server(self) -> str:
        """Return its URL."""
        ...

    def token(self) -> Secret:
        """Return the token as it is now. Raises OSError."""
        ...

    def authority(self) -> str | None:
        """Return the certificates to trust (PEM) as they are now. Raises OSError."""
        ...


class Person(Struct, frozen=True, kw_only=True):
    """Who is asking, as the cluster knows them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class _Bearer:
    """Puts the account's token on a call; there is no other to renew it with."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def headers(self) -> Mapping[str, Secret]:
        return {"Authorization": Secret(f"Bearer {self._account.token().reveal()}")}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:  # noqa: ARG002 - the protocol
        return False


class ApiServer:
    """Asks the API server. Every method raises Refusal (503) when it cannot be asked."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._client: Client | None = None
        self._trusted: tuple[str, str | None] | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def alive(self) -> None:
        """Ask for the version, which everybody may."""
        await self._call("GET", "/version", template="/version")

    async def review_token(self, token: Secret) -> Person | None:
        """Return whose token it is: one for our audience, or one for the API server itself."""
        for audiences in ([AUDIENCE], []):
            spec = {"token": token.reveal(), **({"audiences": audiences} if audiences else {})}
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
            path = "/apis/authentication.k8s.io/v1/tokenreviews"
            answer = await self._call("POST", path, template=path, json=body, secrets=(token,))
            status = answer.get("status") or {}
            # Who names an audience has to find it in the answer: not every authenticator looks.
            answered = set(status.get("audiences") or ()) & set(audiences)
            if status.get("authenticated") is True and (answered or not audiences):
                return _person(status.get("user") or {})
        return None

    async def may(self, person: Person, verb: str, namespace: str) -> bool:
        """Tell whether a person may `get` or `update` the transactions of a namespace."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": person.name,
                "uid": person.uid,
                "groups": list(person.groups),
                "extra": {key: list(values) for key, values in person.extra},
                "resourceAttributes": {
                    "namespace": namespace,
                    "verb": verb,
                    "group": GROUP,
                    "resource": _TRANSACTIONS,
                },
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        answer = await self._call("POST", path, template=path, json=body)
        status = answer.get("status") or {}
        return status.get("allowed") is True and status.get("denied") is not True

    async def ledger_of(self, namespace: str) -> Secret | None:
        """Return the DSN in the Secret of a namespace, None if it is not there or not ours to read.

        `namespace` is checked by who calls: it goes into a path.
        """
        answer = await self._call(
            "GET",
            f"/api/v1/namespaces/{namespace}/secrets/{LEDGER_SECRET}",
            template="/api/v1/namespaces/{namespace}/secrets/{name}",
            accept=(403, 404),
        )
        encoded = (answer.get("data") or {}).get(LEDGER_SECRET_KEY)
        try:
            dsn = base64.b64decode(encoded or "", validate=True).decode().strip()
        except (binascii.Error, UnicodeDecodeError, TypeError):
            return None
        return Secret(dsn) if dsn else None

    # ------------------------------------------------------------ the wire

    async def _call(
        self,
        method: str,
        path: str,
        *,
        template: str,
        accept: tuple[int, ...] = (),
        **content: Any,
    ) -> dict[str, Any]:
        try:
            client = await self._open()
            answer: Response = await client.request(
                method, path, template=template, accept=(401, 403, *accept), **content
            )
        except (ConnectorError, OSError, ssl.SSLError) as error:
            _log.warning("the API server does not answer", extra={"reason": str(error)})
            raise Refusal(
                503, "the cluster's API server does not answer knect api; try again soon"
            ) from error
        if answer.status == 401:
            raise Refusal(503, "the cluster's API server does not know the account of knect api")
        if answer.status == 403 and 403 not in accept:
            raise Refusal(
                503,
                "knect api may not ask the cluster who somebody is and what they may; its "
                "ClusterRole is missing (chart value rbac.create)",
            )
        return answer.data if isinstance(answer.data, dict) and answer.status < 400 else {}

    async def _open(self) -> Client:
        server, authority = self._account.server(), self._account.authority()
        if self._client is None or self._trusted != (server, authority):
            await self.close()
            host = origin_of(server)[2]
            factory = ClientFactory(
                clock=self._clock,
                egress=Egress([host]),
                tls=ssl.create_default_context(cadata=authority),
                limits=_LIMITS,
            )
            self._client = factory.open(server, auth=_Bearer(self._account))
            self._trusted = (server, authority)
        return self._client


def _person(user: Mapping[str, Any]) -> Person | None:
    name = user.get("username")
    if not isinstance(name, str) or not name:
        return None
    extra = user.get("extra") or {}
    return Person(
        name=name,
        uid=str(user.get("uid") or ""),
        groups=tuple(map(str, user.get("groups") or ())),
        extra=tuple(sorted((str(k), tuple(map(str, v or ()))) for k, v in extra.items())),
    )
