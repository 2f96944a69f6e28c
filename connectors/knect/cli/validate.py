"""`knect validate`: all problems of all files at once, before anything is applied.

Why connectors are opened: what a schema cannot say (a placeholder nobody knows, a look-up that is
missing) they say, and better here with its line than in a worker's first minute.
Must not: ask a remote.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from knect.api.connection import Connection
from knect.api.worker import WorkerConnection
from knect.cli.documents import files_option, installed_catalog, read_documents
from knect.cli.output import say
from knect.engine.working.parts import open_connector
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock

__all__ = ["validate"]


@click.command()
@files_option
@click.option(
    "--secrets-elsewhere",
    is_flag=True,
    help="The Secrets are in a cluster and not in the files.",
)
def validate(files: tuple[Path, ...], *, secrets_elsewhere: bool) -> int:
    """Check documents: fields, types, references, expressions, ownership."""
    documents, _ = read_documents(
        files, check_config=_of_connector, secrets_elsewhere=secrets_elsewhere
    )
    pipelines, connections = len(documents.pipelines), len(documents.connections)
    if not connections and not pipelines:
        say("◎ no Connection and no SyncPipeline is in what was named: is it the right place?")
    else:
        counted = f"{_counted(connections, 'Connection')}, {_counted(pipelines, 'SyncPipeline')}"
        say(f"✔ {counted}: nothing to complain about")
    for ignored in documents.ignored:
        say(f"  not Knect's, left alone: {ignored}")
    return 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _of_connector(connection: Connection) -> Sequence[tuple[str, str]]:
    """Return what the connector says of a Connection's config: (path in it, sentence)."""
    return asyncio.run(_opened(connection))


async def _opened(connection: Connection) -> Sequence[tuple[str, str]]:
    catalog, clock = installed_catalog(), SystemClock()
    manifest = catalog[connection.spec.connector]
    declared = WorkerConnection(
        namespace=connection.metadata.namespace,
        name=connection.name,
        generation=connection.metadata.generation,
        spec=connection.spec,
    )
    try:
        connector = open_connector(
            declared,
            catalog=catalog,
            http=ClientFactory(clock=clock, egress=Egress([])),
            clock=clock,
            secrets={key.key: Secret("-") for key in manifest.credentials},
        )
    except ConnectorError as error:
        path = error.path or ""
        if not path.startswith("config"):  # it lacks something of this machine's
            return ()
        return ((path, error.message.removeprefix(path).lstrip(": ")),)
    await connector.close()
    return ()
