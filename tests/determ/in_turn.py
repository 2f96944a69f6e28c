"""A delivery made again and again, each time with the next of its requests going wrong.

Why: which request of a write of several is lost, and whether the worker lives to see it, decides
what a retry finds; so each of them is lost once, at every platform in the same way.
Must not: know a platform; a test says what is told, and what is to stand there in the end.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pytest
from msgspec import Struct
from tests.support.told import Told

from knect.model import Record
from knect.sdk.testing import Fault

__all__ = [
    "LOST",
    "Loss",
    "Play",
    "Scene",
    "after_a_loss",
    "each_in_turn",
    "each_way",
]

#: Lost: done, and nobody was told. Late: done a while after the connection broke.
LOST = (Fault.COMMIT_THEN_DROP, Fault.LATE_COMMIT)
_DONE = {"delivered", "unchanged", "skipped", "superseded"}
#: What a test of writes is made with: how each of its requests goes wrong, and whether the worker
#: lives to see it.
each_way = pytest.mark.parametrize(
    ("fault", "dies"),
    [*((one, False) for one in (*LOST, Fault.SERVER_ERROR)), (Fault.COMMIT_THEN_DROP, True)],
    ids=["lost", "late", "5xx", "lost-dies"],
)


class Scene(Protocol):
    """A platform, and what is told to it."""

    @property
    def told(self) -> Told:
        """The world it is in."""
        ...


_S = TypeVar("_S", bound=Scene)


class Play(Struct, Generic[_S], frozen=True, kw_only=True):
    """There is a record, or several; in the end `look` sees what is `wanted`, and its last version this `fate`.

    `before` happens first, with nothing going wrong; `then` is told while what became of the record
    is not known yet.
    """

    opens: Callable[[Path], AbstractAsyncContextManager[_S]]
    record: Callable[[_S], Record | tuple[Record, ...]]
    look: Callable[[_S], Any]
    wanted: Any
    before: Callable[[_S], Awaitable[None]] | None = None
    then: Callable[[_S], Record] | None = None
    fate: str = "delivered"


async def each_in_turn(play: Play[_S], folder: Path, *, fault: Fault, dies: bool) -> int:
    """Play with the first request meeting the fault, then with the second, until there are no more;
    return how many there are.
    """
    for at in count():
        where = folder / str(at)
        where.mkdir()
        async with play.opens(where) as scene:
            if await _goes_wrong(play, scene, at, fault, dies=dies):
                continue
            return at
    raise AssertionError


class Loss(StrEnum):
    """When the ledger is lost, and what it is then."""

    RESTORED = "restored"  # after the record, to what it was before it
    GONE = "gone"  # after the record; it has seen nothing
    MEANWHILE = "meanwhile"  # before the record, which is told then; it has seen nothing


async def after_a_loss(play: Play[_S], folder: Path, loss: Loss) -> None:
    """Play with nothing going wrong but that the ledger is lost, and let work go on."""
    async with play.opens(folder) as scene:
        told = scene.told
        backup = await told.copied()
        if play.before is not None:
            await play.before(scene)
        if loss is Loss.RESTORED:
            backup = await told.copied()
        if loss is Loss.MEANWHILE:
            await told.put_back(backup)
        made = play.record(scene)
        told.tell(*(made if isinstance(made, tuple) else (made,)))
        if loss is not Loss.MEANWHILE:
            await told.settles()
            await told.put_back(backup)
        await told.passes(600)
        fates = await told.settles()
        assert len(fates) > len(backup["transactions"]), "nothing was read again"
        assert _DONE.issuperset(fates), await told.reasons()
        assert play.look(scene) == play.wanted


async def _goes_wrong(play: Play[_S], scene: _S, at: int, fault: Fault, *, dies: bool) -> bool:
    """Play once; tell whether there was a request to meet the fault."""
    told = scene.told
    if play.before is not None:
        await play.before(scene)
    before = await told.fates()
    made = play.record(scene)
    told.tell(*(made if isinstance(made, tuple) else (made,)))
    told.goes_wrong(at, fault)
    if dies:
        told.dies()
    if play.then is not None:
        await told.lives()
        told.tell(play.then(scene))
    fates = await told.settles()
    of_these = fates[len(before) :]
    assert of_these[-1] == play.fate, (at, await told.reasons())
    assert {"delivered", "superseded"}.issuperset(of_these[:-1]), (at, await told.reasons())
    seen = play.look(scene)
    assert seen == play.wanted, (at, seen)
    return bool(told.server.faults.injected[fault])
