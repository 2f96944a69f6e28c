"""One leads: taken, renewed, lost and given back, each by the holder's own clock."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.support.kube.memory import MemoryKube

from knect_operator.kube import Unavailable
from knect_operator.leader import Leader, LeaseLost


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def quick(monkeypatch, clock):
    """Sleeping passes the clock's time, and nobody else's."""
    real = asyncio.sleep

    async def sleep(seconds):
        clock.seconds += seconds
        await real(0)

    monkeypatch.setattr("knect_operator.leader.asyncio.sleep", sleep)


def leader(kube, name, clock, *, off=0.0):
    return Leader(
        kube,
        namespace="default",
        name="knect",
        identity=name,
        seconds=30.0,
        now=lambda: datetime.fromtimestamp(1_800_000_000 + clock.seconds + off, UTC),
        monotonic=clock,
    )


def holder(kube):
    return kube.of("Lease")["knect"]["spec"]["holderIdentity"]


async def test_the_first_leads_and_the_second_waits(clock):
    kube = MemoryKube()
    first, second = leader(kube, "a", clock), leader(kube, "b", clock)

    await first.wait()

    assert first.leading
    assert holder(kube) == "a"
    assert not await second._try()
    assert not second.leading


async def test_a_dead_holder_is_followed_after_a_whole_lease_whatever_its_clock_said(clock, quick):
    kube = MemoryKube()
    first = leader(kube, "a", clock, off=3600.0)
    await first.wait()
    second = leader(kube, "b", clock)

    began = clock.seconds
    await second.wait()

    assert holder(kube) == "b"
    assert 30.0 < clock.seconds - began <= 41.0
    assert kube.of("Lease")["knect"]["spec"]["leaseTransitions"] == 1


async def test_a_holder_that_cannot_renew_stops_before_another_may_begin(clock, quick):
    kube = MemoryKube()
    first = leader(kube, "a", clock)
    await first.wait()

    def gone(*_):
        raise Unavailable("gone")

    kube.fault = gone
    with pytest.raises(LeaseLost, match="could not be renewed"):
        await first.keep()

    assert clock.seconds < 30.0


async def test_one_failed_renewal_is_nothing(clock, quick):
    kube = MemoryKube()
    first = leader(kube, "a", clock)
    await first.wait()
    failures = iter([Unavailable("gone")])

    def once(*_):
        for error in failures:
            raise error

    kube.fault = once
    keeping = asyncio.create_task(first.keep())
    for _ in range(50):
        await asyncio.sleep(0)

    assert not keeping.done()
    assert first.leading
    keeping.cancel()


async def test_a_lease_taken_by_another_ends_the_holder(clock, quick):
    kube = MemoryKube()
    first = leader(kube, "a", clock)
    await first.wait()
    kube.of("Lease")["knect"]["spec"]["holderIdentity"] = "b"

    with pytest.raises(LeaseLost, match="another operator"):
        await first.keep()

    assert not first.leading


async def test_given_back_it_is_free_at_once(clock):
    kube = MemoryKube()
    first, second = leader(kube, "a", clock), leader(kube, "b", clock)
    await first.wait()

    await first.release()
    await second.wait()

    assert holder(kube) == "b"


async def test_what_another_holds_is_not_given_back(clock):
    kube = MemoryKube()
    first = leader(kube, "a", clock)
    await first.wait()
    kube.of("Lease")["knect"]["spec"]["holderIdentity"] = "b"

    await first.release()

    assert holder(kube) == "b"
