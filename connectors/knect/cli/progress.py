"""Progress of long work: a line that moves on a terminal, one every ten seconds in a log.

A source that does not answer is asked again for minutes; whoever looks at the line is told why.
Must not: invent a total; what is not known is not shown as a bar.
"""

import asyncio
import sys
from typing import Self

import click

from knect.ledger import Ledger
from knect.ledger.questions.queries import coverage, equations
from knect.people.texts import visible

__all__ = ["Progress"]

_EVERY_TERMINAL = 0.5
_EVERY_LOG = 10.0


class Progress:
    """`async with Progress(ledger, label="run"):` around the work."""

    def __init__(self, ledger: Ledger, *, label: str, quiet: bool = False) -> None:
        self._ledger = ledger
        self._label = label
        self._quiet = quiet
        self._task: asyncio.Task[None] | None = None
        self._terminal = sys.stderr.isatty()

    async def __aenter__(self) -> Self:
        if not self._quiet:
            self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            if self._terminal:
                click.echo("\r\033[K", nl=False, err=True)

    async def line(self) -> str:
        """Return how it stands."""
        counts: dict[str, int] = {}
        sums = await self._ledger.read(equations)
        for one in sums:
            for fate, count in one.fates.items():
                counts[fate] = counts.get(fate, 0) + count
        parts = [f"{sum(one.seen for one in sums)} seen"]
        parts += [
            f"✗ {feed.connection} {feed.entity}: {feed.failure}"
            for feed in await self._ledger.read(coverage)
            if feed.failure
        ]
        parts += [f"{count} {fate}" for fate, count in counts.items() if count]
        return f"{self._label}: {' · '.join(parts)}"

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_TERMINAL if self._terminal else _EVERY_LOG)
            text = visible(await self.line())
            if self._terminal:
                click.echo(f"\r\033[K{text[:120]}", nl=False, err=True)
            else:
                click.echo(text, err=True)
