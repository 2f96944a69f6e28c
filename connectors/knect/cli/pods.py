"""`knect worker`, `knect receiver`: what the operator starts.

Must not: end because something is missing that may still come.
"""

import logging
import os
from pathlib import Path

import click

from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.ledgers import run_async
from knect.cli.process import allow_option, quiet_logs, settle_process, stop_on_signal
from knect.cli.told import document_option, told
from knect.engine.working.door import ListenError
from knect.engine.working.pod import WorkerPod
from knect.engine.working.receiver_pod import ReceiverPod
from knect.telemetry import Redactor

__all__ = ["receiver", "worker"]


@click.command()
@document_option
@allow_option
def worker(document: Path | None, allow: tuple[str, ...]) -> int:
    """Run a worker document until told to stop."""
    redactor = _logs()
    found = told(_named(document), redactor)
    return _run(WorkerPod(found.pod(allow), redactor))


@click.command()
@document_option
@allow_option
def receiver(document: Path | None, allow: tuple[str, ...]) -> int:
    """Take the webhooks of a document's Connections until told to stop."""
    redactor = _logs()
    found = told(_named(document), redactor)
    return _run(ReceiverPod(found.pod(allow)))


def _logs() -> Redactor:
    """Log what changes; not every record, of which the ledger and the traces know more."""
    redactor = quiet_logs("INFO")
    settle_process()
    if "KNECT_LOG_LEVEL" not in os.environ:
        logging.getLogger("knect.pipeline").setLevel(logging.WARNING)
    return redactor


def _named(document: Path | None) -> Path:
    if document is None:
        raise CommandError("say which: --document FILE", code=BAD_INPUT)
    return document


def _run(pod: WorkerPod | ReceiverPod) -> int:
    async def work() -> int:
        try:
            await pod.run(stop_on_signal())
        except ListenError as error:
            raise CommandError(str(error)) from None
        return 0

    return run_async(work)
