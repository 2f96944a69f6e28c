"""Connectors by manifest id, opened for a Connection.

Why: the only place where connector code is imported, and only when it is used.
Must not: know any connector by name.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from knect.api.catalog import Catalog
from knect.api.worker import WorkerConnection, WorkerDocument
from knect.sdk.contract import Connector, ConnectorContext
from knect.sdk.errors import Fatal
from knect.sdk.http import ClientFactory
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["FolderSecrets", "open_connections", "open_connector"]


class FolderSecrets(Mapping[str, Secret]):
    """The keys of a mounted Secret: files, read at each use, so a rotation needs no restart."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __getitem__(self, key: str) -> Secret:
        if self._folder is None or "/" in key or key.startswith("."):
            raise KeyError(key)
        try:
            return Secret((self._folder / key).read_text(encoding="utf-8").rstrip("\n"))
        except OSError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        if self._folder is not None and self._folder.is_dir():
            yield from (
                entry.name for entry in sorted(self._folder.iterdir()) if entry.name[0] != "."
            )

    def __len__(self) -> int:
        return sum(1 for _ in self)


def open_connector(
    connection: WorkerConnection,
    *,
    catalog: Catalog,
    http: ClientFactory,
    clock: Clock,
    secrets: Mapping[str, Secret] | None = None,
) -> Connector:
    """Open the connector of a Connection. Raises Fatal when it is unknown or cannot be imported.

    `secrets` replaces the mounted folder (`knect run` reads Secret documents).
    """
    name = connection.spec.connector
    try:
        installed = catalog.connector(name)
    except KeyError:
        message = f"Connection {connection.name!r} asks for connector {name!r}, which is not here"
        raise Fatal(message) from None
    package = import_module(installed.package)
    if secrets is None:
        secrets = FolderSecrets(Path(connection.secret_dir) if connection.secret_dir else None)
    missing = [key for key in installed.manifest.required_keys() if key not in secrets]
    if missing:
        message = f"the Secret of Connection {connection.name!r} lacks {', '.join(missing)}"
        raise Fatal(message, code="SecretKeyMissing")
    context = ConnectorContext(
        name=connection.name,
        config=connection.spec.config,
        secrets=secrets,
        http=http,
        clock=clock,
        share_percent=connection.spec.rate_limit.share_percent,
    )
    return cast("Connector", package.open_connector(context))


def open_connections(
    document: WorkerDocument,
    *,
    catalog: Catalog,
    http: ClientFactory,
    clock: Clock,
    secrets: Mapping[str, Mapping[str, Secret]] | None = None,
) -> dict[str, Connector]:
    """Open every Connection that a pipeline in force uses, by name. Raises Fatal."""
    opened: dict[str, Connector] = {}
    for pipeline in document.pipelines:
        if pipeline.spec.suspend:
            continue
        for end in document.ends(pipeline):
            if end.name not in opened:
                opened[end.name] = open_connector(
                    end,
                    catalog=catalog,
                    http=http,
                    clock=clock,
                    secrets=secrets.get(end.name) if secrets is not None else None,
                )
    return opened
