"""The ledger on this machine, asked and acted on by itself: no cluster.

Must not: write a SQLite ledger beside a living worker; the wish is handed to it.
"""

import getpass
import os
from datetime import UTC, datetime
from typing import Any

from knect.cli.ledgers import opened, resolve
from knect.engine.working.control import ask, door_of
from knect.engine.working.requests import Request, perform
from knect.gateway import Refusal, questions, wishes
from knect.gateway.answers import (
    Activity,
    Connections,
    Done,
    Explanation,
    Found,
    Groups,
    Listed,
    Mapped,
    Mapping,
    Shown,
    Sums,
    Values,
    Wish,
)
from knect.ledger import open_ledger
from knect.ledger.instants import to_us
from knect.ledger.questions.listing import Which
from knect.ledger.store.database import sqlite_path
from knect.seams import SystemClock, new_id

__all__ = ["LedgerHere"]


_NO_ANSWER = (
    "the worker that writes {path} has not answered; what was asked may still be done: look "
    "with `knect stuck` before you ask again"
)


class LedgerHere:
    """Asks the ledger that is named. Every method raises LedgerError and Refusal."""

    def __init__(self, ledger: str | None) -> None:
        self._ledger = ledger

    async def find(self, key: str) -> Found:
        """Return what a key leads to."""
        async with opened(self._ledger) as book:
            return await questions.find(book, key)

    async def explain(self, sku: str) -> Explanation:
        """Return what the numbers behind a SKU were made of."""
        async with opened(self._ledger) as book:
            return await questions.explain(book, sku)

    async def listed(self, which: Which, *, limit: int | None = None) -> Listed:
        """Return the transactions that are so: the newest, or all of them."""
        async with opened(self._ledger) as book:
            return await questions.listed(book, which, limit=limit)

    async def show(self, identifier: str, *, payload: bool) -> Shown:
        """Return all of one transaction."""
        async with opened(self._ledger) as book:
            return await questions.show(book, identifier, payload=payload)

    async def status(self, pipeline: str | None) -> Sums:
        """Return the equation per pipeline."""
        async with opened(self._ledger) as book:
            return await questions.status(book, pipeline, now_us=to_us(datetime.now(UTC)))

    async def stuck(self, pipeline: str | None, *, limit: int | None = None) -> Groups:
        """Return what is stopped: the largest groups, or all of them."""
        async with opened(self._ledger) as book:
            now_us = to_us(datetime.now(UTC))
            return await questions.stuck(book, pipeline, now_us=now_us, limit=limit)

    async def unmapped(self, *, limit: int | None = None) -> Values:
        """Return the values that are waited for: the most wanted, or all of them."""
        async with opened(self._ledger) as book:
            return await questions.unmapped(book, limit=limit)

    async def activity(self, *, limit: int | None = None) -> Activity:
        """Return what people did: the last, or all of it."""
        async with opened(self._ledger) as book:
            return await questions.activity(book, limit=limit)

    async def connections(self, since_us: int) -> Connections:
        """Return how each Connection is, with its calls since then."""
        async with opened(self._ledger) as book:
            now_us = to_us(datetime.now(UTC))
            return await questions.connections(book, since_us=since_us, now_us=now_us)

    async def act(self, verb: str, wish: Wish) -> Done:
        """Retry, let pass, edit, replay or skip."""
        async with opened(self._ledger) as book:

            async def carry(wanted: Request) -> dict[str, Any]:
                """Count without writing, also where somebody else writes or nobody may."""
                if not wanted.dry_run:
                    return await self._carry_out(wanted)
                now = to_us(await book.server_time() or SystemClock().now())
                return await book.read(lambda c: perform(c, wanted, now_us=now, new_id=new_id))

            return await wishes.act(book, verb, wish, actor=_actor(), carry=carry)

    async def map_value(self, wish: Mapping) -> Mapped:
        """Say what a value means."""
        async with opened(self._ledger) as book:
            return await wishes.map_value(book, wish, actor=_actor(), carry=self._carry_out)

    async def _carry_out(self, wish: Request) -> dict[str, Any]:
        """Let the living worker do it, or do it here."""
        dsn = resolve(self._ledger)
        path = sqlite_path(dsn)
        if path is not None:
            try:
                answer = await ask(door_of(path), wish)
            except TimeoutError:
                raise Refusal(504, _NO_ANSWER.format(path=path)) from None
            if answer is not None:
                if "error" in answer:
                    raise Refusal(409, str(answer["error"]))
                return answer
        book = await open_ledger(dsn, patience=0)
        try:
            now = to_us(await book.server_time() or SystemClock().now())
            return await book.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
        finally:
            await book.close()


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a pod's user has no name
        return os.environ.get("KNECT_WORKER_NAME", f"user {os.getuid()}")
