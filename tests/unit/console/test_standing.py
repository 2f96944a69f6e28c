"""A way to a cluster that is kept, and made anew when it ends: no question is lost to it, and no
deed is done twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from knect.cli.failure import CommandError
from knect.cli.standing import Standing
from knect.gateway import Refusal
from knect.gateway.answers import Done, Mapped, Mapping, Values, Wish


class Way:
    """One way there; from `fails` on it leads nowhere."""

    def __init__(self, cluster: "Cluster") -> None:
        self.cluster = cluster
        self.fails: Refusal | None = None
        self.open = True

    def _pass(self, what: str) -> None:
        assert self.open, "a way that was closed is not asked"
        self.cluster.asked.append(what)
        if self.fails:
            raise self.fails

    async def unmapped(self, *, limit: int | None = None) -> Values:
        await asyncio.sleep(0)
        self._pass(f"unmapped {limit}")
        return Values(items=[])

    async def act(self, verb: str, wish: Wish) -> Done:
        self._pass(f"{verb}{' counted' if wish.dry_run else ''}")
        return Done(count=1)

    async def map_value(self, wish: Mapping) -> Mapped:
        self._pass(f"map {wish.value}")
        return Mapped(destination="erp", woke=1)


class Cluster:
    """Opens ways, as a `Chosen` does."""

    def __init__(self) -> None:
        self.ways: list[Way] = []
        self.asked: list[str] = []
        self.away = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Way]:
        await asyncio.sleep(0)
        if self.away:
            raise CommandError("the cluster cannot be reached")
        way = Way(self)
        self.ways.append(way)
        try:
            yield way
        finally:
            way.open = False


def _standing(cluster: Cluster) -> Standing:
    chosen: Any = cluster
    return Standing(chosen)


AWAY = Refusal(503, "knect api does not answer")
OLD = Refusal(401, "who you are is not known")


async def test_one_way_serves_every_question_and_is_closed_at_the_end() -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        for _ in range(3):
            async with standing.lent() as source:
                await source.unmapped(limit=5)
    assert cluster.asked == ["unmapped 5"] * 3
    assert [way.open for way in cluster.ways] == [False]


@pytest.mark.parametrize("refusal", [AWAY, OLD])
async def test_a_question_is_asked_again_on_a_new_way(refusal: Refusal) -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        cluster.ways[0].fails = refusal
        assert (await standing.act("retry", Wish(words=("1",), dry_run=True))).count == 1
        assert [way.open for way in cluster.ways] == [False, True]
    assert cluster.asked == ["retry counted"] * 2


async def test_a_deed_whose_answer_was_lost_is_not_done_again() -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        cluster.ways[0].fails = AWAY
        cluster.away = True  # and what is said is still what may have become of the deed
        with pytest.raises(Refusal, match="does not answer; it may still be done, look"):
            await standing.act("retry", Wish(words=("1",)))
        cluster.away = False
        assert cluster.asked == ["retry"]
        await standing.act("retry", Wish(words=("2",)))  # on the new way
        cluster.ways[1].fails = AWAY
        with pytest.raises(Refusal, match="does not answer"):
            await standing.map_value(Mapping(kind="sku", value="a", mapped="b"))
    assert cluster.asked == ["retry", "retry", "map a"]


async def test_a_deed_that_was_turned_away_at_the_door_is_done_on_a_new_way() -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        cluster.ways[0].fails = OLD
        assert (await standing.act("skip", Wish(words=("1",), reason="x"))).count == 1
    assert cluster.asked == ["skip", "skip"]


async def test_what_may_not_be_is_said_and_the_way_stays() -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        cluster.ways[0].fails = Refusal(403, "ana may not update transactions in shops")
        with pytest.raises(Refusal, match="may not"):
            await standing.unmapped()
        assert len(cluster.ways) == 1


async def test_many_who_lose_their_way_make_one_new_one() -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        cluster.ways[0].fails = AWAY
        await asyncio.gather(*(standing.unmapped() for _ in range(8)))
    assert len(cluster.ways) == 2


async def test_a_cluster_that_is_away_is_a_sentence_until_it_is_back() -> None:
    cluster = Cluster()
    async with _standing(cluster) as standing:
        cluster.ways[0].fails = AWAY
        cluster.away = True
        for _ in range(2):
            with pytest.raises(Refusal, match="the cluster cannot be reached"):
                await standing.unmapped()
        cluster.away = False
        assert (await standing.unmapped()).items == []
