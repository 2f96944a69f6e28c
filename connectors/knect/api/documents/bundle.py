"""A set of documents that agree with each other, and the worker document they make.

Must not: hold a secret as text, or resolve `env:` and `file:` before somebody asks for the value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from knect.api.connection import Connection
from knect.api.fields import SecretText
from knect.api.native import ConfigMap, Secret
from knect.api.pipeline import SyncPipeline
from knect.api.worker import WorkerConfig, WorkerConnection, WorkerDocument, WorkerPipeline

__all__ = ["AnyDocument", "DocumentSet", "Key", "Origin", "SecretUnavailable"]

#: (namespace, name)
Key = tuple[str, str]
AnyDocument = Connection | SyncPipeline | Secret | ConfigMap


class SecretUnavailable(LookupError):
    """A secret value that is referred to is not there; says which and how to give it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was read from."""

    file: str
    line: int


@dataclass(slots=True)
class DocumentSet:
    """Documents by (namespace, name), in the order they were read."""

    connections: dict[Key, Connection] = field(default_factory=dict)
    pipelines: dict[Key, SyncPipeline] = field(default_factory=dict)
    secrets: dict[Key, Secret] = field(default_factory=dict)
    config_maps: dict[Key, ConfigMap] = field(default_factory=dict)
    origins: dict[tuple[str, Key], Origin] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def secrets_of(
        self, connection: Connection, environment: Mapping[str, str]
    ) -> dict[str, SecretText]:
        """Return the values of a Connection's Secret, `env:` and `file:` resolved.

        `file:` paths are relative to the Secret's own file. Raises SecretUnavailable, a line each.
        """
        credentials = connection.spec.credentials
        if credentials is None:
            return {}
        key = (connection.metadata.namespace, credentials.secret_ref.name)
        secret = self.secrets.get(key)
        if secret is None:
            raise SecretUnavailable(
                f"there is no Secret {key[1]!r}, which {connection.name!r} names"
            )
        folder = Path(self.origins["Secret", key].file).parent
        found, problems = dict[str, SecretText](), list[str]()
        for name, value in secret.values().items():
            try:
                what = f"key {name!r} of Secret {key[1]!r}"
                found[name] = _resolve(what, value, folder, environment)
            except SecretUnavailable as error:
                problems.append(str(error))
        if problems:
            raise SecretUnavailable("\n".join(problems))
        return found

    def value_maps_of(self, pipeline: SyncPipeline) -> dict[str, dict[str, str]]:
        """Return a pipeline's tables by the name expressions use."""
        return {
            table.name: dict(
                self.config_maps[pipeline.metadata.namespace, table.config_map_ref.name].data
            )
            for table in pipeline.spec.mapping.value_maps
        }

    def to_worker_document(self, config: WorkerConfig | None = None) -> WorkerDocument:
        """Return what a worker is told to run all of these pipelines."""
        return WorkerDocument(
            pipelines=tuple(
                WorkerPipeline(
                    namespace=namespace,
                    name=name,
                    generation=pipeline.metadata.generation,
                    spec=pipeline.spec,
                    value_maps=self.value_maps_of(pipeline),
                )
                for (namespace, name), pipeline in sorted(self.pipelines.items())
            ),
            connections=tuple(
                WorkerConnection(
                    namespace=namespace,
                    name=name,
                    generation=connection.metadata.generation,
                    spec=connection.spec,
                )
                for (namespace, name), connection in sorted(self.connections.items())
            ),
            config=config or WorkerConfig(),
        )


def _resolve(
    what: str, value: SecretText, folder: Path, environment: Mapping[str, str]
) -> SecretText:
    text = value.get_secret_value()
    kind, _, rest = text.partition(":")
    if kind == "env":
        if rest not in environment:
            raise SecretUnavailable(
                f"{what} is taken from the environment variable {rest}, which is not set:"
                f" export {rest}=…"
            )
        return SecretText(environment[rest])
    if kind == "file":
        path = folder / rest
        try:
            return SecretText(path.read_text(encoding="utf-8").rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SecretUnavailable(f"{what} is taken from {path}: {why}") from None
    return value
