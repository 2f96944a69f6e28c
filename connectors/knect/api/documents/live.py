"""The checks of `knect validate` for objects that live in a cluster.

Why: what is admitted by the API server but cannot work is held with the very sentence that
`knect validate` would have said. Must not: have a rule of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from knect.api.connection import Connection
from knect.api.documents.bundle import Key
from knect.api.documents.connections import connection_problems
from knect.api.documents.ownership import ownership_problems
from knect.api.documents.pipelines import pipeline_problems
from knect.api.documents.problems import Problem
from knect.api.documents.reader import Loaded, read_document
from knect.api.documents.tree import Node, node_of
from knect.api.documents.world import CheckExpression, CheckField, World
from knect.api.fields import SecretText
from knect.api.manifest import Manifest
from knect.api.metadata import ObjectMeta
from knect.api.native import ConfigMap, Secret
from knect.api.pipeline import SyncPipeline

__all__ = ["LiveChecks", "LiveObject"]


class LiveObject:
    """An object as the API server gave it, read once: its model, or what is wrong with it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        kept = {key: value for key, value in document.items() if key != "status"}
        metadata = dict(document["metadata"])
        # written by others, large, and of no use here
        for name in ("managedFields", "ownerReferences", "finalizers"):
            metadata.pop(name, None)
        kept["metadata"] = metadata
        name = f"{document['kind']} {metadata.get('namespace', 'default')}/{metadata['name']}"
        self.loaded, self.problems = read_document(name, node_of(kept))
        if self.loaded is not None:
            # places are the same for all of a live object; the tree would outweigh the object
            self.loaded.node = Node("map", 0, 0)

    @property
    def connection(self) -> Connection | None:
        """Return the Connection, None if it is none or broken."""
        model = self.loaded.model if self.loaded else None
        return model if isinstance(model, Connection) else None

    @property
    def pipeline(self) -> SyncPipeline | None:
        """Return the SyncPipeline, None if it is none or broken."""
        model = self.loaded.model if self.loaded else None
        return model if isinstance(model, SyncPipeline) else None


class LiveChecks:
    """Holds objects against manifests and each other. Asks nobody."""

    def __init__(
        self,
        catalog: Mapping[str, Manifest],
        check_expression: CheckExpression,
        check_field: CheckField,
    ) -> None:
        self._catalog = catalog
        self._check_expression = check_expression
        self._check_field = check_field

    def of_connection(self, one: LiveObject, secret_keys: Iterable[str] | None) -> list[Problem]:
        """Return what is wrong with a Connection; `secret_keys` None: there is no such Secret."""
        if one.loaded is None or one.connection is None:
            return list(one.problems)
        connection = one.connection
        known = [one.loaded]
        credentials = connection.spec.credentials
        if credentials is not None and secret_keys is not None:
            metadata = ObjectMeta(
                name=credentials.secret_ref.name, namespace=connection.metadata.namespace
            )
            # the operator knows keys, never values
            document = Secret.model_construct(
                metadata=metadata, data=dict.fromkeys(secret_keys, SecretText("")), string_data={}
            )
            known.append(_stand_in("Secret", metadata, document))
        return list(connection_problems(one.loaded, self._world(known)))

    def of_pipeline(
        self,
        one: LiveObject,
        *,
        connections: Iterable[LiveObject],
        tables: Mapping[str, Mapping[str, str]],
        rivals: Iterable[LiveObject],
    ) -> list[Problem]:
        """Return what is wrong with a SyncPipeline.

        `tables` is ConfigMap -> its rows; `rivals` are older pipelines to the same entity and
        Connection, which keep their fields.
        """
        if one.loaded is None or one.pipeline is None:
            return list(one.problems)
        known = [other.loaded for other in connections if other.loaded is not None]
        for name, rows in tables.items():
            metadata = ObjectMeta(name=name, namespace=one.pipeline.metadata.namespace)
            table = ConfigMap.model_construct(metadata=metadata, data=dict(rows))
            known.append(_stand_in("ConfigMap", metadata, table))
        world = self._world([*known, one.loaded])
        problems = list(pipeline_problems(one.loaded, world))
        for rival in rivals:
            if rival.loaded is not None:
                problems += ownership_problems([rival.loaded, one.loaded], world)
        return problems

    def _world(self, known: Iterable[Loaded]) -> World:
        return World(
            self._catalog,
            {(one.kind, one.key): one for one in known if one.key is not None},
            self._check_expression,
            self._check_field,
        )


def _stand_in(kind: str, metadata: ObjectMeta, model: Secret | ConfigMap) -> Loaded:
    key: Key = (metadata.namespace, metadata.name)
    return Loaded(f"{kind} {'/'.join(key)}", Node("map", 0, 0), kind, key, model)
