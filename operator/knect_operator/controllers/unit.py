"""A worker and its pipelines: what may run, what runs, and what each pipeline's status says.

Must not: start anything for a pipeline that is held; zero requests reach a remote for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knect.api.names import LEDGER_SECRET, SYNC_PIPELINE_KIND
from knect.api.report import WorkerReport
from knect_operator.controllers.deleting import deleting_status, is_deleting
from knect_operator.controllers.handsoff import hands_off_status, is_hands_off
from knect_operator.controllers.keys import UnitKey
from knect_operator.controllers.member import Member, read_member
from knect_operator.controllers.outcome import Outcome
from knect_operator.controllers.rollout import say_why
from knect_operator.controllers.tokens import token_trouble
from knect_operator.controllers.wishes import failed_wishes, fulfilled_wishes, unfulfilled
from knect_operator.controllers.world import World
from knect_operator.kube import Conflict, Forbidden, KubeError, Object, Refused
from knect_operator.render import (
    Unit,
    Wish,
    document_of,
    placed_by_another,
    render_wishes,
    render_worker,
)
from knect_operator.render.pod import PORT
from knect_operator.status import (
    PipelineFacts,
    WorkloadFacts,
    pipeline_status,
)

__all__ = ["UnitController"]

#: A worker that does not answer for this long is not only starting.
_SILENT_SECONDS = 45.0
_SOON_SECONDS = 3.0
_REFUSED_SECONDS = 60.0


@dataclass(slots=True)
class UnitController:
    """Reconciles one worker and the statuses of all its pipelines."""

    world: World

    async def reconcile(self, key: UnitKey) -> Outcome:
        """Bring a unit to what is declared. Raises KubeError when the API server is away."""
        world = self.world
        outcome = Outcome(SYNC_PIPELINE_KIND, *key)
        documents = self._documents(key)
        if any(map(is_hands_off, documents)):
            return await self._keep_away(documents, outcome)
        unseen = await world.look_up("Secret", self._secrets(key, documents))
        unseen = min(unseen, await world.look_up("ConfigMap", self._tables(key, documents)))
        running = world.store.has("Deployment", key)
        members = [read_member(world, document, running=running) for document in documents]
        unit = self._unit(key, members)
        wishes: Sequence[Wish] = render_wishes(unit, world.settings) if unit else ()
        wishes = unfulfilled(world.store, documents, wishes)
        error, not_made = await self._bring(key, unit, wishes, outcome, running=running)
        if error is None:
            outcome.wrote_status += await self._say_deleted(key, others=bool(documents))
        report = await self._ask(key, unit, members)
        for member in members:
            facts = self._facts(key, member, unit, report, error)
            facts = replace(
                facts,
                failed_jobs=list(failed_wishes(world.store, key, member.name, wishes, not_made)),
                fulfilled=fulfilled_wishes(world.store, member.document),
            )
            status = pipeline_status(facts, world.now())
            outcome.wrote_status += await world.write_status(member.document, status)
            placed = placed_by_another(member.to_run, unit) if unit and member.runs else ""
            await world.warn(member.document, token_trouble(member.document), placed)
        if not documents:
            world.reports.forget(key)
            return outcome
        if error is not None:
            return outcome.again(_REFUSED_SECONDS)
        if unit is None:
            return outcome.again(min(unseen, world.settings.resync.seconds))
        _, silent = world.reports.silence(key, world.monotonic())
        settling = report is None and silent < _SILENT_SECONDS
        return outcome.again(_SOON_SECONDS if settling else world.settings.observe_every.seconds)

    def _documents(self, key: UnitKey) -> list[Object]:
        store = self.world.store
        found = (store.get(SYNC_PIPELINE_KIND, one) for one in store.units.keys_of(key))
        return [one for one in found if one is not None and not is_deleting(one)]

    async def _say_deleted(self, key: UnitKey, *, others: bool) -> int:
        """Say of those that are deleted and still there that nothing is done for them."""
        world, written = self.world, 0
        effect = f"worker {key.unit} works without it" if others else "its worker was stopped"
        for one in world.store.units.keys_of(key):
            document = world.store.get(SYNC_PIPELINE_KIND, one)
            if document is not None and is_deleting(document):
                status = deleting_status(document, effect, world.now())
                written += await world.write_status(document, status)
        return written

    async def _keep_away(self, documents: Sequence[Object], outcome: Outcome) -> Outcome:
        """Stay away from the whole worker: its pipelines share what runs."""
        off = [str(one["metadata"]["name"]) for one in documents if is_hands_off(one)]
        for document in documents:
            status = hands_off_status(document, self.world.now(), others=off, flows=True)
            outcome.wrote_status += await self.world.write_status(document, status)
        return outcome.again(self.world.settings.resync.seconds)

    def _secrets(self, key: UnitKey, documents: Sequence[Object]) -> list[tuple[str, str]]:
        names = {LEDGER_SECRET} if documents else set()
        for document in documents:
            for side in ("source", "destination"):
                end = ((document.get("spec") or {}).get(side) or {}).get("connectionRef") or {}
                connection = self.world.store.get(
                    "Connection", (key.namespace, str(end.get("name")))
                )
                credentials = ((connection or {}).get("spec") or {}).get("credentials") or {}
                names.add(str((credentials.get("secretRef") or {}).get("name") or LEDGER_SECRET))
        return [(key.namespace, name) for name in names]

    def _tables(self, key: UnitKey, documents: Sequence[Object]) -> list[tuple[str, str]]:
        names = set()
        for document in documents:
            mapping = (document.get("spec") or {}).get("mapping") or {}
            for table in mapping.get("valueMaps") or ():
                names.add(str((table.get("configMapRef") or {}).get("name")))
        return [(key.namespace, name) for name in names]

    def _unit(self, key: UnitKey, members: Sequence[Member]) -> Unit | None:
        """Return what is to run, None if nothing is."""
        running = self.world.store.has("Deployment", key)
        able = [one for one in members if one.runs]
        if not able or not (running or self.world.has_ledger(key.namespace)):
            return None
        connections = {
            connection.metadata.name: connection for one in able for connection in one.connections
        }
        return Unit(
            namespace=key.namespace,
            name=key.unit,
            pipelines=tuple(one.to_run for one in sorted(able, key=lambda one: one.name)),
            connections=tuple(connections[name] for name in sorted(connections)),
            tables={one.name: self.world.checker.tables_of(one.to_run) for one in able},
            ports=frozenset().union(*map(self.world.checker.ports_of, connections.values())),
        )

    async def _bring(
        self,
        key: UnitKey,
        unit: Unit | None,
        wishes: Sequence[Wish],
        outcome: Outcome,
        *,
        running: bool,
    ) -> tuple[KubeError | None, Mapping[str, KubeError]]:
        """Apply and prune; return what kept us from it, and which Jobs were not made."""
        wanted: list[Object] = []
        if unit is not None:
            wanted += render_worker(unit, self.world.settings)
            say_why(self.world.store, key, wanted, self.world.now())
            wanted += [one.job for one in wishes if one.job is not None]
        elif not running and not self.world.store.members_of(*key):
            return None, {}
        try:
            changes = await self.world.children.bring(
                key.namespace, key.unit, wanted, components=("worker", "job")
            )
        except (Conflict, Forbidden, Refused) as error:
            return error, {}
        outcome.add(changes)
        return None, changes.not_made

    async def _ask(
        self, key: UnitKey, unit: Unit | None, members: Sequence[Member]
    ) -> WorkerReport | None:
        """Ask the worker how it is; pass on who wants a read now."""
        world = self.world
        if unit is None:
            world.reports.forget(key)
            return None
        pods = [pod for pod in world.store.members_of(*key, "Pod") if _component(pod) == "worker"]
        before = world.reports.of(key)
        await world.reports.ask(key, pods, PORT, world.monotonic())
        report = world.reports.of(key)
        if _connections_said(before) != _connections_said(report):
            world.wake_connections(key.namespace, [one.metadata.name for one in unit.connections])
        text = document_of(unit, world.settings).to_json()
        if report is not None and not report.runs(text):
            return None  # the worker of before, on its way out
        for member in members if report is not None else ():
            token = member.requested_at
            said = report.pipeline(key.namespace, member.name) if report else None
            if token and member.runs and (said is None or said.requested_at != token):
                await world.reports.run_now(pods, PORT, member.name, token)
        return report

    def _facts(
        self,
        key: UnitKey,
        member: Member,
        unit: Unit | None,
        report: WorkerReport | None,
        error: KubeError | None,
    ) -> PipelineFacts:
        world = self.world
        workload = self._workload(key, error) if unit is not None else None
        why, seconds = world.reports.silence(key, world.monotonic())
        return PipelineFacts(
            in_force=report is not None or not world.may_work(key),
            generation=member.generation,
            suspended=member.suspended,
            before=member.document.get("status") or {},
            problems=member.problems,
            ends=member.ends,
            ledger_secret=world.has_ledger(key.namespace),
            worker=workload if member.runs else None,
            others=workload,
            ledger=report.ledger if report else None,
            # of another generation, perhaps: what differs is nothing that a worker reads
            report=report.pipeline(key.namespace, member.name) if report else None,
            silent=why,
            silent_for_good=seconds >= _SILENT_SECONDS,
        )

    def _workload(self, key: UnitKey, error: KubeError | None) -> WorkloadFacts:
        world = self.world
        # a Job's pod that cannot start says nothing of the worker
        pods = [pod for pod in world.store.members_of(*key, "Pod") if _component(pod) == "worker"]
        leases = (
            f"the leases it holds in the ledger run out within {world.settings.worker.lease} "
            "and whoever works then goes on with its work, without doubles; Knect removes no "
            "such pod, for it cannot know whether the machine still runs"
        )
        deployment = world.store.get("Deployment", key)
        return WorkloadFacts(key.unit, deployment, pods, error, leases, world.now())


def _component(document: Object) -> str:
    return str(document["metadata"]["labels"].get("app.kubernetes.io/component"))


def _connections_said(report: WorkerReport | None) -> Any:
    return report.connections if report else ()
