"""The floor: a bare script that applies what the operator applied, with the same client.

Why: how long a thousand pipelines take depends on the API server and the machine; what the operator
adds is seen only against the same requests without it. The script looks at nothing, renders before
the clock starts, and waits for nothing but the pods, since no truthful status is ready before one
runs. Must not: apply another number or content of children and statuses than the operator did.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.scale_workers import Workers

from knect.api.names import FIELD_MANAGER, FIELD_MANAGER_STATUS
from knect_operator.kube.aio import AioClient

__all__ = ["apply_all", "floor"]

Object = dict[str, Any]


async def apply_all(kube: AioClient, documents: Sequence[Object], concurrency: int) -> None:
    """Apply documents as a user would, in their order, so many at a time."""
    slots = asyncio.Semaphore(concurrency)

    async def one(document: Object) -> None:
        async with slots:
            await kube.apply(document, manager="kubectl")

    await asyncio.gather(*map(one, documents))


async def floor(
    kube: AioClient,
    *,
    declared: Sequence[Object],
    children: Mapping[str, Sequence[Object]],
    statuses: Mapping[tuple[str, str], Sequence[Object]],
    workers: Workers,
    concurrency: int,
) -> None:
    """Apply what is declared, the children of each pipeline (by name), and all their statuses.

    `statuses` is (kind, name) -> what was written, in order; the last one waits for the pod.
    """
    slots = asyncio.Semaphore(concurrency)

    async def one(document: Object) -> None:
        name = document["metadata"]["name"]
        mine = children.get(name, ()) if document["kind"] == "SyncPipeline" else ()
        *earlier, last = statuses[document["kind"], name] or [None]
        async with slots:
            uid = (await kube.apply(document, manager="kubectl"))["metadata"]["uid"]
            for child in mine:
                child["metadata"]["ownerReferences"][0]["uid"] = uid
                await kube.apply(child, manager=FIELD_MANAGER)
            for status in earlier:
                await _write(kube, document, status)
        if mine:
            await workers.runs(mine[0]["metadata"]["name"]).wait()
        if last is not None:
            async with slots:
                await _write(kube, document, last)

    await asyncio.gather(*map(one, declared))


async def _write(kube: AioClient, document: Object, status: Object) -> None:
    metadata = {key: document["metadata"][key] for key in ("name", "namespace")}
    body = {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": metadata,
        "status": status,
    }
    await kube.apply(body, part="status", manager=FIELD_MANAGER_STATUS)
