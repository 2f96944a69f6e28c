"""The worker document: everything a worker is told, in one piece.

Why: a worker has no API token; the operator (or `knect run`) resolves references and hands it one
document. Secrets are not in it, only the folder they are mounted under.
Must not: differ between cluster and laptop. Operator and worker may differ by one minor version,
so fields are only ever added; a worker ignores what it does not know here, and here only.
"""

import hashlib
import json
from typing import Annotated, Self

from pydantic import Field

from knect.api.connection import ConnectionSpec
from knect.api.fields import ApiModel, Bool, Duration, Int, Name, Text
from knect.api.pipeline import SyncPipelineSpec

__all__ = [
    "SCHEMA_VERSION",
    "WorkerConfig",
    "WorkerConnection",
    "WorkerDocument",
    "WorkerPipeline",
]

#: Grows when a worker of the previous minor version could not read the document.
SCHEMA_VERSION = 1

_Path = Annotated[str, Field(min_length=1, max_length=4096)]


class WorkerConfig(ApiModel):
    """Settings of the process, not of a pipeline.

    `ledger` is a DSN without a password, `ledger_file` a file that holds one with it; when both
    are absent the worker uses KNECT_LEDGER. `sample` is the share of plain successes traced.
    `receive` is false where a receiver of its own takes the webhooks.
    """

    ledger: Text | None = None
    ledger_file: _Path | None = None
    egress_allow: Annotated[tuple[Text, ...], Field(max_length=256)] = ()
    listen: Text = "127.0.0.1:8080"
    lease: Duration = Duration("1m")
    drain: Duration = Duration("45s")
    receive: Bool = True
    sample_percent: Annotated[Int, Field(ge=0, le=100)] = 100
    retention: Duration = Duration("90d")
    follow: Bool = True


class WorkerConnection(ApiModel):
    """A Connection as a worker sees it; `secret_dir` holds one file per key.

    `uid` tells it from one of the same name that was deleted; a laptop knows none.
    """

    namespace: Name = "default"
    name: Name
    uid: str | None = None
    generation: Int = 1
    spec: ConnectionSpec
    secret_dir: _Path | None = None


class WorkerPipeline(ApiModel):
    """A pipeline with what it refers to; `value_maps` is table name -> value -> translation."""

    namespace: Name = "default"
    name: Name
    generation: Int = 1
    spec: SyncPipelineSpec
    value_maps: dict[str, dict[str, str]] = Field(default_factory=dict)


class WorkerDocument(ApiModel):
    """All a worker is told. Connections are in the order of their names."""

    schema_version: Annotated[Int, Field(ge=1)] = SCHEMA_VERSION
    pipelines: tuple[WorkerPipeline, ...]
    connections: tuple[WorkerConnection, ...]
    config: WorkerConfig = Field(default_factory=WorkerConfig)

    def connection(self, name: str, namespace: str) -> WorkerConnection:
        """Return the Connection of that name. Raises KeyError."""
        for connection in self.connections:
            if (connection.namespace, connection.name) == (namespace, name):
                return connection
        raise KeyError(name)

    def ends(self, pipeline: WorkerPipeline) -> tuple[WorkerConnection, WorkerConnection]:
        """Return the pipeline's source and destination. Raises KeyError."""
        return (
            self.connection(pipeline.spec.source.connection_ref.name, pipeline.namespace),
            self.connection(pipeline.spec.destination.connection_ref.name, pipeline.namespace),
        )

    def is_suspended(self, pipeline: WorkerPipeline) -> bool:
        """Tell whether a pipeline rests: it is suspended itself, or one of its ends is."""
        return pipeline.spec.suspend or any(end.spec.suspend for end in self.ends(pipeline))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document. Raises pydantic.ValidationError, or ValueError for a newer schema."""
        document = cls.model_validate_json(text, extra="ignore")
        if document.schema_version > SCHEMA_VERSION:
            raise ValueError(
                f"the worker document has schema version {document.schema_version}, this worker "
                f"reads up to {SCHEMA_VERSION}; update the worker's image first"
            )
        return document

    def to_json(self) -> str:
        """Return the document as JSON."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @staticmethod
    def digest(text: str | bytes) -> str:
        """Return the short name of a document's text."""
        content = text.encode() if isinstance(text, str) else text
        return hashlib.blake2b(content, digest_size=8).hexdigest()

    @staticmethod
    def content(text: str | bytes) -> str:
        """Return the short name of what a document tells, by which operator and worker agree.

        A pipeline's generation is none of it: an edit of what no worker reads must not restart
        one. Taken from the text, so that a worker of another version finds the same.
        """
        told = json.loads(text)
        for pipeline in told.get("pipelines", ()):
            pipeline.pop("generation", None)
        content = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
        return hashlib.blake2b(content, digest_size=8).hexdigest()
