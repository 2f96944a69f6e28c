"""Connectors by manifest id, opened for a Connection.

Why: the only place where connector code is imported, and only when it is used.
Must not: know any connector by name.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from knect.api.catalog import Catalog
from knect.api.worker import WorkerConnection, WorkerDocument
from knect.sdk.contract import Connector, ConnectorContext
from knect.sdk.errors import Fatal
from knect.sdk.http import ClientFactory
from knect.sdk.ratelimit import BudgetPool
from knect.sdk.secret import Rotating, Secret
from knect.seams import Clock

__all__ = ["open_connections", "open_connector"]


def open_connector(
    connection: WorkerConnection,
    *,
    catalog: Catalog,
    http: ClientFactory,
    clock: Clock,
    secrets: Mapping[str, Secret] | None = None,
    pool: BudgetPool | None = None,
) -> Connector:
    """Open the connector of a Connection. Raises Fatal when it is unknown or cannot be imported.

    `secrets` are the keys of its Secret: read from documents, or the live view of a mounted one.
    A live view may be incomplete, it may be filled while the process lives; anything else that
    lacks a key never will be.
    """
    name = connection.spec.connector
    try:
        installed = catalog.connector(name)
    except KeyError:
        message = f"Connection {connection.name!r} asks for connector {name!r}, which is not here"
        raise Fatal(message) from None
    package = import_module(installed.package)
    secrets = {} if secrets is None else secrets
    needed = installed.manifest.required_keys(connection.spec.config)
    missing = [key for key in needed if key not in secrets]
    if missing and not isinstance(secrets, Rotating):
        message = f"the Secret of Connection {connection.name!r} lacks {', '.join(missing)}"
        raise Fatal(message, code="SecretKeyMissing")
    context = ConnectorContext(
        name=connection.name,
        config=connection.spec.config,
        secrets=secrets,
        http=http,
        clock=clock,
        share_percent=connection.spec.rate_limit.share_percent,
        pool=pool,
    )
    return cast("Connector", package.open_connector(context))


def open_connections(
    document: WorkerDocument,
    *,
    catalog: Catalog,
    http: ClientFactory,
    clock: Clock,
    secrets: Mapping[str, Mapping[str, Secret]] | None = None,
    pool_of: Callable[[str], BudgetPool | None] = lambda _: None,
) -> dict[str, Connector]:
    """Open every Connection that a pipeline in force uses, by name. Raises Fatal."""
    opened: dict[str, Connector] = {}
    for pipeline in document.pipelines:
        if document.is_suspended(pipeline):
            continue
        for end in document.ends(pipeline):
            if end.name not in opened:
                opened[end.name] = open_connector(
                    end,
                    catalog=catalog,
                    http=http,
                    clock=clock,
                    secrets=secrets.get(end.name) if secrets is not None else None,
                    pool=pool_of(end.name),
                )
    return opened
