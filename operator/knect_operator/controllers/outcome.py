"""What a reconcile did, for the queue, the trace and the metrics.

Must not: hold anything of the object itself.
"""

from dataclasses import dataclass, field
from typing import Self

from knect_operator.controllers.children import Changes

__all__ = ["Outcome"]


@dataclass(slots=True)
class Outcome:
    """`wait` is in seconds until the next look; None: the key means nothing any more."""

    kind: str
    namespace: str
    name: str
    applied: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    corrected: int = 0
    wrote_status: int = 0
    wait: float | None = None

    @property
    def did_something(self) -> bool:
        """Return whether the world is another one than before."""
        return bool(self.applied or self.pruned or self.wrote_status)

    def add(self, changes: Changes) -> None:
        """Count what was done to children."""
        self.applied += changes.applied
        self.pruned += changes.pruned
        self.corrected += changes.corrected

    def again(self, seconds: float) -> Self:
        """Say when the key wants another look."""
        self.wait = seconds
        return self
