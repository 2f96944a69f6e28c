"""A worker: Deployment, ConfigMap with its document, ServiceAccount, NetworkPolicy.

Must not: ask for a token, or hold a secret: the document names folders, the kubelet fills them.
"""

from dataclasses import dataclass

from knect.api.connection import Connection
from knect.api.delivery import Placement
from knect.api.fields import Duration
from knect.api.names import (
    ANNOTATION_DOCUMENT,
    CONNECTION_KIND,
    LABEL_COMPONENT,
    SYNC_PIPELINE_KIND,
)
from knect.api.pipeline import SyncPipeline
from knect.api.worker import WorkerConfig, WorkerConnection, WorkerDocument, WorkerPipeline
from knect_operator.render.network import policy_spec
from knect_operator.render.owned import child, owner
from knect_operator.render.pod import (
    DOCUMENT_FILE,
    LEDGER_FILE,
    LIVENESS,
    PORT,
    Object,
    object_labels,
    pod_template,
    probe,
    secret_dir,
)
from knect_operator.settings import OperatorSettings

__all__ = [
    "Unit",
    "connection_owner",
    "document_of",
    "pipeline_owner",
    "placed_by_another",
    "render_worker",
    "worker_connection",
]

#: Left of the pod's grace for a last flush of telemetry.
_AFTER_DRAIN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Unit:
    """A worker to be: its pipelines in force, their Connections, their tables.

    `tables` is pipeline -> table -> value -> translation, `ports` where the Connections' systems
    listen. All are of one namespace; the first pipeline in the order of names places the pod.
    """

    namespace: str
    name: str
    pipelines: tuple[SyncPipeline, ...]
    connections: tuple[Connection, ...]
    tables: dict[str, dict[str, dict[str, str]]]
    ports: frozenset[int]

    @property
    def placement(self) -> Placement:
        """Return where the pod runs."""
        return self.pipelines[0].spec.worker


def worker_connection(connection: Connection) -> WorkerConnection:
    """Return a Connection as a worker is told of it."""
    name = connection.metadata.name
    return WorkerConnection(
        namespace=connection.metadata.namespace,
        name=name,
        uid=connection.metadata.uid,
        generation=connection.metadata.generation,
        spec=connection.spec,
        secret_dir=secret_dir(name) if connection.spec.credentials else None,
    )


def document_of(unit: Unit, settings: OperatorSettings) -> WorkerDocument:
    """Return what the worker of a unit is told; the same unit always gives the same text."""
    worker = settings.worker
    drain = max(5, int(worker.grace.seconds) - _AFTER_DRAIN_SECONDS)
    return WorkerDocument(
        pipelines=tuple(
            WorkerPipeline(
                namespace=unit.namespace,
                name=pipeline.name,
                generation=pipeline.metadata.generation,
                # where it runs is the pod's, and nothing a worker reads
                spec=pipeline.spec.model_copy(update={"worker": Placement()}),
                value_maps=unit.tables.get(pipeline.name, {}),
            )
            for pipeline in sorted(unit.pipelines, key=lambda one: one.name)
        ),
        connections=tuple(
            worker_connection(one) for one in sorted(unit.connections, key=lambda one: one.name)
        ),
        config=WorkerConfig(
            ledger_file=LEDGER_FILE,
            egress_allow=worker.egress_allow,
            listen=f"0.0.0.0:{PORT}",
            lease=worker.lease,
            drain=Duration(f"{drain}s"),
            retention=worker.retention,
            receive=False,
        ),
    )


def render_worker(unit: Unit, settings: OperatorSettings) -> list[Object]:
    """Return the objects of a worker, in the order they are applied."""
    labels = object_labels("worker", unit.name)
    owners = [
        # no controller: a group belongs to all its pipelines, and goes with the last of them
        pipeline_owner(one, controller=len(unit.pipelines) == 1)
        for one in unit.pipelines
    ]
    text = document_of(unit, settings).to_json()

    def make(version: str, kind: str, body: Object) -> Object:
        return child(
            version,
            kind,
            unit.name,
            namespace=unit.namespace,
            labels=labels,
            owners=owners,
            body=body,
        )

    template = pod_template(
        arguments=["worker", "--document", DOCUMENT_FILE],
        config_map=unit.name,
        connections=[worker_connection(one) for one in unit.connections],
        settings=settings.worker,
        labels=labels,
        annotations={ANNOTATION_DOCUMENT: WorkerDocument.content(text)},
        placement=unit.placement,
        service_account=unit.name,
        probes={
            "startupProbe": probe("/healthz", periodSeconds=2, failureThreshold=60),
            "livenessProbe": LIVENESS,
            "readinessProbe": probe(
                "/readyz", periodSeconds=10, timeoutSeconds=5, failureThreshold=3
            ),
        },
    )
    deployment = {
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 2,
            # two would be safe, the ledger's leases see to it; one after the other is cheaper
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": template,
        }
    }
    objects = [
        make("v1", "ServiceAccount", {"automountServiceAccountToken": False}),
        make("v1", "ConfigMap", {"data": {"worker.json": text}}),
    ]
    if settings.worker.network_policy:
        # of its Jobs, too: where a namespace lets nothing out, they have as much to do as it has
        family = {key: one for key, one in labels.items() if key != LABEL_COMPONENT}
        body = {"spec": policy_spec(family, settings, ports=unit.ports)}
        objects.append(make("networking.k8s.io/v1", "NetworkPolicy", body))
    objects.append(make("apps/v1", "Deployment", deployment))
    return objects


def placed_by_another(pipeline: SyncPipeline, unit: Unit) -> str:
    """Return what of a pipeline's placement has no effect in its group; nothing if all has."""
    first = unit.pipelines[0]
    if pipeline.name == first.name:
        return ""
    asked = pipeline.spec.worker.model_dump(by_alias=True, exclude_defaults=True)
    given = first.spec.worker.model_dump(by_alias=True, exclude_defaults=True)
    lost = [f"spec.worker.{name}" for name, one in asked.items() if given.get(name) != one]
    if not lost:
        return ""
    return (
        f"{', '.join(lost)} has no effect: the pipelines of a group share a pod, and pipeline "
        f"{first.name}, the first by name, places it; say it there, or leave the group"
    )


def pipeline_owner(pipeline: SyncPipeline, *, controller: bool) -> Object:
    """Return the owner reference of what belongs to a pipeline."""
    return owner(SYNC_PIPELINE_KIND, pipeline.metadata, controller=controller)


def connection_owner(connection: Connection) -> Object:
    """Return the owner reference of what belongs to one Connection."""
    return owner(CONNECTION_KIND, connection.metadata, controller=True)
