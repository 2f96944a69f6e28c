"""`knect operator`, or `python -m knect_operator`: settings in, exit code out.

Must not: show a traceback to who started it.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from knect_operator.app import run_operator
from knect_operator.kube import KubeError
from knect_operator.kube.aio import AioClient
from knect_operator.logs import configure_logging
from knect_operator.metrics import Metrics
from knect_operator.settings import BadSettings, OperatorSettings

__all__ = ["main"]

_log = logging.getLogger("knect.operator")


def main(words: Sequence[str] | None = None) -> int:
    """Run the operator; 0: told to stop, 1: failed or lease lost, 2: bad settings."""
    parser = argparse.ArgumentParser(prog="knect operator", description=__doc__.partition("\n")[0])
    parser.add_argument("--settings", type=Path, help="the operator's settings (YAML)")
    parser.add_argument("--kubeconfig", type=Path, help="default: the pod's own account")
    parser.add_argument("--log-level", default=os.environ.get("KNECT_LOG_LEVEL", "INFO"))
    options = parser.parse_args(words)
    configure_logging(options.log_level.upper())
    try:
        settings = (
            OperatorSettings.read(options.settings) if options.settings else OperatorSettings()
        )
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.kubeconfig:
        os.environ["KUBECONFIG"] = str(options.kubeconfig)  # the watches look there too
    try:
        return asyncio.run(_run(settings, options.kubeconfig))
    except KubeError as error:
        sys.stderr.write(f"{error}\n")
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
            for error in group.exceptions:
                _log.error("the operator failed", exc_info=error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
