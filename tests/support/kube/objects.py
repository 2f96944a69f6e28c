"""Objects for tests of the operator: a shop, an ERP, a pipeline between them, and their pods.

Must not: hold anything but what the rule under test needs.
"""

import base64
from typing import Any

from knect.api.names import API_VERSION, LEDGER_SECRET, LEDGER_SECRET_KEY

__all__ = [
    "a_config_map",
    "a_connection",
    "a_ledger_secret",
    "a_pipeline",
    "a_pod",
    "a_secret",
    "a_shop",
    "an_erp",
]

Object = dict[str, Any]


def _meta(name: str, namespace: str, **more: Any) -> Object:
    return {"name": name, "namespace": namespace, **more}


def a_connection(
    name: str,
    connector: str,
    *,
    namespace: str = "default",
    secret: str | None = None,
    annotations: Object | None = None,
    **spec: Any,
) -> Object:
    if secret:
        spec["credentials"] = {"secretRef": {"name": secret}}
    return {
        "apiVersion": API_VERSION,
        "kind": "Connection",
        "metadata": _meta(name, namespace, annotations=annotations or {}),
        "spec": {"connector": connector, **spec},
    }


def a_shop(name: str = "acme-shop", **spec: Any) -> Object:
    config = {"shop": "acme.myshopify.com", "apiVersion": "2026-07"}
    return a_connection(name, "shopify", **{"secret": "shop", "config": config, **spec})


def an_erp(name: str = "acme-erp", **spec: Any) -> Object:
    return a_connection(
        name,
        "tryton",
        **{
            "secret": "erp",
            "role": "Hub",
            "config": {"url": "http://erp.example.com", "database": "acme", "webShop": "web"},
            **spec,
        },
    )


def a_pipeline(
    name: str = "orders",
    *,
    namespace: str = "default",
    source: str = "acme-shop",
    destination: str = "acme-erp",
    annotations: Object | None = None,
    **spec: Any,
) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "SyncPipeline",
        "metadata": _meta(name, namespace, annotations=annotations or {}),
        "spec": {
            "entity": "orders",
            "source": {"connectionRef": {"name": source}, "start": "Now"},
            "destination": {"connectionRef": {"name": destination}},
            "trigger": {"poll": {"every": "1m"}},
            **spec,
        },
    }


def a_secret(
    name: str, *, namespace: str = "default", watched: bool = True, **values: str
) -> Object:
    labels = {"knect.dev/watch": "true"} if watched else {}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _meta(name, namespace, labels=labels),
        "data": data,
    }


def a_ledger_secret(namespace: str = "default") -> Object:
    dsn = {LEDGER_SECRET_KEY: "postgresql://knect:secret@postgres/knect"}
    return a_secret(LEDGER_SECRET, namespace=namespace, **dsn)


def a_config_map(name: str, *, namespace: str = "default", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta(name, namespace, labels={"knect.dev/watch": "true"}),
        "data": data,
    }


def a_pod(
    instance: str,
    *,
    namespace: str = "default",
    component: str = "worker",
    ip: str = "127.0.0.1",
    **status: Any,
) -> Object:
    """Return a running, ready pod, as a Deployment would have made it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(
            f"{instance}-x1",
            namespace,
            labels={
                "app.kubernetes.io/name": "knect",
                "app.kubernetes.io/component": component,
                "app.kubernetes.io/instance": instance,
                "app.kubernetes.io/managed-by": "knect-operator",
            },
        ),
        "status": {
            "phase": "Running",
            "podIP": ip,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "knect", "ready": True, "restartCount": 0}],
            **status,
        },
    }
