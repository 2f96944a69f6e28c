import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(autouse=True)
async def settled() -> AsyncIterator[None]:
    """Let closed connections finish before the loop ends."""
    yield
    await asyncio.sleep(0)
