"""Records into APIs declared by hand, through the engine: each answer lost, each step died at."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.determ.in_turn import LOST, Play, each_in_turn
from tests.support.orders import a_line, an_order
from tests.support.told import Told, serving, told

from knect.model import Order
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault
from knect.seams import SystemClock
from knect_connectors import rest
from knect_connectors.rest.simulator import InHouse
from knect_connectors.rest.tests.conftest import a_config

BATCH: dict[str, Any] = {
    "create": None,
    "batch": {"path": "/api/sales/batch", "wrap": "items", "results": "results"},
}
#: How an API keeps a write from being made twice -> what is declared of it, what it does.
KINDS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "unique": ({}, {}),
    "unique-and-late": ({}, {"settles": 50.0}),
    "keyed": ({"once": {"kind": "NativeKey"}}, {"unique": False, "once": "Idempotency-Key"}),
    "found": (
        {"once": {"kind": "LookupAfterSettle", "settleSeconds": 30}},
        {"unique": False, "settles": 20.0},
    ),
}


class Scene:
    """An API, and what is told to it."""

    def __init__(self, told: Told, system: InHouse) -> None:
        self.told = told
        self.system = system


@asynccontextmanager
async def an_api(
    folder: Path,
    *,
    kind: str = "unique",
    batch: bool = False,
    write: Any = None,
    destination: Mapping[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[Scene]:
    declared, does = KINDS[kind]
    system = InHouse(SystemClock(), **does)
    config = a_config(write={**declared, **(BATCH if batch else {}), **(write or {})}, **more)
    async with told(
        folder, ["orders"], partial(serve, system), rest,
        config=lambda served: {"baseUrl": served.url, **config},
        secrets={"token": Secret("in-house-token")},
        retry={"attempts": 8, "initial": "2s", "max": "15m"}, **(destination or {}),
    ) as world:  # fmt: skip
        yield Scene(world, system)


def serve(system: InHouse, clock: Any) -> Any:
    system.shelf._clock = clock  # what it does later, it does in the world's time
    return serving(system, clock)


def _sales(scene: Scene) -> Any:
    rows = scene.system.shelf.of("sales").values()
    return sorted((row["number"], int(row["totals"]["total"])) for row in rows)


def sale(number: str = "1001", total: str = "10.00") -> Order:
    return an_order(total, a_line(price=total), number=number)


async def _sold(scene: Scene) -> None:
    scene.told.tell(sale())
    assert await scene.told.settles() == ["delivered"]


THREE = (sale("1001"), sale("1002", "20.00"), sale("1003", "30.00"))
ALL_THREE = [("1001", 10), ("1002", 20), ("1003", 30)]


def _of_each(kinds: Iterable[str], record: Any, wanted: Any, **more: Any) -> dict[str, Play[Scene]]:
    batch = {"batch": True} if isinstance(record, tuple) else {}
    return {
        kind: Play(
            opens=partial(an_api, kind=kind, **batch), record=lambda _: record,
            look=_sales, wanted=wanted, **more,
        )
        for kind in kinds
    }  # fmt: skip


NEW = _of_each(KINDS, sale(), [("1001", 10)])
EDIT = _of_each(["unique"], sale(total="20.00"), [("1001", 20)], before=_sold)["unique"]
OVERTAKEN = _of_each(KINDS, sale(), [("1001", 20)], then=lambda _: sale(total="20.00"))
#: A batch has no idempotency key of its own.
BATCHES = _of_each([kind for kind in KINDS if kind != "keyed"], THREE, ALL_THREE)


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_there_once_whichever_answer_is_lost(
    tmp_path: Path, kind: str, fault: Fault, dies: bool
) -> None:
    assert await each_in_turn(NEW[kind], tmp_path, fault=fault, dies=dies) > 0


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_there_once_and_as_it_is_when_it_changes_meanwhile(
    tmp_path: Path, kind: str, fault: Fault
) -> None:
    dies = fault is Fault.LATE_COMMIT
    assert await each_in_turn(OVERTAKEN[kind], tmp_path, fault=fault, dies=dies) > 0


@pytest.mark.parametrize("fault", LOST)
async def test_a_change_is_there_whichever_answer_is_lost(tmp_path: Path, fault: Fault) -> None:
    assert await each_in_turn(EDIT, tmp_path, fault=fault, dies=False) > 0


@pytest.mark.parametrize("fault", [*LOST, Fault.TRUNCATED])
@pytest.mark.parametrize("kind", BATCHES)
async def test_all_of_a_batch_is_there_once_whichever_answer_is_lost(
    tmp_path: Path, kind: str, fault: Fault
) -> None:
    dies = fault is Fault.LATE_COMMIT
    assert await each_in_turn(BATCHES[kind], tmp_path, fault=fault, dies=dies) > 0


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.THROTTLED, Fault.HTML])
async def test_what_was_turned_away_is_made_once(tmp_path: Path, fault: Fault) -> None:
    assert await each_in_turn(BATCHES["found"], tmp_path, fault=fault, dies=False) > 0
