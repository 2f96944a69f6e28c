"""A command as a person runs it: exit code, what it printed, what it complained about."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support.toy import World
from tests.unit.ledger.book import Book

from knect.cli.main import _run


class Answer(NamedTuple):
    code: int
    out: str
    err: str


class Terminal:
    """Runs commands in a folder of its own; no output may ever hold a traceback."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.db"
        self._capsys = capsys

    def __call__(self, *words: str) -> Answer:
        self._capsys.readouterr()
        code = _run(list(words))
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        assert "Knect itself failed" not in err, err
        return Answer(code, out, err)

    def on_ledger(self, *words: str) -> Answer:
        return self(*words, "--ledger", str(self.ledger))

    def write(self, fill: Callable[[Book], Coroutine[Any, Any, None]], *pipelines: str) -> None:
        """Fill the ledger."""

        async def work() -> None:
            async with Book(self.ledger, *pipelines) as book:
                await fill(book)

        asyncio.run(work())

    def world(
        self,
        folder: Path,
        pipeline: dict[str, Any],
        fill: Callable[[World], Coroutine[Any, Any, None]],
    ) -> World:
        """Let a worker fill the ledger; return its world for a look at both ends."""
        world = World(folder, pipeline)

        async def work() -> None:
            async with world:
                await fill(world)

        asyncio.run(work())
        return world
