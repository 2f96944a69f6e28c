"""The floor: aiohttp and orjson, read, map, post; no bookkeeping of any kind.

python floor.py URL
"""

import asyncio
import sys

import aiohttp
import orjson
from mapping import mapped

BATCH, AT_ONCE = 100, 4


async def main(url: str) -> None:
    slots = asyncio.Semaphore(AT_ONCE)
    waiting: list[dict] = []
    posts: set[asyncio.Task] = set()
    async with aiohttp.ClientSession() as session:

        async def post(batch: list[dict]) -> None:
            try:
                body = orjson.dumps({"orders": batch})
                headers = {"Content-Type": "application/json"}
                async with session.post(f"{url}/batch", data=body, headers=headers) as answer:
                    answer.raise_for_status()
                    results = orjson.loads(await answer.read())["results"]
                    assert len(results) == len(batch)
            finally:
                slots.release()

        async def send(batch: list[dict]) -> None:
            await slots.acquire()
            task = asyncio.create_task(post(batch))
            posts.add(task)
            task.add_done_callback(posts.discard)

        cursor = None
        while True:
            params = {"cursor": cursor} if cursor else {}
            async with session.get(f"{url}/orders", params=params) as answer:
                page = orjson.loads(await answer.read())
            waiting += [mapped(order) for order in page["orders"]]
            while len(waiting) >= BATCH:
                await send(waiting[:BATCH])
                del waiting[:BATCH]
            cursor = page["next"]
            if cursor is None:
                break
        if waiting:
            await send(waiting)
        await asyncio.gather(*posts)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
