"""What every command that runs the engine does alike: logs, signals, and how it ends.

Must not: know which command it is.
"""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from knect.api.reasons import Reason
from knect.cli.failure import FAILED
from knect.cli.output import say
from knect.engine.working.host import Host
from knect.ledger import Fate
from knect.ledger.questions.queries import equations
from knect.ledger.questions.stopped import stuck
from knect.telemetry import Redactor, configure_logging

__all__ = [
    "allow_option",
    "quiet_logs",
    "settle_process",
    "stop_on_signal",
    "summary",
    "told_failures",
]

allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="HOST|NETWORK",
    help="A private address that may be connected to (in-house ERP, simulator).",
)


#: So long a thread may keep Python's lock while another waits for it. The ledger's thread asks for
#: it after every statement: at Python's own 5 ms it waited longer than it worked.
_TURN_SECONDS = 0.0003

#: What is told at the end of a run, and so many causes of each.
_TOLD: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("wait for", {"reasons": (Reason.CREDENTIALS_REJECTED, Reason.SCOPE_MISSING)}),
    ("may or may not be in", {"fates": (Fate.UNKNOWN,)}),
)
_MOST_NAMED = 20


def quiet_logs(level: str | None = None) -> Redactor:
    """Send logs to stderr as JSON; on a terminal only what is wrong."""
    redactor = Redactor()
    level = level or ("ERROR" if sys.stderr.isatty() else "WARNING")
    configure_logging(redactor, level=os.environ.get("KNECT_LOG_LEVEL", level))
    return redactor


def settle_process() -> None:
    """Prepare for long work with secrets in memory: no core file is written, whatever happens.

    And Python looks for no cycles in what is loaded: that stays (see `main` for its pace).
    """
    sys.setswitchinterval(_TURN_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()


def stop_on_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def summary(host: Host) -> None:
    """Print the equation, per pipeline."""
    for one in await host.ledger.read(equations):
        parts = [f"{count} {fate}" for fate, count in one.fates.items() if count]
        say(f"{one.name}: {one.seen} seen = {' + '.join(parts) or '0'}")
        if not one.balanced:
            say(f"✗ {one.name}: this does not add up; run `knect status --audit`", style="red")


async def told_failures(host: Host, failures: Sequence[Exception]) -> int:
    """Print what went wrong with an end as a whole, what a destination lets nobody deliver and
    what nobody could find out; return the exit code. Others' pipelines are theirs to tell of.
    """
    pipelines = sorted({one.name for one in host.worker.document.pipelines})
    sentences = [str(failure) for failure in failures]
    sentences += [
        f"{group.pipeline}: {group.count} {what} {group.destination} "
        f"({', '.join(group.examples)}): {group.message}"
        for what, meant in _TOLD
        for name in pipelines
        for group in await host.ledger.read(
            partial(stuck, pipeline=name, limit=_MOST_NAMED, **meant)
        )
    ]
    for sentence in sentences:
        say(f"✗ {sentence}", style="red", err=True)
    return FAILED if sentences else 0
