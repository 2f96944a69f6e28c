"""`knect diagram`: which systems are kept in step, what flows between them, and where it stops.

Must not: change anything, or need more than reading rights.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from knect.api.names import CONNECTIONS, GROUP, SYNC_PIPELINES
from knect.cli.credentials import namespace_of
from knect.cli.documents import read_documents, some_files_option
from knect.cli.failure import BAD_INPUT, NOT_FOUND, CommandError
from knect.cli.kubectl import Kubectl
from knect.cli.landscape import Landscape, to_mermaid, to_svg
from knect.cli.landscape.declared import of_files
from knect.cli.landscape.live import of_objects
from knect.cli.ledgers import last_run, resolve_for, run_async
from knect.cli.source import Chosen, Where, source_options
from knect.gateway.answers import Sums
from knect.ledger.store.database import sqlite_path

__all__ = ["diagram", "landscape_of"]

_DRAWN = {"mermaid": to_mermaid, "svg": to_svg}
_NO_CRDS = "this cluster knows no Connections and SyncPipelines; install the chart first"


@click.command()
@some_files_option
@source_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(list(_DRAWN)),
    default="mermaid",
    show_default=True,
    help="Text that wikis draw, or a picture.",
)
def diagram(files: tuple[Path, ...], source: Chosen, output: str) -> int:
    """Draw the systems, what flows between them, and where it stops.

    Of files (-f, or those of the last run here) with what their ledger counts; of a cluster
    (--context, -n) with what the operator says of its objects.
    """
    click.echo(_DRAWN[output](run_async(lambda: landscape_of(files, source))), nl=False)
    return 0


async def landscape_of(files: Sequence[Path], source: Chosen) -> Landscape:
    """Return what is to be drawn. Raises CommandError."""
    if source.in_cluster and not files:
        return await asyncio.to_thread(_live, source.where)
    return await _declared(files or tuple(map(Path, last_run().files)), source)


async def _declared(files: Sequence[Path], source: Chosen) -> Landscape:
    if not files:
        raise CommandError(
            "nothing was run in this folder yet: name files with -f, or a cluster with --context",
            code=BAD_INPUT,
        )
    documents, _ = read_documents(files, secrets_elsewhere=True, doors_elsewhere=True)
    return of_files(documents, await _sums(files, source))


async def _sums(files: Sequence[Path], source: Chosen) -> Sums | None:
    """Return what was counted; None where nothing has run."""
    if not source.in_cluster:
        dsn = resolve_for(source.ledger, files)
        path = sqlite_path(dsn)
        if path is not None and not path.exists() and source.ledger is None:
            return None
        source = source.on_ledger(dsn)

    async with source.open() as one:
        return await one.status(None)


def _live(where: Where) -> Landscape:
    kubectl = Kubectl(context=where.context, kubeconfig=where.kubeconfig)
    view = kubectl.json("config", "view", "--minify", "--raw")
    namespace = where.namespace or namespace_of(view)
    kinds = ",".join(f"{kind}.{GROUP}" for kind in (CONNECTIONS, SYNC_PIPELINES))
    found = kubectl.json("get", kinds, f"--namespace={namespace}", missing=_NO_CRDS)
    if not found["items"]:
        raise CommandError(
            f"namespace {namespace} has no Connection and no SyncPipeline; name another with -n",
            code=NOT_FOUND,
        )
    return of_objects(found["items"])
