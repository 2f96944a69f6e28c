"""Reading a worker document for a command: what the operator mounted into this pod.

Must not: need anything else of the cluster; names come by the environment, secrets by files.
"""

import os
import platform
from pathlib import Path

import click
from msgspec import Struct

from knect.api.catalog import Catalog
from knect.api.worker import WorkerConfig, WorkerConnection, WorkerDocument, WorkerPipeline
from knect.cli.documents import installed_catalog
from knect.cli.failure import BAD_INPUT, NOT_FOUND, CommandError
from knect.engine.working.book import LedgerAddress
from knect.engine.working.options import WorkerOptions
from knect.engine.working.pod import PodSettings
from knect.engine.working.secrets import MountedSecrets, mounted
from knect.seams import SystemClock
from knect.telemetry import Redactor

__all__ = ["Told", "document_option", "told"]

document_option = click.option(
    "--document",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The worker document (JSON), as the operator writes it.",
)


class Told(Struct, frozen=True, kw_only=True):
    """A document with all that belongs to this process."""

    document: WorkerDocument
    digest: str
    content: str
    catalog: Catalog
    secrets: dict[str, MountedSecrets]
    ledger: LedgerAddress
    options: WorkerOptions
    namespace: str | None

    @property
    def config(self) -> WorkerConfig:
        """Return the settings of the process."""
        return self.document.config

    def pod(self, allow: tuple[str, ...]) -> PodSettings:
        """Return what a staying process is started with."""
        return PodSettings(
            document=self.document,
            catalog=self.catalog,
            ledger=self.ledger,
            options=self.options,
            secrets=self.secrets,
            digest=self.digest,
            content=self.content,
            namespace=self.namespace,
            allow=(*self.config.egress_allow, *allow),
            listen=self.config.listen,
        )

    def connections(self) -> list[WorkerConnection]:
        """Return the Connections."""
        return list(self.document.connections)

    def working(self, name: str | None) -> list[WorkerPipeline]:
        """Return the pipeline of that name, or all that are not suspended.

        Raises CommandError for one that is not there, or that is suspended.
        """
        pipelines = self.document.pipelines
        if name is None:
            return [one for one in pipelines if not self.document.is_suspended(one)]
        for one in pipelines:
            if one.name == name:
                if self.document.is_suspended(one):
                    raise CommandError(
                        f"pipeline {name!r} is suspended, so nothing was started; resume it "
                        "(spec.suspend: false), then ask again",
                        code=BAD_INPUT,
                    )
                return [one]
        known = ", ".join(one.name for one in pipelines) or "none"
        raise CommandError(
            f"the document has no pipeline {name!r}; it has: {known}", code=NOT_FOUND
        )


def told(document: Path, redactor: Redactor) -> Told:
    """Read a worker document and what is mounted beside it. Raises CommandError."""
    try:
        text = document.read_bytes()
        found = WorkerDocument.from_json(text)
    except OSError as error:
        raise CommandError(f"{document}: {error.strerror}", code=BAD_INPUT) from None
    except ValueError as error:
        raise CommandError(f"{document}: {error}", code=BAD_INPUT) from None
    config = found.config
    ledger = LedgerAddress(
        dsn=config.ledger or os.environ.get("KNECT_LEDGER", ""), file=config.ledger_file
    )
    if ledger.file is None and not ledger.dsn:
        raise CommandError("the worker document names no ledger", code=BAD_INPUT)
    catalog, clock = installed_catalog(), SystemClock()
    return Told(
        document=found,
        digest=WorkerDocument.digest(text),
        content=WorkerDocument.content(text),
        catalog=catalog,
        secrets=mounted(found, catalog, clock, redactor.register),
        ledger=ledger,
        options=WorkerOptions(
            name=os.environ.get("KNECT_WORKER_NAME") or platform.node() or "local",
            lease_seconds=config.lease.delta.total_seconds(),
            clock=clock,
        ),
        namespace=os.environ.get("KNECT_POD_NAMESPACE") or None,
    )
