"""all, exists, exists_one, filter and map over lists (and keys of maps): one pass, paid per turn.

Why a module of its own: both compiled CEL engines build results by copying them per turn, which is
quadratic; here a list grows in place and every turn is paid for before it runs.
Must not: lose an item's number in the original list, for it is what the error names.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from knect.engine.mapping.errors import BudgetExceeded, ExpressionError
from knect.engine.mapping.frame import Frame, NameItem, Run, Where
from knect.engine.mapping.values import describe

__all__ = ["LOOPS", "Each", "Loop"]


@dataclass(frozen=True, slots=True)
class Each:
    """A map of nothing but fields of the item that loop `slot` stands at.

    `renames` are pairs of its key and the field; `size` is the memory it takes.
    """

    slot: int
    renames: tuple[tuple[str, str], ...]
    size: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A compiled macro.

    `each` is what `body` makes, if that needs nothing but the item. `cost` is what one turn is
    charged; `name_item` names the nth item of the list gone through.
    """

    name: str
    slot: int
    target: Run
    target_where: Where | None
    name_item: NameItem
    body: Run
    each: Each | None
    condition: Run | None
    cost: int

    def enter(self, frame: Frame) -> Iterable[tuple[int, Any]]:
        """Return the numbered items, all paid for. Raises ExpressionError, BudgetExceeded."""
        return enumerate(self.items(frame))

    def items(self, frame: Frame) -> Any:
        """Return the list (or map) it goes through, all turns paid for. Raises as `enter`."""
        items = self.target(frame)
        kind = type(items)
        if kind is not list and kind is not tuple and kind is not dict:
            path = None if self.target_where is None else self.target_where(frame)
            message = f"is {describe(items)}; {self.name}() goes through a list"
            raise ExpressionError(message, path=path, value=items)
        frame.work(self.cost * len(items))
        return items

    def item_where(self, frame: Frame) -> str | None:
        """Name the item the loop stands at."""
        return self.name_item(frame, frame.turns[self.slot])

    def kept_where(self, frame: Frame, position: int) -> str | None:
        """Name an item of a filtered list as its original does."""
        return self.name_item(frame, frame.kept[self.slot][position])

    def misfit(self, frame: Frame, value: Any) -> ExpressionError:
        """Return the error of a condition that is no condition."""
        message = f"the condition in {self.name}() is {describe(value)}, not true or false"
        return ExpressionError(message, path=self.item_where(frame), value=value)


def _map(loop: Loop) -> Run:
    slot, body, condition, each = loop.slot, loop.body, loop.condition, loop.each
    if each is not None and each.slot == slot and condition is None:
        return _map_each(loop, each, _map(replace(loop, each=None)))

    def run(frame: Frame) -> list[Any]:
        slots, turns = frame.slots, frame.turns
        made: list[Any] = []
        for turns[slot], slots[slot] in loop.enter(frame):
            if condition is not None:
                holds = condition(frame)
                if holds is False:
                    continue
                if holds is not True:
                    raise loop.misfit(frame, holds)
            made.append(body(frame))
        frame.take(8 * len(made))
        return made

    return run


def _map_each(loop: Loop, each: Each, slow: Run) -> Run:
    """Return a map whose turns need no frame; if one fails, they are taken again to say which."""
    renames, size, cost = each.renames, 8 + each.size, loop.cost

    def run(frame: Frame) -> Any:
        items = loop.items(frame)
        made: list[Any] = []
        try:
            for item in items:
                one = {}
                for name, field in renames:
                    one[name] = item[field]
                made.append(one)
        except (KeyError, TypeError):
            frame.steps += cost * len(items)
            return slow(frame)
        frame.take(size * len(items))
        return made

    return run


def _filter(loop: Loop) -> Run:
    slot, body = loop.slot, loop.body

    def run(frame: Frame) -> list[Any]:
        slots, turns = frame.slots, frame.turns
        made: list[Any] = []
        kept: list[int] = []
        for turn, item in loop.enter(frame):
            slots[slot] = item
            turns[slot] = turn
            holds = body(frame)
            if holds is True:
                made.append(item)
                kept.append(turn)
            elif holds is not False:
                raise loop.misfit(frame, holds)
        frame.take(8 * len(made))
        frame.kept[slot] = kept
        return made

    return run


def _decided(decisive: bool) -> Callable[[Loop], Run]:  # noqa: FBT001 - the two loops' difference
    """Return all (decided by a false) or exists (by a true); a decision beats errors, as in CEL."""

    def build(loop: Loop) -> Run:
        slot, body = loop.slot, loop.body

        def run(frame: Frame) -> bool:
            slots, turns = frame.slots, frame.turns
            failed: ExpressionError | None = None
            for turn, item in loop.enter(frame):
                slots[slot] = item
                turns[slot] = turn
                try:
                    holds = body(frame)
                except BudgetExceeded:
                    raise
                except ExpressionError as error:
                    failed = failed or error
                    continue
                if holds is decisive:
                    return bool(holds)
                if holds is not (not decisive):
                    failed = failed or loop.misfit(frame, holds)
            if failed is not None:
                raise failed
            return not decisive

        return run

    return build


def _exists_one(loop: Loop) -> Run:
    slot, body = loop.slot, loop.body

    def run(frame: Frame) -> bool:
        slots, turns = frame.slots, frame.turns
        count = 0
        for turn, item in loop.enter(frame):
            slots[slot] = item
            turns[slot] = turn
            holds = body(frame)
            if holds is True:
                count += 1
            elif holds is not False:
                raise loop.misfit(frame, holds)
        return count == 1

    return run


#: Macro -> what makes its closure.
LOOPS: dict[str, Callable[[Loop], Run]] = {
    "all": _decided(decisive=False),
    "exists": _decided(decisive=True),
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}
