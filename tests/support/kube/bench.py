"""An operator on a bench: API server in memory, workers that answer what a test tells them.

Must not: wait for real time; `settle` looks at every key until nobody wants another look soon.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.kube.answers import GOOD, an_answer
from tests.support.kube.memory import MemoryKube
from tests.support.kube.objects import a_pod

from knect.api.catalog import Catalog
from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect.api.report import WorkerReport
from knect.api.worker import WorkerDocument
from knect_operator.app import Operator
from knect_operator.checking import Checker
from knect_operator.controllers import ConnectionKey, UnitKey, World
from knect_operator.controllers.wakes import all_keys
from knect_operator.metrics import Metrics
from knect_operator.recorder import Recorder
from knect_operator.reports import Reports, WorkerSilent
from knect_operator.settings import OperatorSettings
from knect_operator.store import Store
from knect_operator.tracing import ReconcileTraces

__all__ = ["Bench", "FakeWorkers", "failing_at"]

_START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class FakeWorkers:
    """Answers for each pod address; by default a worker that runs what its ConfigMap says."""

    def __init__(self, kube: MemoryKube) -> None:
        self._kube = kube
        self.silent = False
        self.wishes: list[tuple[str, str]] = []
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.connections: dict[str, dict[str, Any]] = {}
        self.ledger = GOOD
        #: Worker -> the document it still runs, whatever its ConfigMap says by now.
        self.runs: dict[str, str] = {}

    async def status(self, address: str) -> WorkerReport:
        if self.silent:
            raise WorkerSilent("its /status does not answer (TimeoutError)")
        unit = next(
            pod["metadata"]["labels"]["app.kubernetes.io/instance"]
            for pod in self._kube.of("Pod").values()
            if f"{pod['status']['podIP']}:8080" == address
        )
        text = self.runs.get(unit) or self._kube.of("ConfigMap")[unit]["data"]["worker.json"]
        return an_answer(
            WorkerDocument.from_json(text),
            text,
            started=_START,
            connections=self.connections,
            pipelines=self.pipelines,
            ledger=self.ledger,
        )

    async def run_now(self, address: str, pipeline: str, token: str) -> None:
        self.wishes.append((pipeline, token))
        self.pipelines.setdefault(pipeline, {})["requested_at"] = token


class Bench:
    """`pods=True`: Deployments get a running pod at once, as a kubelet would."""

    def __init__(self, *documents: dict[str, Any], pods: bool = True, **settings: Any) -> None:
        self.kube = MemoryKube()
        for document in documents:
            self.kube.put(document)
        self.workers = FakeWorkers(self.kube)
        self.settings = OperatorSettings(**settings)
        self.now = _START
        self._pods = pods
        self.restart()

    def restart(self) -> None:
        """Forget everything but what the API server knows, as a new operator process would."""
        store = Store()
        self.world = World(
            kube=self.kube,
            store=store,
            checker=Checker(store, Catalog.installed()),
            reports=Reports(self.workers),
            recorder=Recorder(
                self.kube, instance="test", now=lambda: self.now, monotonic=self._seconds
            ),
            settings=self.settings,
            now=lambda: self.now,
            monotonic=self._seconds,
        )
        self.operator = Operator(self.world, Metrics(), ReconcileTraces())

    def _seconds(self) -> float:
        return (self.now - _START).total_seconds()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def observe(self) -> None:
        """Tell the store what the API server says, and let Deployments come up."""
        if self._pods:
            for name, deployment in self.kube.of("Deployment").items():
                self._come_up(name, deployment)
        await self.operator.resync.list_all()

    def _come_up(self, name: str, deployment: dict[str, Any]) -> None:
        metadata = deployment["metadata"]
        if f"{name}-x1" not in self.kube.of("Pod"):
            component = metadata["labels"]["app.kubernetes.io/component"]
            address = f"127.0.1.{len(self.kube.of('Pod')) + 1}"
            namespace = metadata["namespace"]
            pod = a_pod(name, namespace=namespace, component=component, ip=address)
            pod["metadata"]["ownerReferences"] = [{"uid": metadata["uid"]}]
            self.kube.put(pod)
        wanted = deployment["spec"]["replicas"]
        deployment["status"] = {
            "observedGeneration": metadata["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "availableReplicas": wanted,
        }

    async def look(self, *keys: ConnectionKey | UnitKey) -> None:
        """Reconcile these keys, or all there are, once."""
        for key in keys or sorted(set(all_keys(self.world.store))):
            await self.operator._reconcile(key)

    async def settle(self, *, rounds: int = 4) -> None:
        for _ in range(rounds):
            await self.observe()
            await self.look()
        await self.observe()

    def ready(self, name: str, kind: str = SYNC_PIPELINE_KIND) -> tuple[str, str]:
        """Return status and reason of Ready."""
        one = self.condition(name, "Ready", kind)
        return one["status"], one["reason"]

    def condition(self, name: str, type_: str, kind: str = SYNC_PIPELINE_KIND) -> dict[str, Any]:
        conditions = self.kube.of(kind)[name]["status"]["conditions"]
        return next((one for one in conditions if one["type"] == type_), {})

    def connection_ready(self, name: str) -> tuple[str, str]:
        return self.ready(name, CONNECTION_KIND)


def failing_at(number: int, error: Callable[[], Exception]) -> Callable[[str, str, str], None]:
    """Return a fault that raises at the n-th write."""
    left = iter(range(number))

    def fault(verb: str, _kind: str, _name: str) -> None:
        if verb in {"get", "list"}:
            return
        if next(left, None) is None:
            raise error()

    return fault
