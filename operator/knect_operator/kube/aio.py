"""The API server over `kubernetes.aio`: the only module that imports the Kubernetes client.

Why the untyped client: typed models reject answers with fields they do not know, and cost 30 MiB.
Must not: retry; the work queue does, with its own patience. Must not: quote a body in an error.
"""

import asyncio
import builtins
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import DynamicApiError

from knect_operator.kube.client import (
    Conflict,
    Forbidden,
    KubeError,
    NotFound,
    Object,
    Refused,
    Unavailable,
)
from knect_operator.kube.kinds import Kind, kind_of

__all__ = ["AioClient", "Observed"]

_PAGE = 100
_DEADLINE_SECONDS = 30.0
_CONNECTIONS = 32
_UNKNOWN_FIELD = "field not declared in schema"

#: Told of every request: verb, group, plural with subresource, HTTP status (0: no answer).
Observed = Callable[[str, str, str, int], None]


class AioClient:
    """A KubeClient; open it with `async with AioClient.connect(...)`."""

    def __init__(self, api: ApiClient, observed: Observed = lambda *_: None) -> None:
        self._api = api
        self._dynamic = DynamicClient(api)
        self._observed = observed

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        *,
        context: str | None = None,
        observed: Observed = lambda *_: None,
    ) -> Self:
        """Connect as the pod's ServiceAccount, or by a kubeconfig where one is named or there is.

        Raises KubeError when there are no credentials to be had.
        """
        configuration = Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        try:
            if kubeconfig is None and context is None and _in_cluster():
                config.load_incluster_config(client_configuration=configuration)
            else:
                await config.load_kube_config(
                    config_file=kubeconfig, context=context, client_configuration=configuration
                )
        except (config.ConfigException, OSError) as error:
            raise KubeError(f"there is no way to the API server: {error}") from None
        return cls(ApiClient(configuration), observed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return one object."""
        return await self._ask("get", kind, namespace, name)

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str = ""
    ) -> AsyncIterator[Object]:
        """Yield the objects of a namespace, or of all, page by page."""
        further = ""
        while True:
            query = [("limit", str(_PAGE))]
            query += [("labelSelector", selector)] if selector else []
            query += [("continue", further)] if further else []
            page = await self._ask("list", kind, namespace, query=query)
            for item in page.get("items") or ():
                # items of a list do not name their kind
                yield {"apiVersion": kind.api_version, "kind": kind.name, **item}
            further = page.get("metadata", {}).get("continue") or ""
            if not further:
                return

    async def apply(self, document: Object, *, part: str = "", manager: str) -> Object:
        """Server-side apply an object, or its subresource `part`; return it as it is then."""
        metadata = document["metadata"]
        return await self._ask(
            "patch",
            kind_of(document),
            metadata["namespace"],
            metadata["name"],
            part=part,
            query=[("fieldManager", manager), ("force", "true")],
            body=document,
            content="application/apply-patch+yaml",
        )

    async def create(self, document: Object) -> Object:
        """Create an object; Conflict if it is there."""
        namespace = document["metadata"].get("namespace")
        return await self._ask("create", kind_of(document), namespace, body=document)

    async def replace(self, document: Object) -> Object:
        """Replace an object at the resource version it carries."""
        metadata = document["metadata"]
        return await self._ask(
            "update", kind_of(document), metadata["namespace"], metadata["name"], body=document
        )

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str | None = None
    ) -> None:
        """Delete an object and, in the background, what it owns; gone already is no error."""
        body: Object = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._ask("delete", kind, namespace, name, body=body)
        except NotFound:
            return

    async def _ask(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None,
        name: str = "",
        *,
        part: str = "",
        query: builtins.list[tuple[str, str]] | None = None,
        body: Object | None = None,
        content: str | None = None,
    ) -> Object:
        method = {"create": "post", "update": "put", "list": "get"}.get(verb, verb)
        what = f"{verb} {kind.name} {f'{namespace}/' if namespace else ''}{name}"
        status = 0
        try:
            answer = await self._dynamic.request(
                method,
                kind.path(namespace, name, part),
                body=body,
                query_params=query or [],
                header_params={},
                content_type=content,
                serialize=False,
                _request_timeout=_DEADLINE_SECONDS,
            )
            status = answer.status
            # decoded off the loop when large: a full page takes hundredths of a second
            text = await answer.read()
            decoded: Object = (
                await asyncio.to_thread(json.loads, text)
                if len(text) > 65_536
                else json.loads(text)
            )
        except (ApiException, DynamicApiError) as error:
            status = int(error.status or 0)
            raise _translated(error, what) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(f"{what}: no answer ({type(error).__name__})") from None
        else:
            return decoded
        finally:
            group = kind.api_version.rpartition("/")[0]
            plural = f"{kind.plural}/{part}" if part else kind.plural
            self._observed(verb, group, plural, status)


def _in_cluster() -> bool:
    from os import environ  # noqa: PLC0415 - asked once

    return "KUBERNETES_SERVICE_HOST" in environ


def _translated(error: Any, what: str) -> KubeError:
    """Return the error by what can be done about it; the server's own sentence, cut."""
    status = int(error.status or 0)
    message = f"{what}: {_sentence(error)}"
    if status == 404:
        return NotFound(message)
    if status == 409:
        return Conflict(message)
    if status in {401, 403}:
        return Forbidden(message)
    # kinds of before an upgrade know a field less, and the API server calls that its own failure
    unknown = status == 500 and _UNKNOWN_FIELD in message
    if unknown or status in {400, 405, 413, 415, 422}:
        return Refused(message)
    headers = error.headers or {}
    after = str(headers.get("Retry-After", ""))
    return Unavailable(message, float(after) if after.isdigit() else None)


def _sentence(error: Any) -> str:
    try:
        body = error.body.decode() if isinstance(error.body, bytes) else error.body
        text = json.loads(body)["message"]
    except (AttributeError, KeyError, TypeError, ValueError):
        text = f"{error.status} {error.reason}"
    return str(text)[:512]
