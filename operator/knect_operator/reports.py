"""What workers last said of themselves, asked over HTTP on their pods' addresses.

Why asked and not told: a worker has no right to speak to the API server, and needs none.
Must not: be on the data path; a worker that is never asked works all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from pydantic import ValidationError

from knect.api.report import ConnectionReport, WorkerReport
from knect_operator.store import Key

__all__ = ["HttpWorkers", "Reports", "WorkerSilent", "Workers"]

_DEADLINE = aiohttp.ClientTimeout(total=5.0)
_BODY_LIMIT = 4 * 1024 * 1024


class WorkerSilent(Exception):
    """A worker did not answer; the text says how."""


class Workers(Protocol):
    """How workers are spoken to. `address` is host:port. Both raise WorkerSilent."""

    async def status(self, address: str) -> WorkerReport:
        """Return what the worker says of itself."""
        ...

    async def run_now(self, address: str, pipeline: str, token: str) -> None:
        """Ask a pipeline to read now."""
        ...


class HttpWorkers:
    """Workers over plain HTTP inside the cluster; a NetworkPolicy admits only the operator."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def status(self, address: str) -> WorkerReport:
        """Return what the worker says of itself."""
        try:
            async with self._session.get(f"http://{address}/status", timeout=_DEADLINE) as answer:
                if answer.status != 200:
                    raise WorkerSilent(f"its /status answers {answer.status}")
                body = bytearray()
                async for piece in answer.content.iter_any():
                    body += piece
                    if len(body) > _BODY_LIMIT:
                        raise WorkerSilent("its /status is larger than 4 MiB")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise WorkerSilent(f"its /status does not answer ({type(error).__name__})") from None
        try:
            return WorkerReport.from_json(bytes(body))
        except ValidationError:
            raise WorkerSilent(
                "its /status cannot be read; worker and operator are of different versions"
            ) from None

    async def run_now(self, address: str, pipeline: str, token: str) -> None:
        """Ask a pipeline to read now."""
        body = {"pipeline": pipeline, "token": token}
        try:
            async with self._session.post(
                f"http://{address}/run-now", json=body, timeout=_DEADLINE
            ) as answer:
                if answer.status >= 300:
                    raise WorkerSilent(f"its /run-now answers {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise WorkerSilent(f"its /run-now does not answer ({type(error).__name__})") from None


@dataclass(slots=True)
class _Known:
    report: WorkerReport | None = None
    silent_since: float | None = None
    why: str = ""


class Reports:
    """The last report of each unit, and since when there is none."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._units: dict[Key, _Known] = {}

    async def ask(
        self, unit: Key, pods: Sequence[Mapping[str, Any]], port: int, now: float
    ) -> None:
        """Ask the pods of a unit, ready ones first; keep the first answer."""
        known = self._units.setdefault(unit, _Known())
        running = [pod for pod in pods if _address(pod)]
        if not running:
            known.report, known.silent_since, known.why = None, None, "no pod runs yet"
            return
        for pod in sorted(running, key=_rank):
            try:
                known.report = await self._workers.status(f"{_address(pod)}:{port}")
            except WorkerSilent as error:
                known.why = f"pod {pod['metadata']['name']}: {error}"
            else:
                known.silent_since, known.why = None, ""
                return
        known.report = None
        known.silent_since = known.silent_since if known.silent_since is not None else now

    async def run_now(
        self, pods: Sequence[Mapping[str, Any]], port: int, pipeline: str, token: str
    ) -> None:
        """Pass a wish on to each pod that runs; one that does not hear is asked again later."""
        for pod in pods:
            if _address(pod):
                try:
                    await self._workers.run_now(f"{_address(pod)}:{port}", pipeline, token)
                except WorkerSilent:
                    continue

    def of(self, unit: Key) -> WorkerReport | None:
        """Return the last report of a unit, None if its worker does not answer."""
        known = self._units.get(unit)
        return known.report if known else None

    def silence(self, unit: Key, now: float) -> tuple[str, float]:
        """Return why there is no report and for how many seconds; ("", 0) if there is one."""
        known = self._units.get(unit)
        if known is None or known.report is not None:
            return "", 0.0
        since = known.silent_since
        return known.why, now - since if since is not None else 0.0

    def forget(self, unit: Key) -> None:
        """Drop a unit that is gone."""
        self._units.pop(unit, None)

    def checks(self, units: Sequence[Key], connection: Key) -> list[ConnectionReport]:
        """Return the checks of a Connection by the workers that use it, of whatever generation."""
        return [
            one
            for unit in units
            if (report := self.of(unit)) is not None
            and (one := report.connection(*connection)) is not None
            and one.checked is not None
        ]


def _address(pod: Mapping[str, Any]) -> str:
    """Return the address of a pod that can be spoken to, else nothing."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") != "Running":
        return ""
    host = str(status.get("podIP") or "")
    return f"[{host}]" if ":" in host else host


def _rank(pod: Mapping[str, Any]) -> tuple[bool, str]:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return not ready, str(pod["metadata"].get("creationTimestamp", ""))
