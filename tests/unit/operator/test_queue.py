"""The work queue: merged, one look per key at a time, backoff, resync, honest figures."""

import asyncio
from collections.abc import Callable

import pytest

from knect_operator.queue import Backoff, WorkQueue


class Looks:
    """A reconcile function whose looks the test opens and closes."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.failures: list[tuple[str, Exception]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.answer: Callable[[str], float | None] = lambda _key: None
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self, key: str) -> float | None:
        self.began.append(key)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
            return self.answer(key)
        finally:
            self.at_once -= 1
            self.ended.append(key)

    def failed(self, key: str, error: Exception) -> None:
        self.failures.append((key, error))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def looks():
    return Looks()


def queue_of(looks: Looks, **settings) -> WorkQueue[str]:
    return WorkQueue(looks, failed=looks.failed, **settings)


async def serving(queue: WorkQueue[str]) -> asyncio.Task[None]:
    return asyncio.create_task(queue.run())


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_hundred_events_are_one_look(looks):
    queue = queue_of(looks)
    for _ in range(100):
        queue.add("a")
    task = await serving(queue)
    await until(lambda: looks.ended == ["a"])
    await asyncio.sleep(0.01)
    assert looks.began == ["a"]
    await stop(task)


async def test_a_change_during_a_look_causes_exactly_one_more(looks):
    queue = queue_of(looks)
    task = await serving(queue)
    looks.gate.clear()
    queue.add("a")
    await until(lambda: looks.began == ["a"])
    queue.add("a")
    queue.add("a")
    assert looks.most_at_once == 1
    looks.gate.set()
    await until(lambda: looks.ended == ["a", "a"])
    await asyncio.sleep(0.01)
    assert looks.began == ["a", "a"]
    await stop(task)


async def test_keys_run_side_by_side_up_to_the_limit(looks):
    queue = queue_of(looks, workers=3)
    task = await serving(queue)
    looks.gate.clear()
    for key in "abcdef":
        queue.add(key)
    await until(lambda: len(looks.began) == 3)
    await asyncio.sleep(0.01)
    assert looks.most_at_once == 3
    looks.gate.set()
    await until(lambda: sorted(looks.ended) == list("abcdef"))
    await stop(task)


async def test_a_failing_key_comes_back_and_does_not_hold_others(looks):
    def answer(key):
        if key == "bad" and len(looks.failures) < 3:
            raise RuntimeError("no")

    looks.answer = answer
    queue = queue_of(looks, backoff=Backoff(first=0.01, longest=0.02), chance=lambda: 1.0)
    task = await serving(queue)
    queue.add("bad")
    queue.add("good")
    await until(lambda: looks.began.count("bad") == 4)
    assert [key for key, _ in looks.failures] == ["bad"] * 3
    assert looks.began.count("good") == 1
    await stop(task)


async def test_events_do_not_undo_a_backoff_but_a_change_is_seen_soon(looks):
    looks.answer = lambda _key: 1 / 0
    queue = queue_of(looks, backoff=Backoff(first=0.05, longest=60), chance=lambda: 1.0)
    task = await serving(queue)
    queue.add("a")
    await until(lambda: len(looks.failures) == 3)  # the next pause is 0.2 s
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(50):
        queue.add("a")
    await until(lambda: len(looks.failures) == 4)
    assert loop.time() - began >= 0.04
    await stop(task)


async def test_a_key_is_looked_at_again_when_it_asked_for_it(looks):
    looks.answer = lambda _key: 0.01
    queue = queue_of(looks)
    task = await serving(queue)
    queue.add("a")
    await until(lambda: len(looks.ended) >= 3)
    await stop(task)


async def test_a_key_that_wants_nothing_more_is_forgotten(looks):
    queue = queue_of(looks)
    task = await serving(queue)
    queue.add("a")
    await until(lambda: looks.ended == ["a"])
    assert (queue.depth, queue.oldest_seconds) == (0, 0.0)
    queue.add("a")
    await until(lambda: looks.ended == ["a", "a"])
    await stop(task)


async def test_depth_and_ages_tell_a_hang(looks):
    now = [100.0]
    queue = queue_of(looks, workers=1, monotonic=lambda: now[0])
    task = await serving(queue)
    looks.gate.clear()
    queue.add("hangs")
    await until(lambda: looks.began == ["hangs"])
    queue.add("waits")
    now[0] = 130.0
    assert queue.longest_look_seconds == 30.0
    assert queue.depth == 1
    assert queue.oldest_seconds == 30.0
    looks.gate.set()
    await stop(task)


async def test_the_sooner_of_two_wishes_counts(looks):
    queue = queue_of(looks)
    task = await serving(queue)
    queue.add("a", after=3600)
    queue.add("a", after=0.01)
    queue.add("a", after=7200)
    await until(lambda: looks.ended == ["a"])
    await stop(task)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (5, 16), (9, 256), (40, 300)])
def test_backoff_doubles_up_to_its_limit(failures, seconds):
    assert Backoff().seconds(failures, 1.0) == seconds
    assert Backoff().seconds(failures, 1.0, is_shared=True) == min(seconds, 30)


def test_backoff_never_is_nothing():
    assert Backoff().seconds(9, 0.0) == 0.1
