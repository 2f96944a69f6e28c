"""`knect validate`: all problems of all files at once, before anything is applied.

Must not: ask a remote.
"""

from pathlib import Path

import click

from knect.cli.documents import files_option, read_documents
from knect.cli.output import say

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
    documents, _ = read_documents(files, secrets_elsewhere=secrets_elsewhere)
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
