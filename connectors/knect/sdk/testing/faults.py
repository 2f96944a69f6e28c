"""Faults a simulator injects, drawn from one seed, and counted.

Why: a run that claims to survive 3 % lost answers must show that they really were lost; a matrix
that injected nothing fails.
Must not: know a platform; what a refusal looks like is the simulator's to say.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random

__all__ = ["Fault", "FaultPlan"]


class Fault(StrEnum):
    """What can go wrong with one request."""

    SERVER_ERROR = "5xx"  # refused before anything was done
    THROTTLED = "429"  # the platform's own refusal, with its real headers
    HANG = "hang"  # no answer; done or not, as the dice say
    COMMIT_THEN_DROP = "commit-then-drop"  # done, and the connection is reset
    LATE_COMMIT = "late-commit"  # the connection is reset; done some seconds later
    TRUNCATED = "truncated"  # done; half of the body, then the connection ends
    MALFORMED = "malformed"  # done; the body is no JSON
    SLOW_BODY = "slow-body"  # done; the body drips
    HTML = "html-200"  # not done; a web page with status 200
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - the name of a fault


class FaultPlan:
    """Which request meets which fault.

    Args:
        rates: fault -> probability per request, 0 to 1, together at most 1.
        seed: the same seed and order of requests give the same faults.
        late_commit_seconds: how long after the reset a late commit lands.
        hang_seconds: how long a hang lasts, unless the client leaves before.
        drip_seconds: pause between two bytes of a slow body.
        spare: paths (prefixes) that meet no fault.
    """

    def __init__(
        self,
        rates: Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        late_commit_seconds: float = 5.0,
        hang_seconds: float = 60.0,
        drip_seconds: float = 0.2,
        spare: tuple[str, ...] = (),
    ) -> None:
        self.seed = seed
        self.late_commit_seconds = late_commit_seconds
        self.hang_seconds = hang_seconds
        self.drip_seconds = drip_seconds
        self.injected: Counter[Fault] = Counter()
        self._random = Random(seed)  # noqa: S311 - reproducible on purpose
        self._spare = spare
        self._next: list[Fault | None] = []
        self.set_rates(rates or {})

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Use these rates from now on."""
        self._rates = {Fault(name): rate for name, rate in rates.items()}
        if sum(self._rates.values()) > 1:
            raise ValueError("the rates of all faults together are more than 1")

    def force(self, *faults: Fault | None) -> None:
        """Let exactly the next requests meet these faults, in order; None: none."""
        self._next += faults

    def clear(self) -> None:
        """Forget what was forced and not yet met."""
        self._next.clear()

    def draw(self, path: str) -> Fault | None:
        """Return the fault this request meets, counted as injected."""
        if self._spare and path.startswith(self._spare):
            return None
        fault = self._next.pop(0) if self._next else self._throw()
        if fault is not None:
            self.injected[fault] += 1
        return fault

    def flip(self) -> bool:
        """Return True or False, by the same dice."""
        return self._random.random() < 0.5

    def pick(self, statuses: tuple[int, ...]) -> int:
        """Return one of `statuses`, by the same dice."""
        return self._random.choice(statuses)

    def _throw(self) -> Fault | None:
        number = self._random.random()
        for fault, rate in self._rates.items():
            if number < rate:
                return fault
            number -= rate
        return None
