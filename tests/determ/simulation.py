"""A whole world in one loop: two ends, a network, a ledger, workers that live and die.

Why: the engine's real code is played through schedules of what can happen, about a thousand a minute;
afterwards the history checker, which knows nothing of the engine, judges what is left.
Must not: help the engine; it only acts, waits, and calms down.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from tests.determ import judge
from tests.determ.setting import SKUS
from tests.determ.watchers import Watchers

__all__ = ["CRASHES", "Op", "Simulation"]

#: Points a simulated life passes; the others belong to real sockets, traces and migrations.
CRASHES = (
    "inbox.read", "inbox.committed", "inbox.acked", "page.fetched", "rows.written",
    "cursor.committed", "extract.done", "map.done", "wait.registered", "ahead.committed",
    "send.first_byte", "send.complete", "answer.read", "deliver.answered", "commit.begin",
    "commit.done", "lease.renew", "drain.half",
)  # fmt: skip
_EMAILS = ("canary-ana@example.com", "canary-bo@example.com")
_REST_SECONDS = 900.0


class Op(Struct, frozen=True, array_like=True):
    """Something that happens: a method of Simulation, and two numbers that say which."""

    name: str
    a: int = 0
    b: int = 0


def _sold(sku: str, a: int, b: int) -> dict[str, Any]:
    total = f"{10 + a % 90}.{b % 100:02d}"
    return {"total": total, "lines": [{"sku": sku, "quantity": "1", "price": total}]}


class Simulation(Watchers):
    """`with Simulation(seed) as one: one.play(ops); found = one.finish()`."""

    # ------------------------------------------------------------ what can happen

    def play(self, ops: Sequence[Op]) -> None:
        """Let things happen, one after the other."""
        for op in ops:
            shops = list(self.shops.values())
            self.shop = shops[(op.a + op.b) % 7 % len(shops)]
            getattr(self, f"do_{op.name}")(op.a, op.b)

    @property
    def at_hand(self) -> str:
        """The name of the shop where things happen just now."""
        return next(name for name, one in self.shops.items() if one is self.shop)

    def _ids(self, entity: str = "orders") -> list[str]:
        return [i for i, raw in self.shop.records.items() if raw["entity"] == entity]

    def do_arrive(self, a: int, b: int) -> None:
        """An order is placed."""
        count = 1 + sum(raw["entity"] == "orders" for raw in self.shop.known.values())
        number = f"{1000 + count}"
        sku = SKUS[(0, 0, 1, 2)[a % 4]]
        self.shop.change(
            f"g{count}", back=float(b % 3 * 20), entity="orders", number=number,
            email=_EMAILS[b % 2], **_sold(sku, a, b),
        )  # fmt: skip
        if a % 11 == 10:
            self.erp.refusing.add(f"{self.at_hand}:g{count}")

    def do_edit(self, a: int, b: int) -> None:
        """An order changes."""
        if ids := self._ids():
            order = ids[a % len(ids)]
            lines = self.shop.records[order]["lines"]
            sold = _sold(lines[0]["sku"], b, a) if lines else {}
            self.shop.change(order, **sold)

    def do_cancel(self, a: int, b: int) -> None:
        """An order is cancelled, or all of it is taken out."""
        if ids := self._ids():
            over: dict[str, Any] = {"cancelled_at": self.shop.clock.now().isoformat()}
            if b % 3 == 2:
                over = {"lines": [], "total": "0.00"}
            self.shop.change(ids[a % len(ids)], **over)

    def do_restore(self, a: int, b: int) -> None:
        """An order that was cancelled or deleted is valid again."""
        over = [i for i, raw in self.shop.known.items() if judge.is_over(raw)]
        gone = [i for i in self.shop.known if i not in self.shop.records]
        if not (over or gone):
            return
        self.loop.drive(self.loop.time() + 1.5)  # by the shop's clock it is later
        order = sorted({*over, *gone})[a % len({*over, *gone})]
        raw = {**self.shop.known[order]}
        raw.pop("cancelled_at", None)
        self.shop.records[order] = raw
        self.shop.change(order, **_sold(SKUS[b % 2], a, b))

    def do_touch(self, a: int, _b: int) -> None:
        """An order says that it changed, and nothing that anybody reads of it did."""
        if ids := self._ids():
            self.shop.touch(ids[a % len(ids)])

    def do_delete(self, a: int, _b: int) -> None:
        """An order disappears; nobody is told but by webhook."""
        if ids := self._ids():
            gone = ids[a % len(ids)]
            self.shop.remove(gone)
            self._hook("orders", gone)

    def do_pay(self, a: int, b: int) -> None:
        """An order is paid."""
        ids = [i for i, raw in self.shops["shop"].records.items() if raw["entity"] == "orders"]
        if ids and self.setting.payments:
            order = ids[a % len(ids)]
            self.shops["shop"].change(
                f"p-{order}-{b % 3}", entity="payments", order=order, amount="5.00"
            )

    def do_hook(self, a: int, b: int) -> None:
        """A webhook comes: new, twice, or forged."""
        ids = self._ids()
        if not ids:
            return
        name = ids[a % len(ids)]
        if b % 4 == 3:
            self._hook("orders", name, genuine=False)
        else:
            self._hook("orders", name, times=1 + b % 4)

    def _hook(self, entity: str, record_id: str, *, genuine: bool = True, times: int = 1) -> None:
        if not self.setting.hooks:
            return
        self._events += 1
        event = f"e{self._events}"
        (self.events if genuine else self.forged).add(event)
        for _ in range(times):
            taking = [one for one in self.processes if one.alive and one.receiver is not None]
            if not taking:
                return
            taker = self.dice.choice(taking)

            def answered(status: int, event: str = event) -> None:
                if status == 200:
                    self.acked.add(event)

            shop = self.at_hand
            said = f"{entity} {record_id} {event}"
            taker.receive(shop, said, genuine=genuine, answered=answered)

    def do_pass(self, a: int, b: int) -> None:
        """Time passes."""
        seconds = (0.02, 0.3, 1.0, 3.0, 8.0, 12.0)[a % 6] * (0.5 + b % 100 / 100)
        self.loop.drive(self.loop.time() + seconds)

    def do_steps(self, a: int, _b: int) -> None:
        """So many callbacks run."""
        self.loop.drive(self.loop.time() + 5.0, steps=1 + a % 60)

    def do_kill(self, a: int, _b: int) -> None:
        """A worker is killed."""
        if living := self._living():
            self._end(living[a % len(living)].life)

    def do_arm(self, a: int, b: int) -> None:
        """The next passage of a crash point, or one a little later, is deadly."""
        self._armed[CRASHES[a % len(CRASHES)]] = 1 + b % 3

    def do_start(self, _a: int, _b: int) -> None:
        """Places where nobody lives get a new life."""
        self.loop.drive(self.loop.time() + 1.0)
        self._fill(self._places())

    def do_freeze(self, a: int, _b: int) -> None:
        """A worker stops without knowing."""
        if living := [one for one in self._living() if not one.life.frozen]:
            self._freeze(living[a % len(living)].life)

    def do_thaw(self, _a: int, _b: int) -> None:
        """All who were stopped go on."""
        for one in self._living():
            if one.life.frozen:
                self.loop.thaw(one.life)

    def do_stall(self, a: int, b: int) -> None:
        """A worker stops in the middle of something, for about as long as its leases last."""
        self.loop.drive(self.loop.time() + 5.0, steps=1 + a % 80)
        self.do_freeze(a, b)
        self.loop.drive(self.loop.time() + self.setting.lease * (0.5 + b % 10 / 5))
        self.do_thaw(a, b)

    def do_meet(self, a: int, b: int) -> None:
        """Something happens just when a record is at a delicate point."""
        name = self._delicate(a, b)
        if name is None:
            return
        what = a // 5 % 6
        index = self._ids().index(name) if name in self._ids() else 0
        if what in (0, 1, 5):
            self._freeze_holder(name) if what else None
            self.do_edit(index, b)
            self._hook("orders", name)
        if what in (1, 2):
            self._freeze_holder(name)
            self.loop.drive(self.loop.time() + self.setting.lease * 1.3 + b % 20)
            self.do_thaw(a, b)
        elif what == 3:
            self.do_kill(a, b)
        elif what == 4:
            self.do_delete(index, b)

    def do_withdraw(self, a: int, b: int) -> None:
        """An order is cancelled just when its record is at a delicate point."""
        name = self._delicate(a, b)
        if name in self._ids():
            self.do_cancel(self._ids().index(name), a // 5)
            self._hook("orders", name)

    def _delicate(self, a: int, b: int) -> str | None:
        """Go on until a record is at a delicate point, or for a while; return which one."""
        when = (self._in_hand, self._unknown, self._sent, self._unknown, self._next_in_line)[a % 5]
        self.loop.drive(self.loop.time() + 8.0, done=lambda: bool(when()))
        if when != self._next_in_line:
            self.loop.drive(self.loop.time() + 1.0, steps=b % 15)
        name = next(iter(when()), None)
        if name is None:
            return None
        shop, _, record = name.partition(":")
        self.shop = self.shops.get(shop, self.shop)
        return record if record in self.shop.records else None

    def _in_hand(self) -> list[str]:
        return self._where("t.holder is not null")

    def _unknown(self) -> list[str]:
        return self._where("e.state = 'unknown'")

    def _sent(self) -> list[str]:
        return self._where("e.state = 'ahead'")

    def _where(self, condition: str) -> list[str]:
        """Return the external ids of records some of whose transactions or effects are so."""
        rows = self.database.raw.execute(
            "select v.connection || ':' || t.source_id from transactions t "
            'left join effects e on e."transaction" = t.seq join versions v on v.seq = t.version '
            f"where {condition} order by coalesce(e.rowid, t.rowid)"
        )
        return [row[0] for row in rows]

    def _next_in_line(self) -> list[str]:
        """Records whose write has got its turn, and has not taken it yet."""
        return [n for turn, names in self.network.turns.items() if turn.done() for n in names]

    def _freeze_holder(self, name: str) -> None:
        rows = self.database.raw.execute(
            "select t.holder from transactions t join versions v on v.seq = t.version "
            "where v.connection = ? and t.source_id = ? and holder is not null",
            (self.at_hand, name),
        ).fetchall()  # fmt: skip
        for one in self._living():
            if (one.holder,) in rows:
                self._freeze(one.life)

    def do_again(self, a: int, b: int) -> None:
        """Somebody reads history while work goes on: for all, or for one pipeline."""
        if living := [one for one in self._living() if one.ready]:
            one = living[a % len(living)]
            one.run(partial(one.read_all_again, asking=((), ("orders",), ("watch",))[b % 3]))

    def do_replace(self, _a: int, _b: int) -> None:
        """A frozen worker is given up; a new one of its name begins beside it."""
        frozen = [one for one in self._living() if one.life.frozen]
        if frozen and self.setting.shared and len(self._living()) < 4:
            self._begin(frozen[0].place)

    def do_stop(self, a: int, _b: int) -> None:
        """A worker is told to end."""
        if living := [one for one in self._living() if one.ready]:
            living[a % len(living)].stop()

    def do_vanish(self, a: int, _b: int) -> None:
        """A clerk deletes an order's document in the ERP."""
        orders = [i for i in self.erp.documents if self.erp.entities[i] == "orders"]
        if orders:
            self.erp.vanish(orders[a % len(orders)])

    def do_mapping(self, a: int, _b: int) -> None:
        """The mapping changes: whoever starts from now on has the new one."""
        self._mapping = 1 + a % 2

    def do_slow(self, a: int, _b: int) -> None:
        """The ERP gets as slow as it may be: what it did not answer is done at the last moment, and
        found at the last moment.
        """
        self.network.latest = 29.0
        if self.erp.lag:
            self.erp.lag = (2.0, 9.5)[a % 2]

    def do_learn(self, _a: int, _b: int) -> None:
        """The ERP gets to know the SKU it did not."""
        self.erp.products.add(SKUS[2])

    def do_forget(self, a: int, _b: int) -> None:
        """Somebody takes a product out of the ERP."""
        self.erp.products.discard(SKUS[a % 2])

    # ------------------------------------------------------------ the end

    def finish(self) -> list[str]:
        """Calm everything, let work come to rest, read all again, and judge."""
        self._calm = self.network.calm = True
        self.shop = self.shops["shop"]
        self._armed.clear()
        self.do_thaw(0, 0)
        self.erp.products.update(SKUS)
        self.correct()
        if self.dice.random() < 0.5:
            for one in self._living():
                self._end(one.life)
        living = self._living()
        self._all_at_work()
        for one in living:
            if one.alive and one.follower is not None and one.worker is not None:
                for feed in one.worker.feeds:
                    one.follower.read_now(feed)
        calm_us = {n: int(s.clock.now().timestamp() * 1e6) for n, s in self.shops.items()}
        if not self._rest(calm_us):
            return [*self.violations, *judge.restless(self)]
        if self.erp.gone:
            self.want_back()
            if not self._rest(calm_us):
                return [*self.violations, *judge.restless(self)]
        reader = self._living()[0]
        second = self.clock.now()
        task = reader.run(reader.read_all_again)
        self.loop.drive(self.loop.time() + 300.0, done=task.done)
        if not task.done() or task.exception() is not None or not reader.read_again:
            self.violations.append("rest: the second read did not come to its end")
        self._rest(calm_us)
        for one in self._living():
            one.stop()
        self.loop.drive(self.loop.time() + 120.0, done=lambda: not self._living())
        found = judge.judge(self, second)
        return [*self.violations, *found]

    def _rest(self, calm_us: Mapping[str, int]) -> bool:
        """Run until nothing moves by itself, replacing who ends; tell whether it came to that."""
        until = self.loop.time() + _REST_SECONDS
        while self.loop.time() < until:
            self.loop.drive(self.loop.time() + 2.0)
            self._somebody_everywhere()
            if judge.is_at_rest(self, calm_us):
                return True
        return False
