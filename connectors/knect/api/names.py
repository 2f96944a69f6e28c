"""The words under which Knect is known to Kubernetes: group, kinds, labels, annotations.

Why: a label that is spelled twice is one day spelled two ways.
Must not: hold anything but names.
"""

__all__ = [
    "ANNOTATION_BACKFILL",
    "ANNOTATION_DOCUMENT",
    "ANNOTATION_RECONCILE",
    "ANNOTATION_RENDERED",
    "ANNOTATION_REPLAY",
    "ANNOTATION_REQUESTED_AT",
    "ANNOTATION_ROLLOUT",
    "API_VERSION",
    "CATEGORY",
    "CONNECTIONS",
    "CONNECTION_KIND",
    "CONNECTOR_ENTRY_POINTS",
    "FIELD_MANAGER",
    "FIELD_MANAGER_STATUS",
    "FINALIZER",
    "GROUP",
    "LABEL_COMPONENT",
    "LABEL_CONNECTION",
    "LABEL_GROUP",
    "LABEL_MANAGED_BY",
    "LABEL_NAME",
    "LABEL_PIPELINE",
    "LABEL_WATCH",
    "LEDGER_SECRET",
    "LEDGER_SECRET_KEY",
    "SYNC_PIPELINES",
    "SYNC_PIPELINE_KIND",
    "VERSION",
]

GROUP = "knect.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "knect"

CONNECTION_KIND = "Connection"
CONNECTIONS = "connections"
SYNC_PIPELINE_KIND = "SyncPipeline"
SYNC_PIPELINES = "syncpipelines"

#: Where connectors announce themselves to the catalog.
CONNECTOR_ENTRY_POINTS = "knect.connectors"

#: Names of server-side apply's owners; they never change.
FIELD_MANAGER = "knect-operator"
FIELD_MANAGER_STATUS = "knect-operator-status"
FINALIZER = f"{GROUP}/operator"

LABEL_NAME = "app.kubernetes.io/name"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_CONNECTION = f"{GROUP}/connection"
LABEL_GROUP = f"{GROUP}/worker-group"
LABEL_PIPELINE = f"{GROUP}/pipeline"
#: On a Secret: the operator watches it.
LABEL_WATCH = f"{GROUP}/watch"

#: A token; a new one means "now", and is echoed into `status.lastHandledReconcileAt`.
ANNOTATION_REQUESTED_AT = f"{GROUP}/requested-at"
#: On a SyncPipeline: a Job reads older history: SINCE or SINCE/UNTIL, RFC 3339.
ANNOTATION_BACKFILL = f"{GROUP}/backfill"
#: On a SyncPipeline: a Job delivers again: `because=REASON`, or `key=KEY`.
ANNOTATION_REPLAY = f"{GROUP}/replay"
#: On a pod template: the digest of the worker document, so that a changed one rolls the pod.
ANNOTATION_DOCUMENT = f"{GROUP}/document"
#: On a worker's Deployment: which change its last roll-out brings, and since when.
ANNOTATION_ROLLOUT = f"{GROUP}/rollout"
#: On every child: the digest of what the operator rendered; a field given up shows as a change.
ANNOTATION_RENDERED = f"{GROUP}/rendered"
#: `disabled`: hands off completely.
ANNOTATION_RECONCILE = f"{GROUP}/reconcile"

#: The Secret of the worker's own namespace that says where the ledger is.
LEDGER_SECRET = "knect-ledger"  # noqa: S105 - the name of a Secret, not a secret
LEDGER_SECRET_KEY = "dsn"  # noqa: S105 - the name of a key, not a secret
