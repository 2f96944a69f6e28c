"""One operator at a time: a Lease of coordination.k8s.io.

Why our own: the client library's election writes local times without a zone, ends its loop on a
lost connection and leaves what it guards running; a page of code does neither.
What it promises: who cannot renew in time stops *before* another may begin, judged by its own
clock alone; clocks of two machines are never compared.
Must not: guard correctness. Two operators would apply the same objects; the Lease saves the work.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from knect_operator.kube import (
    KINDS,
    Conflict,
    KubeClient,
    KubeError,
    NotFound,
    Object,
    Unavailable,
)

__all__ = ["Leader", "LeaseLost"]

_log = logging.getLogger("knect.operator.leader")


class LeaseLost(Exception):
    """Another may lead now; stop at once."""


class Leader:
    """Holds, or waits for, a Lease. `seconds` is how long it lasts unrenewed."""

    def __init__(
        self,
        kube: KubeClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        seconds: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seconds = max(5.0, seconds)
        self._now = now
        self._monotonic = monotonic
        self._renewed: float | None = None
        self._seen: tuple[str, float] = ("", 0.0)

    @property
    def leading(self) -> bool:
        """Return whether this process leads, by its own clock."""
        return self._renewed is not None and self.unrenewed < self._seconds

    @property
    def unrenewed(self) -> float:
        """Return the seconds since the last renewal; 0 if this process does not lead."""
        return 0.0 if self._renewed is None else self._monotonic() - self._renewed

    async def wait(self) -> None:
        """Return once this process leads."""
        while True:
            try:
                if await self._try():
                    _log.info("leading", extra={"identity": self._identity})
                    return
            except KubeError as error:
                _log.warning("the lease cannot be asked for", extra={"cause": str(error)})
            await asyncio.sleep(self._seconds / 6)

    async def keep(self) -> None:
        """Renew until that fails for two thirds of the lease; then raise LeaseLost."""
        while True:
            await asyncio.sleep(self._seconds / 6)
            try:
                async with asyncio.timeout(self._seconds / 6):
                    if not await self._try():
                        raise LeaseLost("another operator holds the lease")
            except (KubeError, TimeoutError) as error:
                if self.unrenewed > self._seconds * 2 / 3:
                    raise LeaseLost(f"the lease could not be renewed: {error}") from None
                _log.warning("the lease was not renewed", extra={"cause": str(error)})

    async def release(self) -> None:
        """Let another begin at once."""
        if self._renewed is None:
            return
        self._renewed = None
        try:
            lease = await self._kube.get(KINDS["Lease"], self._namespace, self._name)
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self._kube.replace(lease)
        except KubeError:
            return  # it runs out by itself

    async def _try(self) -> bool:
        began = self._monotonic()
        try:
            lease = await self._kube.get(KINDS["Lease"], self._namespace, self._name)
        except NotFound:
            try:
                await self._kube.create(self._lease({"leaseTransitions": 0}))
            except Conflict:
                return False
            self._renewed = began
            return True
        spec = lease.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        mark = f"{holder}/{spec.get('renewTime')}/{lease['metadata'].get('resourceVersion')}"
        if mark != self._seen[0]:
            self._seen = (mark, began)
        lasts = float(spec.get("leaseDurationSeconds") or self._seconds)
        free = not holder or began - self._seen[1] > lasts
        if holder != self._identity and not free:
            self._renewed = None
            return False
        if holder != self._identity:
            spec = {
                **spec,
                "acquireTime": None,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1,
            }
        renewed = self._lease(spec)
        renewed["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
        try:
            await self._kube.replace(renewed)
        except (Conflict, NotFound):
            raise Unavailable("the lease was changed meanwhile") from None
        self._renewed = began
        return True

    def _lease(self, spec: Object) -> Object:
        moment = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(self._seconds),
                "acquireTime": spec.get("acquireTime") or moment,
                "renewTime": moment,
                "leaseTransitions": spec.get("leaseTransitions", 0),
            },
        }
