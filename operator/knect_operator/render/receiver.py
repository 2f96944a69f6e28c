"""A Connection's webhook receiver: two pods, Service, Ingress, disruption budget.

Why per Connection: an account has one address for its webhooks, whatever pipelines come and go.
Must not: stop when pipelines are suspended; what arrives is kept.
"""

from collections.abc import Iterable

from knect.api.connection import Connection
from knect.api.fields import Duration
from knect.api.names import ANNOTATION_DOCUMENT
from knect.api.worker import WorkerConfig, WorkerDocument
from knect_operator.render.names import ReceiverName
from knect_operator.render.network import policy_spec
from knect_operator.render.owned import child
from knect_operator.render.pod import (
    DOCUMENT_FILE,
    LEDGER_FILE,
    LIVENESS,
    PORT,
    Object,
    object_labels,
    pod_template,
    probe,
)
from knect_operator.render.worker import connection_owner, worker_connection
from knect_operator.settings import OperatorSettings

__all__ = ["receiver_document", "render_receiver"]

#: Endpoints are removed while a pod is already ending; until then it goes on answering.
_ENDPOINT_REMOVAL_SECONDS = 5


def receiver_document(connection: Connection, settings: OperatorSettings) -> WorkerDocument:
    """Return what a receiver is told: one Connection and no pipeline."""
    return WorkerDocument(
        pipelines=(),
        connections=(worker_connection(connection),),
        config=WorkerConfig(
            ledger_file=LEDGER_FILE,
            egress_allow=settings.worker.egress_allow,
            listen=f"0.0.0.0:{PORT}",
            drain=Duration("20s"),
        ),
    )


def render_receiver(
    connection: Connection, settings: OperatorSettings, *, ports: Iterable[int]
) -> list[Object]:
    """Return the objects of a receiver, in the order they are applied; none without webhooks.

    `ports` is where the Connection's system listens.
    """
    endpoint = connection.spec.webhooks
    if endpoint is None:
        return []
    name = ReceiverName.of(connection.name)
    labels = object_labels("receiver", name)
    text = receiver_document(connection, settings).to_json()

    def make(version: str, kind: str, body: Object) -> Object:
        return child(
            version,
            kind,
            name,
            namespace=connection.metadata.namespace,
            labels=labels,
            owners=[connection_owner(connection)],
            body=body,
        )

    template = pod_template(
        arguments=["receiver", "--document", DOCUMENT_FILE],
        config_map=name,
        connections=[worker_connection(connection)],
        settings=settings.worker,
        labels=labels,
        annotations={ANNOTATION_DOCUMENT: WorkerDocument.digest(text)},
        service_account=name,
        probes={
            "startupProbe": probe("/healthz", periodSeconds=2, failureThreshold=60),
            "livenessProbe": LIVENESS,
            "readinessProbe": probe(
                "/readyz", periodSeconds=5, timeoutSeconds=3, failureThreshold=2
            ),
        },
        lifecycle={"preStop": {"sleep": {"seconds": _ENDPOINT_REMOVAL_SECONDS}}},
    )
    deployment = {
        "spec": {
            "replicas": settings.worker.receiver_replicas,
            "revisionHistoryLimit": 2,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "selector": {"matchLabels": labels},
            "template": template,
        }
    }
    service = {
        "spec": {
            "selector": labels,
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        }
    }
    objects = [
        make("v1", "ServiceAccount", {"automountServiceAccountToken": False}),
        make("v1", "ConfigMap", {"data": {"worker.json": text}}),
        make("v1", "Service", service),
    ]
    if settings.worker.network_policy:
        body = {"spec": policy_spec(labels, settings, ports=ports, public_ingress=True)}
        objects.append(make("networking.k8s.io/v1", "NetworkPolicy", body))
    if settings.worker.receiver_replicas > 1:
        budget = {
            "spec": {
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": labels},
            }
        }
        objects.append(make("policy/v1", "PodDisruptionBudget", budget))
    objects.append(make("networking.k8s.io/v1", "Ingress", {"spec": _ingress(connection, name)}))
    objects.append(make("apps/v1", "Deployment", deployment))
    return objects


def _ingress(connection: Connection, service: str) -> Object:
    endpoint = connection.spec.webhooks
    assert endpoint is not None
    backend = {"service": {"name": service, "port": {"name": "http"}}}
    path = {"path": f"/webhooks/{connection.name}/", "pathType": "Prefix", "backend": backend}
    spec: Object = {"rules": [{"host": endpoint.host, "http": {"paths": [path]}}]}
    if endpoint.ingress_class_name:
        spec["ingressClassName"] = endpoint.ingress_class_name
    if endpoint.tls_secret_ref:
        spec["tls"] = [{"hosts": [endpoint.host], "secretName": endpoint.tls_secret_ref.name}]
    return spec
