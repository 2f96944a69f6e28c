"""What is read out of Dynamics GP, through the engine: each query's answer lost."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.determ.test_into_gp import serve
from tests.support.heard import Heard, heard

from knect.sdk.secret import Secret
from knect.sdk.testing import Fault
from knect_connectors import dynamics_gp
from knect_connectors.dynamics_gp.simulator import People


class Scene:
    """A GP that is read."""

    def __init__(self, heard: Heard, people: People) -> None:
        self.heard = heard
        self.people = people


@asynccontextmanager
async def a_company(folder: Path, entity: str) -> AsyncIterator[Scene]:
    async with heard(
        folder, entity, partial(serve, spare=()), dynamics_gp,
        config=lambda served: {"host": "127.0.0.1", "port": served.port, "database": "TWO",
                               "site": "WAREHOUSE", "encryption": "Plain"},
        secrets={"username": Secret("knect"), "password": Secret("simulated")},
    ) as world:  # fmt: skip
        company = world.server.server.company  # type: ignore[attr-defined]
        yield Scene(world, People(company))


def _ships(people: People, number: str) -> None:
    order = people.enter(number, {"KN-100": "1"}, "10")
    people._books.put("knect_delivery", {"external_id": number, "SOPTYPE": 2, "SOPNUMBE": order})
    people.ship(order, tracking=[f"T-{number}"])


#: Entity -> what people do, and then what else; what is shown of a record, and what of all is there.
READS: dict[
    str, tuple[Callable[[People], object], Callable[[People], object], Callable[[Any], Any], Any]
] = {
    "inventory": (
        lambda people: people.count("KN-100", "7"), lambda people: people.count("KN-200", "3"),
        lambda one: (one["sku"], int(one["on_hand"])),
        [("KN-100", 7), ("KN-200", 3), ("KN-300", 100)],
    ),
    "shipments": (
        lambda people: _ships(people, "1"), lambda people: _ships(people, "2"),
        lambda one: [tracking["number"] for tracking in one["trackings"]],
        [["T-1"], ["T-2"]],
    ),
    "orders": (
        lambda people: people.enter("1", {"KN-100": "1"}, "10"),
        lambda people: people.enter("2", {"KN-100": "2"}, "20"),
        lambda one: (one["po_number"], len(one["lines"])), [("1", 1), ("2", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("entity", READS)
async def test_every_change_comes_whichever_query_is_not_answered(
    tmp_path: Path, entity: str
) -> None:
    fault = Fault.COMMIT_THEN_DROP
    first, then, shown, wanted = READS[entity]
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_company(folder, entity) as scene:
            await scene.heard.reads()
            first(scene.people)
            scene.heard.goes_wrong(at, fault)
            await scene.heard.reads()
            scene.heard.server.faults.clear()
            then(scene.people)
            await scene.heard.reads()
            seen = sorted(shown(json.loads(one)) for one in (await scene.heard.has()).values())
            assert seen == wanted, (at, seen)
            if not scene.heard.server.faults.injected[fault]:
                break
    assert at > 4
