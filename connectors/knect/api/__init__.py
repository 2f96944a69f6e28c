"""The language of documents: what people declare, what a connector promises, what a worker is told.

Why: operator, engine, CLI and console agree on these shapes and on nothing else.
Must not: import the engine, the SDK or a connector; only pydantic, PyYAML, cronsim and jsonschema.
Names are loaded when first used, so that `knect --help` pays for none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knect.api.catalog import BadManifest, Catalog, InstalledConnector
    from knect.api.connection import Connection, ConnectionSpec, ConnectionStatus
    from knect.api.fields import Duration, SecretText, StartPoint
    from knect.api.manifest import Manifest, Once
    from knect.api.metadata import Condition, ObjectMeta
    from knect.api.native import ConfigMap, Secret
    from knect.api.pipeline import SyncPipeline, SyncPipelineSpec, SyncPipelineStatus
    from knect.api.reasons import ConditionReason, ConditionType, Reason
    from knect.api.worker import (
        WorkerConfig,
        WorkerConnection,
        WorkerDocument,
        WorkerPipeline,
    )

_HOMES = {
    "BadManifest": "catalog",
    "Catalog": "catalog",
    "Condition": "metadata",
    "ConditionReason": "reasons",
    "ConditionType": "reasons",
    "ConfigMap": "native",
    "Connection": "connection",
    "ConnectionSpec": "connection",
    "ConnectionStatus": "connection",
    "Duration": "fields",
    "InstalledConnector": "catalog",
    "Manifest": "manifest",
    "ObjectMeta": "metadata",
    "Once": "manifest",
    "Reason": "reasons",
    "Secret": "native",
    "SecretText": "fields",
    "StartPoint": "fields",
    "SyncPipeline": "pipeline",
    "SyncPipelineSpec": "pipeline",
    "SyncPipelineStatus": "pipeline",
    "WorkerConfig": "worker",
    "WorkerConnection": "worker",
    "WorkerDocument": "worker",
    "WorkerPipeline": "worker",
}

__all__ = [
    "BadManifest",
    "Catalog",
    "Condition",
    "ConditionReason",
    "ConditionType",
    "ConfigMap",
    "Connection",
    "ConnectionSpec",
    "ConnectionStatus",
    "Duration",
    "InstalledConnector",
    "Manifest",
    "ObjectMeta",
    "Once",
    "Reason",
    "Secret",
    "SecretText",
    "StartPoint",
    "SyncPipeline",
    "SyncPipelineSpec",
    "SyncPipelineStatus",
    "WorkerConfig",
    "WorkerConnection",
    "WorkerDocument",
    "WorkerPipeline",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
