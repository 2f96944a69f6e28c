"""Where a simulation plays: the world and the seams, set up before it and put back after it.

Why: what is replaced for a schedule (time, chance, ids, death, the ledger's delays) is replaced in
one place. Must not: make anything happen; `simulation` does.
"""

import asyncio
import gc
import logging
import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Self

from tests.determ import connector
from tests.determ.ends import SimErp, SimShop
from tests.determ.ledger import Database
from tests.determ.loop import LIFE, Killed, Life, SimLoop
from tests.determ.memory import Memory
from tests.determ.process import Process, SimClock, SimWebhooks
from tests.determ.setting import (
    NORTH,
    SKUS,
    WATCHER,
    Setting,
    Watcher,
    catalog_of,
    document_of,
    draw,
)
from tests.determ.wire import Network, WireDestination, WireSource

import knect.engine.working.worker
from knect.api.worker import WorkerDocument
from knect.engine.delivering import hindsight
from knect.engine.working import follow
from knect.sdk.contract import Call
from knect.seams import crash

__all__ = ["CLOCKS_DIFFER", "Stage"]

#: Seconds by which the shop's clock may be ahead.
CLOCKS_DIFFER = 3.0


class _Canaries(logging.Handler):
    """Keeps log lines that say what nobody is to be shown."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.leaked: list[str] = []
        self.defects: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.getMessage()} {record.__dict__}"
        if "canary" in text:
            self.leaked.append(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            self.defects.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class _Armed(dict[str, int]):
    """The armed crash points; sees which of all are passed."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: set[str] = set()
        self.last = ""

    def get(self, name: str, default: Any = None) -> Any:
        self.passed.add(name)
        self.last = name
        return super().get(name, default)


_DATABASES: list[Database] = []


def _database() -> Database:
    if not _DATABASES:
        _DATABASES.append(Database())
    return _DATABASES[0]


class Stage:
    """Two ends, a network, a ledger and worker processes in one loop."""

    def __init__(self, seed: int, setting: Setting | None = None) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.setting = setting or draw(self.dice)
        self.violations: list[str] = []
        self.acked: set[str] = set()
        self.forged: set[str] = set()
        self.events: set[str] = set()
        self.memory = Memory()  # of what retention let go of
        self.forgotten: list[tuple[datetime, datetime]] = []  # what no ledger knows any more
        self.applied_before: dict[str, int] = {}
        self.processes: list[Process] = []
        self.watcher: Watcher | None = None
        self.filtered = self.paused = self.ruled = False
        self.ruled_all = False  # from before the first order on, and still
        self.approved: set[tuple[str, str]] = set()  # shop and note
        self._calm = False
        self._mapping = 0
        self._events = 0
        self._deaths = self._frozen = self._troubles = 0

    def __enter__(self) -> Self:
        setting, dice = self.setting, self.dice
        gc.disable()
        random.seed(self.seed)  # the writer's pauses
        self.loop = SimLoop(dice, shuffled=setting.shuffled)
        self.clock = SimClock(self.loop)
        self.database = _database()
        self.database.empty()
        self.shops: dict[str, SimShop] = {}
        self.shop = self._open("shop", dice)  # the one at hand
        self.erp = SimErp(self.clock, unique=setting.once == "UniqueKey", lag=setting.lag)
        self.erp.with_party = setting.parties
        self.erp.products = {SKUS[0], SKUS[1]}
        self.network = Network(
            loop=self.loop, clock=self.clock, dice=dice, rates=setting.rates,
            latest=setting.latest, transit=setting.transit,
        )  # fmt: skip
        self.network.sending = self._check_lease
        connector.STAGE.clear()
        self._connect("shop")
        connector.STAGE["erp"] = {"destination": WireDestination(self.network, self.erp)}
        self._real = (crash.os, crash._armed, knect.engine.working.worker.is_over)
        self._armed = crash._armed = _Armed()
        crash.os = SimpleNamespace(kill=self._die, getpid=os.getpid)  # type: ignore[assignment]
        knect.engine.working.worker.is_over = self._is_over
        self._hindsight = (hindsight._AHEAD_SECONDS, hindsight._makes)
        hindsight._AHEAD_SECONDS = CLOCKS_DIFFER
        if random.Random(f"news {self.seed}").random() < 0.5:  # until a ledger is lost
            hindsight._makes = lambda _job: False
        self._inbox = follow._INBOX_EVERY
        follow._INBOX_EVERY = 4.0  # idle looks are most of what a schedule costs
        self._canaries = _Canaries()
        log = logging.getLogger("knect")
        self._log = (log.propagate, log.level)
        log.propagate = False
        log.addHandler(self._canaries)
        for number in range(setting.workers):
            self._begin(f"w{number}")
        return self

    def _open(self, name: str, dice: random.Random) -> SimShop:
        """Make a shop with a clock of its own."""
        off = dice.choice((-40.0, 0.0, CLOCKS_DIFFER))
        shop = SimShop(SimClock(self.loop, off), coarse=self.setting.coarse)
        shop.page_size = self.setting.page_size
        self.shops[name] = shop
        return shop

    def _connect(self, name: str) -> None:
        connector.STAGE[name] = {
            "source": WireSource(self.network, name, self.shops[name]), "webhooks": SimWebhooks(),
        }  # fmt: skip

    def __exit__(self, *_: object) -> None:
        self.loop.dispose([one.life for one in self.processes])
        crash.os, crash._armed, knect.engine.working.worker.is_over = self._real  # type: ignore[assignment]
        follow._INBOX_EVERY = self._inbox
        self.doubts()
        hindsight._AHEAD_SECONDS = self._hindsight[0]
        log = logging.getLogger("knect")
        log.removeHandler(self._canaries)
        log.propagate = self._log[0]
        gc.enable()

    # ------------------------------------------------------------ seams

    def doubts(self) -> None:
        """Let lives that begin from now on doubt what they did not see happen."""
        hindsight._makes = self._hindsight[1]

    def _new_id(self) -> str:
        stamp = int(self.clock.now().timestamp() * 1000)
        return f"{stamp:012x}7{self.dice.getrandbits(76):019x}"

    def _delay(self) -> float:
        latency = self.setting.latency
        return self.dice.uniform(0.0, latency) if latency else 0.0

    def _trouble(self) -> str | None:
        if self._calm or self.dice.random() >= self.setting.trouble:
            return None
        self._troubles += 1
        return self.dice.choice(("away", "rolled back", "answer lost"))

    def _die(self, _pid: int, sent: int) -> None:
        assert sent == signal.SIGKILL
        del self._armed[self._armed.last]
        life = LIFE.get()
        assert life is not None, "only a life passes crash points"
        self._end(life)
        raise Killed

    def _end(self, life: Life) -> None:
        life.dead = True
        self._deaths += 1

    def _freeze(self, life: Life) -> None:
        life.frozen = True
        self._frozen += 1

    def _is_over(self, holder: str) -> bool:
        return any(one.holder == holder and one.life.dead for one in self.processes)

    def _document(self, place: str) -> WorkerDocument:
        """Return what is declared for a place by now; the same one as long as it is."""
        setting, watcher = self.setting, self.watcher
        is_apart = place == WATCHER
        watches = watcher is not None and watcher.is_alone == is_apart
        return document_of(
            payments=setting.payments, hooks=setting.hooks, cancels=setting.cancels,
            mapping=self._mapping, filtered=self.filtered, orders=not is_apart, paused=self.paused,
            watches=watcher.start if watcher and watches else "",
            rests=bool(watcher and watches and watcher.rests), north=NORTH in self.shops,
            ruled=self.ruled,
        )  # fmt: skip

    def _begin(self, place: str) -> None:
        setting = self.setting
        asyncio._set_running_loop(self.loop)
        try:
            self.processes.append(
                Process(
                    place, loop=self.loop, database=self.database, dice=self.dice,
                    document=self._document(place),
                    catalog=catalog_of(setting.once, setting.settle, setting.batch),
                    shared=setting.shared, lease=setting.lease,
                    off=self.dice.choice((-3600.0, 0.0, 5.0)) if setting.shared else 0.0,
                    new_id=self._new_id, delay=self._delay, trouble=self._trouble,
                )
            )  # fmt: skip
        finally:
            asyncio._set_running_loop(None)

    def _check_lease(self, life: Life | None, calls: Sequence[Call]) -> None:
        """I11: at the moment of sending, the sender holds what it sends for."""
        if not calls:
            return
        holder = next((one.holder for one in self.processes if one.life is life), "")
        now_us = int(self.clock.now().timestamp() * 1e6)
        for call in calls:
            held = self.database.raw.execute(
                'select count(*) from effects e join transactions t on t.seq = e."transaction" '
                "where e.external_id = ? and e.entity = ? and t.holder = ? and t.lease_us >= ? "
                "and e.state in ('ahead', 'unknown')",
                (call.effect.external_id, call.effect.entity, holder, now_us),
            ).fetchone()[0]
            if not held:
                self.violations.append(
                    f"I11 {call.effect.external_id}: {call.effect.name} sent by {life} "
                    f"at {self.loop.time():.3f} s, which holds no lease and wrote nothing ahead"
                )

    @property
    def leaked(self) -> list[str]:
        """Log lines that say what nobody is to be shown."""
        return self._canaries.leaked

    @property
    def defects(self) -> list[str]:
        """Errors nobody foresaw."""
        return [*self._canaries.defects, *self.loop.errors]

    @property
    def passed(self) -> set[str]:
        """Crash points that somebody passed."""
        return self._armed.passed

    def counts(self) -> Counter[str]:
        """Return what was really done, so that a schedule that did nothing can be told."""
        raw = self.database.raw
        done = Counter(self.network.injected)
        done.update(row[0] for row in raw.execute("select fate from transactions"))
        done["adopted"] = raw.execute("select count(*) from effects where adopted").fetchone()[0]
        done["lives"] = len(self.processes)
        done["deaths"] = self._deaths
        done["frozen"] = self._frozen
        done["ledger trouble"] = self._troubles
        done["ledger lost"] = len(self.forgotten)
        return +done
