"""The state of one evaluation: what it may see, where its loops are, what it may still spend.

One may serve several expressions, one after the other, whose budget is set anew before each.
Must not: outlive the record it is for, or be shared by two at a time.
"""

from collections.abc import Callable, Mapping
from typing import Any

from knect.engine.mapping.errors import BudgetExceeded
from knect.engine.mapping.limits import Limits

__all__ = ["Frame", "NameItem", "Run", "Where"]


class Frame:
    """`slots[n]` is the item loop n stands at, `turns[n]` its number in the loop's list.

    `kept[n]` are the numbers in the original list of what filter n let through.
    """

    __slots__ = ("functions", "kept", "limits", "room", "scope", "slots", "steps", "turns")

    def __init__(
        self,
        scope: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]],
        limits: Limits,
        loops: int,
    ) -> None:
        self.scope = scope
        self.functions = functions
        self.limits = limits
        self.steps = limits.steps
        self.room = limits.room
        if loops:
            self.slots: list[Any] = [None] * loops
            self.turns = [0] * loops
            self.kept: list[list[int]] = [[]] * loops

    def work(self, steps: int) -> None:
        """Pay for work. Raises BudgetExceeded."""
        self.steps -= steps
        if self.steps < 0:
            raise BudgetExceeded(f"the expression took more than {self.limits.steps:,} steps")

    def take(self, size: int) -> None:
        """Pay for memory, before it is used. Raises BudgetExceeded."""
        self.room -= size
        if self.room < 0 or size > self.limits.result:
            raise BudgetExceeded("the expression made more text or lists than it may")


#: A compiled node.
Run = Callable[[Frame], Any]
#: Names the field a node's value came from, None if it came from none. Used on errors only.
Where = Callable[[Frame], str | None]
#: Names the nth item of a list.
NameItem = Callable[[Frame, int], str | None]
