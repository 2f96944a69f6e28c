"""Reaching the `knect api` of a cluster: an address somebody gave, or a port-forward of our own.

Must not: send a token over plain HTTP to another machine.
"""

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address

from knect.cli.credentials import namespace_of, token_of
from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.kubectl import Kubectl
from knect.cli.source import Where
from knect.gateway.client import GatewayClient
from knect.sdk.http import ClientFactory, Egress, Limits
from knect.sdk.http.call import origin_of
from knect.sdk.secret import Secret
from knect.seams import SystemClock

__all__ = ["API_NAMESPACE", "API_SERVICE", "reached"]

API_NAMESPACE, API_SERVICE = "knect-system", "knect-api"
_LIMITS = Limits(deadline=40.0, connect=10.0, read=40.0, body=64 * 2**20, connections=2)


@asynccontextmanager
async def reached(where: Where) -> AsyncIterator[GatewayClient]:
    """Reach the gateway while inside. Raises CommandError."""
    address = os.environ.get("KNECT_API") or None
    told = os.environ.get("KNECT_TOKEN") or None
    namespace, token = where.namespace, Secret(told) if told else None
    at = where.api_namespace or API_NAMESPACE
    service = where.api_service or API_SERVICE
    async with AsyncExitStack() as stack:
        if address is None or token is None or (namespace is None and where.named):
            kubectl = Kubectl(context=where.context, kubeconfig=where.kubeconfig)
            view = kubectl.json("config", "view", "--minify", "--raw")
            namespace = namespace or namespace_of(view)
            if token is None:
                account = f"{service.removesuffix('-api')}-person"
                token = token_of(kubectl, view, namespace=at, account=account)
            if address is None:
                port = await stack.enter_async_context(kubectl.forwarded(at, service))
                address = f"http://127.0.0.1:{port}"
        address = _checked(address)
        factory = ClientFactory(
            clock=SystemClock(),
            egress=Egress([origin_of(address)[2]]),
            tls=ssl.create_default_context(),
            limits=_LIMITS,
        )
        headers = {"Authorization": Secret(f"Bearer {token.reveal()}")}
        client = factory.open(address, headers=headers)
        stack.push_async_callback(client.close)
        yield GatewayClient(client, namespace or "default")


def _checked(address: str) -> str:
    scheme, _, host = origin_of(address)
    if scheme not in ("http", "https") or not host:
        raise CommandError(
            f"KNECT_API has to be a URL, e.g. https://knect.example.com; it is {address!r}",
            code=BAD_INPUT,
        )
    if scheme == "http" and not _is_here(host):
        raise CommandError(
            f"KNECT_API is http:// on another machine ({host}), where anybody between could read "
            "the token; use https://, or a port-forward",
            code=BAD_INPUT,
        )
    return address.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
