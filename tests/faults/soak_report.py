"""The table of a soak, written anew after every round.

Must not: leave anything out that was violated, or round a kill up.
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from tests.faults.verdict import Verdict

__all__ = ["Outcome", "Report", "Round"]

_EXCERPT = 1_500


class Outcome(Protocol):
    """What any kind of round came to."""

    kills: int
    orders: int
    violations: Sequence[str]

    @property
    def injected(self) -> Mapping[str, int]:
        """Faults that really happened, by kind."""
        ...


class Round(Struct, frozen=True, kw_only=True):
    """One round of a soak; without a result it ended early."""

    number: int
    name: str
    seed: int
    seconds: float
    result: Outcome | None
    violations: Sequence[str]


class Report:
    """Writes `path`; `sentence` says what came of it so far."""

    def __init__(self, path: Path, *, seed: int, minutes: float) -> None:
        self.path = path
        self._rounds: list[Round] = []
        self._seed = seed
        self._minutes = minutes
        self._began = datetime.now(UTC)
        self._is_over = False

    @property
    def is_good(self) -> bool:
        """Tell whether something was played and nothing violated."""
        return bool(self._rounds) and not any(one.violations for one in self._rounds)

    @property
    def sentence(self) -> str:
        """Return what came of it, in one sentence."""
        found = sum(len(one.violations) for one in self._rounds)
        kills, orders = self._total("kills"), self._total("orders")
        what = "no violation" if not found else f"{found} VIOLATIONS"
        faults = self._injected().total()
        return f"{len(self._rounds)} rounds, {orders:,} orders, {kills:,} kills, {faults:,} faults: {what}."

    def add(self, one: Round) -> None:
        """Add a round and write the table."""
        self._rounds.append(one)
        self._write()

    def close(self) -> None:
        """Say that the soak came to its end by itself."""
        self._is_over = True
        self._write()

    def _total(self, name: str) -> int:
        return sum(getattr(one.result, name) for one in self._rounds if one.result is not None)

    def _injected(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for one in self._rounds:
            if one.result is not None:
                total.update(one.result.injected)
        return total

    def _write(self) -> None:
        lines = [
            "# Soak",
            "",
            f"`make soak`, begun {self._began:%Y-%m-%d %H:%M} UTC, seed {self._seed}, "
            f"{self._minutes:g} minutes asked for"
            f"{'' if self._is_over else ', still running or stopped'}.",
            "",
            f"**{self.sentence}**",
            "",
            *self._table(),
            "",
            *self._faults(),
            *self._recovery(),
            *self._course(),
            *self._violations(),
        ]
        self.path.write_text("\n".join(lines).rstrip() + "\n")

    def _table(self) -> list[str]:
        lines = [
            "| # | round | seed | minutes | orders | kills | faults | orders/s meanwhile | result |",
            "|--:|---|--:|--:|--:|--:|--:|--:|---|",
        ]
        for one in self._rounds:
            result = one.result
            rate = f"{result.rate:.1f}" if isinstance(result, Verdict) else ""
            told = (
                f"{result.orders:,} | {result.kills} | {sum(result.injected.values()):,} | {rate}"
                if result is not None
                else " | | | "
            )
            came = f"{len(one.violations)} VIOLATIONS" if one.violations else "good"
            lines.append(
                f"| {one.number} | {one.name} | {one.seed} | {one.seconds / 60:.1f} | {told} | {came} |"
            )
        return lines

    def _faults(self) -> list[str]:
        counted = ", ".join(f"{name} {count:,}" for name, count in self._injected().most_common())
        deaths: Counter[str] = Counter()
        hooks: Counter[str] = Counter()
        restarts = turned = 0
        for one in self._storms():
            deaths.update(one.deaths)
            hooks.update(one.webhooks)
            restarts += one.restarts
            turned += one.poisoned
        sent = ", ".join(f"{name} {count:,}" for name, count in hooks.most_common())
        died = ", ".join(f"{name} {count}" for name, count in deaths.most_common())
        names = sorted({name for one in self._storms() for name in one.invariants}, key=_number)
        return [
            "Faults really injected: " + (counted or "none") + ".",
            "",
            f"Workers' deaths by cause (crash points by name): {died or 'none'}. "
            f"The ledger's server crashed and came back {restarts} times. "
            f"Orders whose total was made wrong: {turned}.",
            "",
            f"Webhooks: {sent or 'none'}.",
            "",
            f"Checked after every storm: {', '.join(names)}, the equation, one document per order, "
            "one party per e-mail address, a second full read that writes nothing, and that the "
            "audit names exactly the row and the document removed by hand.",
            "",
        ]

    def _recovery(self) -> list[str]:
        first = [seconds for one in self._storms() for seconds in one.first_request]
        backlog = [seconds for one in self._storms() for seconds in one.backlog]
        if not first or not backlog:
            return []
        return [
            "| after a kill, seconds | median | 95 % | most | of |",
            "|---|--:|--:|--:|--:|",
            _spread("to the first request (one worker, SQLite)", first),
            _spread("to no larger backlog than at the kill", backlog),
            "",
        ]

    def _course(self) -> list[str]:
        lines = [
            "| round | at minute | worker MiB | files | WAL MiB | ledger MiB |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for one in self._rounds:
            if isinstance(one.result, Verdict):
                lines += [
                    f"| {one.number} | {it.at / 60:.1f} | {it.rss:.0f} | {it.files} | {it.wal:.1f} | {it.ledger:.1f} |"
                    for it in one.result.course
                ]
        return [*lines, ""] if len(lines) > 2 else []

    def _violations(self) -> list[str]:
        lines = []
        for one in self._rounds:
            for text in one.violations:
                lines += [
                    f"## Round {one.number}, seed {one.seed}",
                    "",
                    "```",
                    text[:_EXCERPT],
                    "```",
                    "",
                ]
        return lines

    def _storms(self) -> list[Verdict]:
        return [one.result for one in self._rounds if isinstance(one.result, Verdict)]


def _number(name: str) -> int:
    return int(name[1:])


def _spread(what: str, values: Sequence[float]) -> str:
    most = sorted(values)
    at95 = most[min(len(most) - 1, int(len(most) * 0.95))]
    return f"| {what} | {statistics.median(most):.2f} | {at95:.2f} | {most[-1]:.2f} | {len(most)} |"
