"""Reading documents for a command: files, secrets, the catalog, with every problem shown.

Must not: start anything.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from knect.api.catalog import Catalog
from knect.api.documents import (
    CheckConfig,
    DocumentErrors,
    DocumentSet,
    SecretUnavailable,
    load_documents,
)
from knect.api.worker import WorkerConfig, WorkerDocument
from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.output import say
from knect.engine.mapping import check_expression, check_field
from knect.sdk.secret import Secret

__all__ = [
    "Declared",
    "declared",
    "files_option",
    "installed_catalog",
    "read_documents",
    "some_files_option",
]


def _files_option(*, required: bool) -> Callable[[Any], Any]:
    return click.option(
        "-f",
        "--files",
        "files",
        multiple=True,
        required=required,
        type=click.Path(path_type=Path),
        metavar="FILE|DIR",
        help="YAML files, or folders of them.",
    )


files_option = _files_option(required=True)
some_files_option = _files_option(required=False)


class Declared(Struct, frozen=True, kw_only=True):
    """What was declared: the worker document, secrets by Connection, the catalog."""

    document: WorkerDocument
    secrets: dict[str, dict[str, Secret]]
    catalog: Catalog


def installed_catalog() -> Catalog:
    """Return the manifests of what is installed; what could not be read is said on stderr."""
    catalog = Catalog.installed()
    for problem in catalog.problems:
        say(f"✗ {problem}", style="red", err=True)
    return catalog


def read_documents(
    files: Sequence[Path],
    *,
    check_config: CheckConfig = lambda _: (),
    secrets_elsewhere: bool = False,
    doors_elsewhere: bool = False,
) -> tuple[DocumentSet, Catalog]:
    """Read and check files. Raises CommandError (exit code 2) with all problems at once.

    `check_config` asks the connectors, too. `secrets_elsewhere`: the Secrets are in a cluster and
    not in the files. `doors_elsewhere`: for webhooks, options of `knect run` open them.
    """
    catalog = installed_catalog()
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise CommandError(f"there is no {' and no '.join(missing)}", code=BAD_INPUT)
    try:
        documents = load_documents(
            files,
            catalog,
            check_expression,
            check_field,
            check_config=check_config,
            secrets_elsewhere=secrets_elsewhere,
            doors_elsewhere=doors_elsewhere,
        )
    except DocumentErrors as errors:
        count = len(errors.problems)
        lines = "\n".join(map(str, errors.problems))
        noun = "problem" if count == 1 else "problems"
        raise CommandError(
            f"{lines}\n{count} {noun}; nothing was started", code=BAD_INPUT
        ) from None
    return documents, catalog


def declared(
    files: Sequence[Path], config: WorkerConfig | None = None, *, to_run: bool = True
) -> Declared:
    """Read files into what a worker needs. Raises CommandError, also where there is nothing
    `to_run`.
    """
    documents, catalog = read_documents(files, doors_elsewhere=True)
    if to_run and not documents.pipelines:
        raise CommandError(
            "the files declare no SyncPipeline, so there is nothing to run", code=BAD_INPUT
        )
    secrets, missing = dict[str, dict[str, Secret]](), dict[str, None]()
    for (_, name), connection in documents.connections.items():
        try:
            values = documents.secrets_of(connection, os.environ)
        except SecretUnavailable as error:
            missing |= dict.fromkeys(str(error).splitlines())
            continue
        secrets[name] = {key: Secret(text.get_secret_value()) for key, text in values.items()}
    if missing:
        raise CommandError("\n".join(missing), code=BAD_INPUT)
    return Declared(document=documents.to_worker_document(config), secrets=secrets, catalog=catalog)
