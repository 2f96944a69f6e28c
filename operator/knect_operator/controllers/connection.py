"""A Connection: is it right, is its receiver there, what does the system say?

Must not: speak to the system; workers and check Jobs do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from knect.api.connection import Connection
from knect.api.documents import Problem
from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect.api.report import ConnectionReport
from knect_operator.controllers.deleting import deleting_status, is_deleting
from knect_operator.controllers.handsoff import hands_off_status, is_hands_off
from knect_operator.controllers.keys import ConnectionKey
from knect_operator.controllers.outcome import Outcome
from knect_operator.controllers.tokens import token_of, token_trouble
from knect_operator.controllers.world import World
from knect_operator.kube import Conflict, Forbidden, KubeError, Object, Refused
from knect_operator.render import ReceiverName, render_check, render_receiver
from knect_operator.render.names import unit_name
from knect_operator.status import (
    ConnectionFacts,
    WorkloadFacts,
    connection_status,
    failure_of,
)
from knect_operator.status.connection import SECRET_CODES

__all__ = ["ConnectionController"]

#: How often a Connection is checked that no pipeline uses; its own interval if that is longer.
_UNUSED_CHECK_SECONDS = 3600.0
_SOON_SECONDS = 5.0
#: A worker that has just started has a check under way.
_FIRST_CHECK_SECONDS = 60.0
#: A worker that has not answered for this long checks nothing any more.
_SILENT_SECONDS = 300.0

#: A check that failed is made again after this long; after its own interval if that is longer.
_AFTER_FAILURE_SECONDS = 300.0

_WHILE_DELETED = (
    "pipelines that use it are stopped, and a receiver stores webhooks until it is gone"
)

_REPORTS = TypeAdapter(list[ConnectionReport])


@dataclass(slots=True)
class _Tries:
    """How often the check of one token failed, and when last, if the next try is still to come."""

    token: str
    count: int = 0
    failed: float | None = None


@dataclass(slots=True)
class ConnectionController:
    """Reconciles one Connection."""

    world: World
    tries: dict[ConnectionKey, _Tries] = field(default_factory=dict)

    async def reconcile(self, key: ConnectionKey) -> Outcome:
        """Bring a Connection to what is declared. Raises KubeError when the API server is away."""
        world = self.world
        outcome = Outcome(CONNECTION_KIND, *key)
        document = world.store.get(CONNECTION_KIND, key)
        if document is None or is_deleting(document):
            self.tries.pop(key, None)
            if document is not None:
                status = deleting_status(document, _WHILE_DELETED, world.now())
                outcome.wrote_status = await world.write_status(document, status)
            return outcome  # its children are collected with it
        if is_hands_off(document):
            outcome.wrote_status = await world.write_status(
                document, hands_off_status(document, world.now())
            )
            return outcome.again(world.settings.resync.seconds)
        unseen = await self._look_up_secret(document, key)
        problems = world.checker.connection_problems(key)
        live = world.store.read(CONNECTION_KIND, key)
        connection = live.connection if live else None
        receiver, error, not_made = await self._bring(key, connection, problems, outcome)
        status = self._status(key, document, connection, problems, (receiver, error, not_made))
        outcome.wrote_status = await world.write_status(document, status)
        await world.warn(document, token_trouble(document))
        if error is not None or not_made is not None:
            return outcome.again(60.0)
        ready = any(
            one["type"] == "Ready" and one["status"] == "True" for one in status["conditions"]
        )
        open_ = not ready and not problems
        wait = _SOON_SECONDS if open_ else world.settings.resync.seconds
        return outcome.again(min(unseen, wait))

    async def _look_up_secret(self, document: Object, key: ConnectionKey) -> float:
        credentials = (document.get("spec") or {}).get("credentials") or {}
        name = (credentials.get("secretRef") or {}).get("name")
        return await self.world.look_up("Secret", [(key.namespace, name)] if name else [])

    async def _bring(
        self,
        key: ConnectionKey,
        connection: Connection | None,
        problems: list[Problem],
        outcome: Outcome,
    ) -> tuple[list[Object], KubeError | None, KubeError | None]:
        """Apply receiver and check; held back entirely while the document is not right.

        Returns the receiver, what kept us from it, and what from making a check.

        A receiver that runs outlives its Secret, so that one made anew in a moment costs nothing.
        """
        world, wanted = self.world, list[Object]()
        receiver: list[Object] = []
        runs = world.store.has("Deployment", (key.namespace, ReceiverName.of(key.connection)))
        able = all(runs and one.code in SECRET_CODES for one in problems)
        if connection is not None and able:
            ports = world.checker.ports_of(connection)
            receiver = render_receiver(connection, world.settings, ports=ports)
            wanted += receiver
            if not problems and not connection.spec.suspend:
                wanted += self._check(key, connection, ports)
        try:
            changes = await world.children.bring(
                key.namespace,
                ReceiverName.of(key.connection),
                wanted,
                components=("receiver", "check"),
            )
        except (Conflict, Forbidden, Refused) as error:
            return receiver, error, error
        outcome.add(changes)
        return receiver, None, next(iter(changes.not_made.values()), None)

    def _check(
        self, key: ConnectionKey, connection: Connection, ports: frozenset[int]
    ) -> list[Object]:
        """Return a check Job where no worker checks, or where somebody asks for one now."""
        world = self.world
        document = world.store.get(CONNECTION_KIND, key) or {"metadata": {}}
        asked = token_of(document)
        handled = (document.get("status") or {}).get("lastHandledReconcileAt")
        if self._used(key) and (not asked or asked == handled):
            return []
        every = max(_UNUSED_CHECK_SECONDS, connection.spec.check_interval.seconds)
        slot = int(world.now().timestamp() // every)
        secret = ""
        if connection.spec.credentials is not None:
            name = connection.spec.credentials.secret_ref.name
            found = world.store.get("Secret", (key.namespace, name))
            secret = str((found or {}).get("metadata", {}).get("resourceVersion", ""))
        token = self._attempt(key, f"{secret}/{slot}/{asked or ''}", connection)
        return render_check(connection, token, world.settings, ports=ports)

    def _attempt(self, key: ConnectionKey, token: str, connection: Connection) -> str:
        """Return the token of the check to be made: a new one some time after one that failed."""
        tries = self.tries.get(key)
        if tries is None or tries.token != token:
            tries = self.tries[key] = _Tries(token)
        pause = max(_AFTER_FAILURE_SECONDS, connection.spec.check_interval.seconds)
        if tries.failed is not None and self.world.monotonic() - tries.failed >= pause:
            tries.count, tries.failed = tries.count + 1, None
        return f"{token}/{tries.count}" if tries.count else token

    def _lost(self, key: ConnectionKey) -> str:
        """Return why the check that was due gave no answer; nothing if it did, or still may."""
        jobs = self.world.store.members_of(key.namespace, ReceiverName.of(key.connection), "Job")
        for job in jobs:
            failure = failure_of(job)
            if not failure:
                continue
            tries = self.tries.get(key)
            if tries is not None and tries.failed is None:
                tries.failed = self.world.monotonic()
            name = job["metadata"]["name"]
            return f"the check did not answer: {failure}; see kubectl describe job {name}"
        return ""

    def _used(self, key: ConnectionKey) -> bool:
        """Return whether a worker is there, or will be in a moment, that checks this Connection."""
        world = self.world
        for pipeline in world.store.users.keys_of((key.namespace, key.connection)):
            if not (world.store.get(SYNC_PIPELINE_KIND, pipeline) or {}).get("status"):
                return True  # its first look is still to come
        return any(self._checks(unit, key) for unit in self._units(key))

    def _checks(self, unit: tuple[str, str], key: ConnectionKey) -> bool:
        """Return whether a worker checks this Connection; one that only rests does not."""
        world = self.world
        if not world.store.has("Deployment", unit):
            return False
        report = world.reports.of(unit)
        if report is None:
            return world.reports.silence(unit, world.monotonic())[1] < _SILENT_SECONDS
        said = report.connection(*key)
        young = (world.now() - report.started).total_seconds() < _FIRST_CHECK_SECONDS
        return young or (said is not None and said.checked is not None)

    def _units(self, key: ConnectionKey) -> list[tuple[str, str]]:
        store = self.world.store
        units = set()
        for pipeline in store.users.keys_of((key.namespace, key.connection)):
            document = store.get(SYNC_PIPELINE_KIND, pipeline) or {}
            group = ((document.get("spec") or {}).get("worker") or {}).get("group")
            units.add((key.namespace, str(unit_name(pipeline[1], group))))
        return sorted(units)

    def _status(
        self,
        key: ConnectionKey,
        document: Object,
        connection: Connection | None,
        problems: list[Problem],
        receiver: tuple[list[Object], KubeError | None, KubeError | None],
    ) -> dict[str, Any]:
        world = self.world
        generation = document["metadata"].get("generation", 1)
        report = self._report(key, document["metadata"])
        name = ReceiverName.of(key.connection)
        pods = world.store.members_of(key.namespace, name, "Pod")
        workload = WorkloadFacts(
            name=name,
            deployment=world.store.get("Deployment", (key.namespace, name)),
            pods=[pod for pod in pods if _component(pod) == "receiver"],
            error=receiver[1],
            now=world.now(),
        )
        before = document.get("status") or {}
        asked = token_of(document)
        handled = before.get("lastHandledReconcileAt")
        if asked and asked != handled and self._answered(key):
            handled = asked
        facts = ConnectionFacts(
            generation=generation,
            suspended=bool(connection and connection.spec.suspend),
            before=before,
            problems=problems,
            receiver=workload if receiver[0] else None,
            report=report,
            unchecked=self._unchecked(key),
            lost="" if report else self._lost(key),
            error=receiver[2],
            requested_at=handled,
            not_in_force=self._not_in_force(key, document["metadata"]),
        )
        return connection_status(facts, world.now())

    def _not_in_force(self, key: ConnectionKey, metadata: Object) -> list[str]:
        """Return the workers that may go by an earlier state of a Connection."""
        world, found = self.world, list[str]()
        for unit in self._units(key):
            report = world.reports.of(unit)
            said = report.connection(*key) if report is not None else None
            current = said is not None and said.generation == metadata.get("generation", 1)
            if not current and world.may_work(unit):
                found.append(unit[1])
        return found

    def _report(self, key: ConnectionKey, metadata: Object) -> ConnectionReport | None:
        """Return the newest check of this very generation, by a worker or a Job."""
        found = [*self.world.reports.checks(self._units(key), key)]
        found += filter(None, (_left_behind(pod, key) for pod in self._check_pods(key)))
        generation, uid = metadata.get("generation", 1), metadata.get("uid")
        # a worker that was not told a uid says none
        current = [one for one in found if one.generation == generation and one.uid in (None, uid)]
        return max(current, key=lambda one: str(one.checked), default=None)

    def _check_pods(self, key: ConnectionKey) -> list[Object]:
        pods = self.world.store.members_of(key.namespace, ReceiverName.of(key.connection), "Pod")
        return [pod for pod in pods if _component(pod) == "check"]

    def _answered(self, key: ConnectionKey) -> bool:
        """Return whether the Job that somebody asked for has ended, one way or the other."""
        jobs = self.world.store.members_of(key.namespace, ReceiverName.of(key.connection), "Job")
        return bool(jobs) and all(_ended(job) for job in jobs)

    def _unchecked(self, key: ConnectionKey) -> str:
        """Return why there is no check, in the words of whoever should have made it."""
        for pod in self._check_pods(key):
            for state in (pod.get("status") or {}).get("containerStatuses") or ():
                waiting = (state.get("state") or {}).get("waiting") or {}
                if waiting.get("message"):
                    return f"the check cannot run: {waiting['message']}"
        for unit in self._units(key):
            why, _ = self.world.reports.silence(unit, self.world.monotonic())
            if why:
                return f"worker {unit[1]} has not checked it yet: {why}"
        return ""


def _component(document: Mapping[str, Any]) -> str:
    labels = document["metadata"].get("labels") or {}
    return str(labels.get("app.kubernetes.io/component", ""))


def _ended(job: Mapping[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(
        one.get("type") in {"Complete", "Failed"} and one.get("status") == "True"
        for one in conditions
    )


def _left_behind(pod: Mapping[str, Any], key: ConnectionKey) -> ConnectionReport | None:
    """Return the report a check's pod left in its termination message."""
    for state in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (state.get("state") or {}).get("terminated") or {}
        try:
            reports = _REPORTS.validate_json(ended.get("message") or "", extra="ignore")
        except ValidationError:
            continue
        for report in reports:
            if (report.namespace, report.name) == key:
                return report
    return None
