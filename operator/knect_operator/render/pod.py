"""The pod that worker, receiver and Jobs share: restricted, without a token, with its mounts.

Must not: leave anything to a default that Pod Security *restricted* would refuse.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from knect.api.delivery import Placement
from knect.api.names import LEDGER_SECRET, LEDGER_SECRET_KEY
from knect.api.worker import WorkerConnection
from knect_operator.render.names import label_value, short
from knect_operator.settings import WorkerSettings

__all__ = [
    "DOCUMENT_FILE",
    "LEDGER_FILE",
    "LIVENESS",
    "PORT",
    "Object",
    "object_labels",
    "pod_template",
    "probe",
    "secret_dir",
]

Object = dict[str, Any]

PORT = 8080
_USER = 65532
_DOCUMENT_DIR = "/etc/knect/worker"
_LEDGER_DIR = "/etc/knect/ledger"
DOCUMENT_FILE = f"{_DOCUMENT_DIR}/worker.json"
LEDGER_FILE = f"{_LEDGER_DIR}/{LEDGER_SECRET_KEY}"


def secret_dir(connection: str) -> str:
    """Return where a Connection's Secret is mounted."""
    return f"/etc/knect/secrets/{connection}"


def probe(path: str, **times: int) -> Object:
    """Return an HTTP probe."""
    return {"httpGet": {"path": path, "port": "http"}, **times}


#: Who does not answer cannot end in good order either, and is not given the pod's whole grace.
LIVENESS = probe(
    "/healthz",
    periodSeconds=10,
    timeoutSeconds=5,
    failureThreshold=4,
    terminationGracePeriodSeconds=10,
)


def pod_template(
    *,
    arguments: Sequence[str],
    config_map: str,
    connections: Iterable[WorkerConnection],
    settings: WorkerSettings,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    placement: Placement | None = None,
    probes: Mapping[str, Object] | None = None,
    lifecycle: Object | None = None,
    restart: str = "Always",
    service_account: str,
) -> Object:
    """Return a pod template."""
    placement = placement or Placement()
    volumes, mounts = _volumes(config_map, connections)
    container: Object = {
        "name": "knect",
        "image": placement.image or settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": list(arguments),
        "env": _environment(settings),
        "resources": _resources(placement, settings),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    if probes:
        container |= {"ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]}
        container |= dict(probes)
    if lifecycle:
        container["lifecycle"] = lifecycle
    spec: Object = {
        "automountServiceAccountToken": False,
        "serviceAccountName": service_account,
        "enableServiceLinks": False,
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": int(settings.grace.seconds),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
    spec |= _placed(placement, settings)
    metadata: Object = {"labels": {**settings.pod_labels, **labels}}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"metadata": metadata, "spec": spec}


def _environment(settings: WorkerSettings) -> list[Object]:
    fixed = {"TMPDIR": "/tmp", **settings.env}  # noqa: S108 - the pod's own emptyDir
    named = {
        "KNECT_WORKER_NAME": "metadata.name",
        "KNECT_POD_NAMESPACE": "metadata.namespace",
    }
    plain = [{"name": name, "value": value} for name, value in sorted(fixed.items())]
    return plain + [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in named.items()
    ]


def _resources(placement: Placement, settings: WorkerSettings) -> Object:
    """Return the pipeline's figures over the chart's, kind by kind."""
    return {
        "requests": {**settings.resources.requests, **placement.resources.requests},
        "limits": {**settings.resources.limits, **placement.resources.limits},
    }


def _volumes(
    config_map: str, connections: Iterable[WorkerConnection]
) -> tuple[list[Object], list[Object]]:
    """Mount the document, the ledger's address and each Connection's Secret, as files.

    Optional, all of them: a Secret that is deleted later must not keep a pod from starting, which
    then says what is missing.
    """
    volumes: list[Object] = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "document", "configMap": {"name": config_map}},
        {"name": "ledger", "secret": {"secretName": LEDGER_SECRET, "optional": True}},
    ]
    mounts: list[Object] = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own emptyDir
        {"name": "document", "mountPath": _DOCUMENT_DIR, "readOnly": True},
        {"name": "ledger", "mountPath": _LEDGER_DIR, "readOnly": True},
    ]
    for connection in connections:
        credentials = connection.spec.credentials
        if credentials is None:
            continue
        name = short(connection.name, "secret")
        secret = {"secretName": credentials.secret_ref.name, "optional": True}
        volumes.append({"name": name, "secret": secret})
        mounts.append({"name": name, "mountPath": secret_dir(connection.name), "readOnly": True})
    return volumes, mounts


def _placed(placement: Placement, settings: WorkerSettings) -> Object:
    """Return what decides where a pod runs; only what somebody asked for."""
    spread = placement.topology_spread_constraints or settings.topology_spread_constraints
    priority = placement.priority_class_name or settings.priority_class_name
    wanted: Object = {
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [
            one.model_dump(mode="json", by_alias=True, exclude_none=True)
            for one in placement.tolerations
        ],
        "topologySpreadConstraints": [dict(one) for one in spread],
        "priorityClassName": priority,
    }
    return {key: value for key, value in wanted.items() if value}


def object_labels(component: str, unit: str) -> Object:
    """Return the labels by which children are found and pruned."""
    return {
        "app.kubernetes.io/name": "knect",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": label_value(unit),
        "app.kubernetes.io/managed-by": "knect-operator",
    }
