"""Schedules: drawn from a seed, played, and made small when they find something.

Why: one number says everything that happened, so what was found at night is seen again by day; a
shrunk schedule is short enough to be read and is kept as a test.
Must not: know what is looked for.
"""

import random
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from tests.determ.setting import Setting
from tests.determ.simulation import Op, Simulation

__all__ = ["OPS", "Found", "drawn_ops", "hunt", "play", "shrink"]

#: What happens, by how often.
_WEIGHTS = {
    "arrive": 4, "edit": 5,
    "touch": 1, "delete": 1, "pay": 2, "hook": 3, "pass": 5, "steps": 4, "kill": 1,
    "arm": 3, "start": 4, "freeze": 1, "thaw": 1, "stall": 2, "replace": 1, "stop": 1, "again": 1,
    "meet": 8, "cancel": 2, "withdraw": 2, "restore": 2, "mapping": 1, "learn": 1, "back_up": 2, "put_back": 2,
}  # fmt: skip
#: What people and time do to a ledger.
_PEOPLE = ("insist", "skip", "replay", "tidy")
#: What people do where a rule holds what is dear, and the ERP names goods in its own way.
_RULED = ("approve", "approve", "map", "insist", "replay", "rule", "forget", "forget", "skip")
#: Everything that can happen, once each.
OPS = sorted(
    {
        *_WEIGHTS,
        "join",
        "rest",
        "filter",
        "pause",
        "open",
        "slow",
        "amend",
        "vanish",
        *_PEOPLE,
        *_RULED,
    }
)
#: In how many schedules the set-up is edited.
_EDITED = 0.4
#: In how many people act, or retention does.
_ACTED = 0.4
#: In how many a rule holds what is dear until somebody lets it pass.
_RULES = 0.25
#: In how many somebody sets by hand what a shop said.
_SET = 0.2
#: In how many a clerk deletes what was delivered.
_DELETED = 0.15
#: In how many a second shop sells into the same ERP.
_SHOPS = 0.25
#: In how many the ERP is as slow as it may be.
_SLOW = 0.4
_NAMES = [name for name, weight in _WEIGHTS.items() for _ in range(weight)]


class Found(Struct, frozen=True, kw_only=True):
    """A schedule that breaks something, and what it breaks."""

    seed: int
    ops: Sequence[Op]
    violations: Sequence[str]

    def __str__(self) -> str:
        what = "\n  ".join(self.violations[:5])
        ops = ", ".join(f'Op("{op.name}", {op.a}, {op.b})' for op in self.ops)
        return f"play({self.seed}, [{ops}])\n  {what}"


def drawn_ops(seed: int) -> list[Op]:
    """Return the schedule of a seed."""
    dice = random.Random(f"ops {seed}")
    names = ["arrive"] * dice.choice((1, 1, 2, 3))
    names += [dice.choice(_NAMES) for _ in range(dice.randrange(1, 11))]
    ops = [Op(name, dice.randrange(1000), dice.randrange(1000)) for name in names]
    dice = random.Random(f"watch {seed}")
    if dice.random() < _EDITED:
        edits = ["join", *(["rest"] * dice.randrange(4)), *(["filter"] * dice.choice((0, 0, 1, 2)))]
        edits += ["pause"] * dice.choice((0, 0, 1, 2))
        for name in edits:
            op = Op(name, dice.randrange(1000), dice.randrange(1000))
            ops.insert(dice.randrange(len(ops) + 1), op)
    dice = random.Random(f"people {seed}")
    if dice.random() < _ACTED:
        for _ in range(dice.choice((1, 2, 4))):
            op = Op(dice.choice(_PEOPLE), dice.randrange(1000), dice.randrange(1000))
            ops.insert(dice.randrange(len(ops) + 1), op)
    dice = random.Random(f"rules {seed}")
    if dice.random() < _RULES:
        for _ in range(dice.choice((1, 2, 4))):
            op = Op(dice.choice(_RULED), dice.randrange(1000), dice.randrange(1000))
            ops.insert(dice.randrange(len(ops) + 1), op)
        ops.insert(dice.choice((0, dice.randrange(len(ops) + 1))), Op("rule"))
    dice = random.Random(f"slow {seed}")
    if dice.random() < _SLOW:
        ops.insert(0, Op("slow", dice.randrange(2)))
    dice = random.Random(f"hands {seed}")
    if dice.random() < _SET:
        for _ in range(dice.choice((1, 1, 2, 3))):
            op = Op("amend", dice.randrange(1000), dice.randrange(1000))
            ops.insert(dice.randrange(len(ops) + 1), op)
    dice = random.Random(f"clerk {seed}")
    if dice.random() < _DELETED:
        for _ in range(dice.choice((1, 1, 2))):
            op = Op("vanish", dice.randrange(1000))
            ops.insert(dice.randrange(len(ops) // 2, len(ops) + 1), op)
    dice = random.Random(f"shops {seed}")
    if dice.random() < _SHOPS:
        ops.insert(dice.choice((0, 0, dice.randrange(len(ops) + 1))), Op("open", dice.randrange(9)))
    return ops


def play(seed: int, ops: Sequence[Op], setting: Setting | None = None) -> list[str]:
    """Play a schedule; return what it broke."""
    with Simulation(seed, setting) as sim:
        sim.play(ops)
        return sim.finish()


def hunt(seeds: Sequence[int] | range) -> Iterator[Found]:
    """Play the schedules of these seeds; yield those that break something."""
    for seed in seeds:
        ops = drawn_ops(seed)
        if violations := play(seed, ops):
            yield Found(seed=seed, ops=ops, violations=violations)


def shrink(found: Found, tries: int = 400) -> Found:
    """Return a schedule as small as can be that breaks an invariant of the same name."""
    names = {text.split()[0] for text in found.violations}

    def breaks(ops: Sequence[Op]) -> list[str]:
        said = play(found.seed, ops)
        return said if names & {text.split()[0] for text in said} else []

    best = found
    for simpler in (_fewer, _smaller):
        best, tries = _descend(best, simpler, breaks, tries)
    return best


def _descend(
    best: Found,
    simpler: Callable[[Sequence[Op]], Iterator[list[Op]]],
    breaks: Callable[[Sequence[Op]], list[str]],
    tries: int,
) -> tuple[Found, int]:
    went_on = True
    while went_on and tries > 0:
        went_on = False
        for ops in simpler(best.ops):
            tries -= 1
            if said := breaks(ops):
                best = Found(seed=best.seed, ops=ops, violations=said)
                went_on = True
                break
            if tries <= 0:
                break
    return best, tries


def _fewer(ops: Sequence[Op]) -> Iterator[list[Op]]:
    size = max(1, len(ops) // 2)
    while size:
        for start in range(0, len(ops), size):
            yield [*ops[:start], *ops[start + size :]]
        size //= 2


def _smaller(ops: Sequence[Op]) -> Iterator[list[Op]]:
    for i, op in enumerate(ops):
        for a, b in ((0, 0), (op.a % 12, op.b % 12), (op.a, op.b % 12)):
            if (a, b) != (op.a, op.b) and a <= op.a and b <= op.b:
                yield [*ops[:i], Op(op.name, a, b), *ops[i + 1 :]]
