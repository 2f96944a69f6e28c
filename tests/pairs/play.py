"""Merchant, clerk and workers of a pair at work, while wires fail and workers die; then rest.

Must not: judge (see `verdict.py`), or know which pair it is.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from msgspec import Struct
from tests.faults.lives import tail
from tests.faults.scene import Worker, is_killed, until
from tests.pairs.ends import PRICES, STOCK, Erp, Renaming, Shop
from tests.pairs.stage import Stage

__all__ = ["Done", "Plan", "Play"]

#: Around a write and its answer, at whichever entity the dice choose.
_POINTS = (
    "page.fetched", "ahead.committed", "send.first_byte", "send.complete", "answer.read",
    "deliver.answered", "commit.begin", "commit.done", "rows.written", "cursor.committed",
)  # fmt: skip
#: Passes after which what is wrong is not only late.
_STILL = 4
_ALL = 60.0  # seconds one pass may take at most, per hundred orders


class Plan(Struct, frozen=True, kw_only=True):
    """How much of everything. `life`: seconds a worker lives about; `rest`: to come to rest."""

    orders: int
    lives: int
    life: float = 5.0
    rest: float = 240.0


class Done(Struct, kw_only=True):
    """What was done, by the dice of one seed. Orders by their id in the shop."""

    orders: list[str]
    acts: Counter[str]
    deaths: Counter[str]
    shipped: dict[str, str]  # order -> tracking
    cancelled: set[str]  # in the ERP
    renamed: dict[str, str]  # in the ERP: e-mail -> name
    kept: tuple[float, float] = (0.0, 0.0)  # when it began, and when all was at rest


class Play:
    """One play: `live` as often as planned, then `rest`."""

    def __init__(self, stage: Stage, shop: Shop, erp: Erp, seed: int) -> None:
        self._stage = stage
        self._shop = shop
        self._erp = erp
        self._dice = random.Random(seed)
        self.done = Done(
            orders=[], acts=Counter(), deaths=Counter(), shipped={}, cancelled=set(), renamed={}
        )
        self._touched: set[str] = set()  # edited or refunded: nobody cancels them
        self._edited: set[str] = set()  # in this life: nobody ships them now
        self._acts: dict[str, Callable[[], bool]] = {
            "refund": self._refund,
            "edit": self._edit,
            "parcel": self._parcel,
            "cancel": self._cancel,
            "count": self._count,
            "price": self._price,
            "rename": self._rename,
        }
        can = shop.acts | erp.acts
        self._names = [name for name in self._acts if name in can]

    @property
    def acts(self) -> list[str]:
        """What people do at these two ends."""
        return self._names

    def run(self, plan: Plan, judged: Callable[[], Sequence[str]]) -> None:
        """Play it all; `judged` tells what both ends do not agree about yet."""
        began = time.monotonic()
        for number in range(plan.lives):
            share = plan.orders * (number + 1) // plan.lives - plan.orders * number // plan.lives
            self._live(share, plan.life, is_long=number % 2 == 0)
        self._calm()
        self.one_pass(plan)
        for _ in self._names:  # what could not be done while everything failed
            self._people()
        self._rest(plan, judged)
        self.done.kept = (began, time.monotonic())

    # ------------------------------------------------------------ a life

    def _live(self, sold: int, seconds: float, *, is_long: bool) -> None:
        """Every other life is long enough to get somewhere; the rest end at a crash point."""
        point = "random" if is_long else self._dice.choice(_POINTS)
        armed = "" if point == "random" else f"{point}:{self._dice.randint(1, 12)}"
        early, late = sold // 2, sold - sold // 2
        self._sell(early)
        worker = self._stage.worker(crash=armed, lease=3, request=8)
        until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
        self._sell(late)
        self._edited.clear()
        for _ in range(3):
            end = time.monotonic() + seconds / 3 * self._dice.uniform(0.6, 1.4)
            while time.monotonic() < end and not worker.has_ended():
                time.sleep(0.05)
            self._people()
        self._dies(worker, point)

    def _dies(self, worker: Worker, point: str) -> None:
        if not worker.has_ended():
            worker.kill()
            point = "random"
        code = worker.wait()
        assert is_killed(code), f"{point}: it ended by itself with {code}\n{tail(worker)}"
        self.done.deaths[point] += 1

    def _sell(self, count: int) -> None:
        self.done.orders += self._shop.sell(count, self._dice.randrange(10**6))

    def _people(self) -> None:
        """Do what was done least; if it cannot be done now, the next."""
        for name in sorted(self._names, key=lambda act: (self.done.acts[act], self._dice.random())):
            if self._acts[name]():
                self.done.acts[name] += 1
                return

    # ------------------------------------------------------------ acts

    def _untouched(self, act: str) -> list[str]:
        gone = self._touched | self.done.shipped.keys() | self.done.cancelled
        there = (one for one in self.done.orders if one not in gone)
        return [one for one in there if self._shop.allows(act, one)]

    def _refund(self) -> bool:
        found = self._untouched("refund")
        if not found:
            return False
        chosen = self._dice.choice(found)
        self._shop.refund(chosen)
        self._touched.add(chosen)
        return True

    def _edit(self) -> bool:
        found = self._untouched("edit")[1:]  # the oldest is about to be shipped
        if not found:
            return False
        chosen = self._dice.choice(found)
        now = self._shop.edit(chosen)
        self.done.orders[self.done.orders.index(chosen)] = now
        self._touched.add(now)
        self._edited.add(now)
        return True

    def _parcel(self) -> bool:
        tracking = f"00340434{len(self.done.shipped):08}"
        order = self._erp.ship_one(tracking, self._edited | self._touched)
        if order is None:
            return False
        self.done.shipped[order] = tracking
        return True

    def _cancel(self) -> bool:
        if len(self.done.cancelled) * 4 > len(self.done.shipped):
            return False
        fixed = {one for one in self.done.orders if not self._shop.allows("cancel", one)}
        order = self._erp.cancel_one(self._touched | fixed)
        if order is None:
            return False
        self.done.cancelled.add(order)
        return True

    def _count(self) -> bool:
        self._erp.count(self._dice.choice(list(PRICES)), STOCK - self._dice.randrange(500))
        return True

    def _price(self) -> bool:
        sku = self._dice.choice(list(PRICES))
        cents = self._dice.randrange(-100, 100)
        self._erp.price(sku, Decimal(PRICES[sku]) + Decimal(cents) / 100)
        return True

    def _rename(self) -> bool:
        people = self._shop.shown().people
        name = f"Renamed No{len(self.done.renamed)}"
        email = cast("Renaming", self._erp).rename_one(
            name, sorted(people.keys() - self.done.renamed.keys())
        )
        if email is None:
            return False
        self.done.renamed[email] = name
        return True

    # ------------------------------------------------------------ rest

    def _calm(self) -> None:
        """Let nothing fail any more."""
        assert self._stage.wires is not None
        self._stage.wires.calm()
        self._shop.calm()
        self._erp.calm()

    def _rest(self, plan: Plan, judged: Callable[[], Sequence[str]]) -> None:
        """Run until both ends agree or nothing moves any more."""
        deadline = time.monotonic() + plan.rest
        wrong: list[Sequence[str]] = []
        while True:
            self.one_pass(plan)
            wrong.append(judged())
            is_still = len(wrong) >= _STILL and all(one == wrong[-1] for one in wrong[-_STILL:])
            if not wrong[-1] or is_still or time.monotonic() > deadline:
                return  # the judge says what is wrong

    def one_pass(self, plan: Plan) -> datetime:
        """Let a worker do all there is to do; return when it began."""
        began = datetime.now(UTC)
        worker = self._stage.worker(follow=False, lease=3, request=20)
        code = worker.wait(_ALL * (2 + plan.orders / 100))
        assert code == 0, f"exit code {code}\n{tail(worker)}"
        return began
