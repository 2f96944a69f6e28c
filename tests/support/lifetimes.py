"""A worker that works until nothing moves, or until something has killed it.

Must not: close it; how much it may still end is for the test to say.
"""

import asyncio

from knect.engine.working.worker import Worker

__all__ = ["works_until"]


async def works_until(worker: Worker, *killed: asyncio.Event) -> None:
    """Let a worker work until nothing moves by itself, or the first of the events is set."""
    tasks: set[asyncio.Task[object]] = {asyncio.create_task(worker.run_once())}
    tasks |= {asyncio.create_task(one.wait()) for one in killed}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
