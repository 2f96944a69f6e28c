"""What is wrong with a Connection or a pipeline, asked once per state of what it depends on.

Must not: have a rule of its own; the sentences are those of `knect validate`.
"""

from collections.abc import Mapping
from typing import Any

from knect.api.catalog import Catalog
from knect.api.connection import Connection
from knect.api.documents import LiveChecks, LiveObject, Problem
from knect.api.egress import ports_of
from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect.api.pipeline import SyncPipeline
from knect.engine.mapping import check_expression, check_field
from knect_operator.small import secret_keys
from knect_operator.store import Key, Store

__all__ = ["Checker"]


class Checker:
    """Answers from the store alone."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._checks = LiveChecks(catalog, check_expression, check_field)
        self._known: dict[tuple[str, Key], tuple[object, list[Problem]]] = {}

    def ports_of(self, connection: Connection) -> frozenset[int]:
        """Return the ports at which a Connection's system listens, as far as that is known."""
        manifest = self._catalog.get(connection.spec.connector)
        return ports_of(manifest, connection.spec.config) if manifest else frozenset()

    def connection_problems(self, key: Key) -> list[Problem]:
        """Return what is wrong with a Connection that is there."""
        live = self._store.read(CONNECTION_KIND, key)
        assert live is not None
        connection = live.connection
        credentials = connection.spec.credentials if connection else None
        keys: tuple[str, ...] | None = None
        if credentials is not None:
            secret = self._store.get("Secret", (key[0], credentials.secret_ref.name))
            keys = secret_keys(secret) if secret is not None else None
        mark = (live, keys)
        return self._once(
            CONNECTION_KIND, key, mark, lambda: self._checks.of_connection(live, keys)
        )

    def pipeline_problems(self, key: Key) -> list[Problem]:
        """Return what is wrong with a pipeline that is there."""
        live = self._store.read(SYNC_PIPELINE_KIND, key)
        assert live is not None
        pipeline = live.pipeline
        if pipeline is None:
            return list(live.problems)
        connections = self._ends(pipeline)
        tables = self._tables(pipeline)
        rivals = self._rivals(key, pipeline)
        mark = (
            live,
            tuple(connections),
            tuple((name, tuple(rows.items())) for name, rows in tables.items()),
            tuple(rivals),
        )
        return self._once(
            SYNC_PIPELINE_KIND,
            key,
            mark,
            lambda: self._checks.of_pipeline(
                live, connections=connections, tables=tables, rivals=rivals
            ),
        )

    def tables_of(self, pipeline: SyncPipeline) -> dict[str, dict[str, str]]:
        """Return the tables of a pipeline by the name its expressions use."""
        found = self._tables(pipeline)
        return {
            one.name: dict(found.get(one.config_map_ref.name, {}))
            for one in pipeline.spec.mapping.value_maps
        }

    def sweep(self) -> None:
        """Drop what was found of objects that are gone."""
        for mark in [one for one in self._known if not self._store.has(*one)]:
            del self._known[mark]

    def _once(self, kind: str, key: Key, mark: object, ask: Any) -> list[Problem]:
        known = self._known.get((kind, key))
        if known is not None and known[0] == mark:
            return known[1]
        problems: list[Problem] = ask()
        self._known[kind, key] = (mark, problems)
        return problems

    def _ends(self, pipeline: SyncPipeline) -> list[LiveObject]:
        namespace = pipeline.metadata.namespace
        names = (
            pipeline.spec.source.connection_ref.name,
            pipeline.spec.destination.connection_ref.name,
        )
        found = (self._store.read(CONNECTION_KIND, (namespace, name)) for name in names)
        return [one for one in found if one is not None]

    def _tables(self, pipeline: SyncPipeline) -> Mapping[str, Mapping[str, str]]:
        namespace = pipeline.metadata.namespace
        tables: dict[str, Mapping[str, str]] = {}
        for one in pipeline.spec.mapping.value_maps:
            name = one.config_map_ref.name
            found = self._store.get("ConfigMap", (namespace, name))
            if found is not None:
                tables[name] = found.get("data") or {}
        return tables

    def _rivals(self, key: Key, pipeline: SyncPipeline) -> list[LiveObject]:
        """Return the older pipelines to the same entity and Connection; they keep their fields."""
        spec = pipeline.spec
        goal = (key[0], spec.destination.connection_ref.name, spec.entity)
        mine = self._store.created(SYNC_PIPELINE_KIND, key), key
        older = sorted(
            age
            for kind, other in self._store.goals.of(goal)
            if (age := (self._store.created(kind, other), other)) < mine
        )
        found = (self._store.read(SYNC_PIPELINE_KIND, other) for _, other in older)
        return [one for one in found if one is not None]
