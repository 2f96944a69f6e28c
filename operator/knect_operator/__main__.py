"""`knect operator`, or `python -m knect_operator`: settings in, exit code out.

Must not: show a traceback to who started it.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from knect_operator.app import run_operator
from knect_operator.kube import KubeError
from knect_operator.kube.aio import AioClient
from knect_operator.logs import configure_logging
from knect_operator.metrics import Metrics
from knect_operator.settings import BadSettings, OperatorSettings

__all__ = ["operator"]

_log = logging.getLogger("knect.operator")


@click.command()
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="The operator's settings (YAML), as the chart writes them.",
)
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="Default: the pod's own account."
)
@click.option(
    "--log-level",
    default="INFO",
    envvar="KNECT_LOG_LEVEL",
    show_default=True,
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
)
def operator(settings: Path | None, kubeconfig: Path | None, log_level: str) -> int:
    """Run the control plane until told to stop.

    Exit codes: 0 told to stop, 1 failed or the lease was lost, 2 bad settings.
    """
    configure_logging(log_level.upper())
    try:
        told = OperatorSettings.read(settings) if settings else OperatorSettings()
    except BadSettings as error:
        click.echo(str(error), err=True)
        return 2
    if kubeconfig:
        os.environ["KUBECONFIG"] = str(kubeconfig)  # the watches look there too
    try:
        return asyncio.run(_run(told, kubeconfig))
    except KubeError as error:
        click.echo(str(error), err=True)
        return 1


async def _run(settings: OperatorSettings, kubeconfig: Path | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics = Metrics()
    path = str(kubeconfig) if kubeconfig else None
    async with await AioClient.connect(path, observed=metrics.called) as kube:
        try:
            return 0 if await run_operator(kube, settings, metrics, stop) else 1
        except* Exception as group:  # noqa: BLE001 - the last place before a traceback
            for error in _leaves(group):
                if isinstance(error, KubeError):
                    _log.error("the operator failed", extra={"cause": str(error)})
                else:
                    _log.error("the operator failed", exc_info=error)
    return 1


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    sys.exit(operator.main(prog_name="knect operator", standalone_mode=False))
