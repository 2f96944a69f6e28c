"""`knect api`: answers people in a cluster (what the chart starts).

Must not: end because the API server or a ledger is away; it says so and goes on.
"""

import logging
import os
from pathlib import Path

import click

from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.ledgers import run_async
from knect.cli.process import quiet_logs, stop_on_signal
from knect.engine.working.door import ListenError, served
from knect.gateway.account import AccountError, KubeconfigAccount, PodAccount
from knect.gateway.apiserver import Account, ApiServer
from knect.gateway.server import Gateway
from knect.seams import SystemClock

__all__ = ["api"]

_log = logging.getLogger("knect.gateway")


@click.command()
@click.option(
    "--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT", help="Where."
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="As whom the API server is asked; default: the pod's ServiceAccount.",
)
def api(listen: str, kubeconfig: Path | None) -> int:
    """Answer find, show, stuck, status and carry out retry, replay, skip for a cluster's people.

    Who is asking and what they may, the cluster decides (TokenReview, SubjectAccessReview).
    """
    quiet_logs("INFO")
    try:
        account: Account = KubeconfigAccount(kubeconfig) if kubeconfig else PodAccount()
    except AccountError as error:
        raise CommandError(str(error), code=BAD_INPUT) from None
    return run_async(lambda: _serve(account, listen))


async def _serve(account: Account, listen: str) -> int:
    clock = SystemClock()
    stop = stop_on_signal()
    trace = os.environ.get("KNECT_TRACE_URL")
    gateway = Gateway(ApiServer(account, clock), clock, trace=trace)
    try:
        async with gateway.open(), served(gateway, listen) as port:
            _log.info("listening", extra={"port": port})
            await stop.wait()
    except ListenError as error:
        raise CommandError(str(error)) from None
    return 0
