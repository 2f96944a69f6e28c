"""Rows of the fault matrix as values: what is done to a worker, how often, and what must hold.

The rows that are not here are tried elsewhere; `ELSEWHERE` says where. Must not: judge what every
run is judged by (`test_matrix.py` does); a row only says what it expects besides.
"""

import signal
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from msgspec import Struct, field
from tests.faults import confinement
from tests.faults.lives import tail
from tests.faults.scene import Scene, Worker, until
from tests.support.fault_wire import Wires

__all__ = ["ELSEWHERE", "ROWS", "Play", "Row"]

LEASE = 2.0
_ENDINGS, _FREEZES = 20, 2


class Play:
    """A scene with a wire to everything, and a worker that can be asked of."""

    def __init__(self, scene: Scene, wires: Wires, collector: str) -> None:
        self.scene = scene
        self.wires = wires
        self.collector = collector
        self.sold = 0
        self._started: list[Worker] = []
        self.worker = self.start()

    def start(self, name: str = "w", *, wait: bool = True) -> Worker:
        """Start a worker; the first one listens, and is up unless nobody is to wait for it."""
        worker = self.scene.worker(
            collector=self.collector, lease=LEASE, name=name, listen=name == "w"
        )
        self._started.append(worker)
        if name == "w":
            self.worker = worker
        if name == "w" and wait:
            until(lambda: worker.is_up() or worker.has_ended(), f"it is up\n{tail(worker)}", 120)
        return worker

    def end(self) -> None:
        """Kill every worker: what one does between two looks would belong to nobody."""
        for worker in self._started:
            worker.kill()

    def sell(self, count: int, **options: object) -> None:
        """Let the shop have so many new orders."""
        given = {"count": count, "seed": self.sold, **options}
        self.scene.control(self.scene.shop, "do/create_orders", given)
        self.sold += count

    def delivered(self) -> int:
        """Return how many documents the ERP has."""
        return len(self.scene.control(self.scene.erp, "state")["documents"])

    def all_arrive(self, seconds: float = 120) -> None:
        """Wait until the ERP has every order sold."""
        until(
            lambda: self.delivered() == self.sold or self.worker.has_ended(),
            f"{self.sold} orders arrive\n{tail(self.worker)}",
            seconds,
        )
        assert not self.worker.has_ended(), tail(self.worker)

    def writes(self) -> int:
        """Return how many writes the ERP was sent."""
        return sum(call.method in ("POST", "PUT") for call in self.scene.calls("acme-erp"))


class Row(Struct, frozen=True, kw_only=True):
    """`how` does it and returns how often it really happened; less than `planned` fails.

    `confined`: what the worker's process is put into. `on_server`: the ledger is on PostgreSQL.
    """

    number: int
    name: str
    how: Callable[[Play], int]
    planned: int
    on_server: bool = False
    faults: Mapping[str, float] = field(default_factory=dict)
    confined: Callable[[Scene], AbstractContextManager[object]] = nullcontext


# ---------------------------------------------------------------- 3 and 4: signals


def _told_to_end(play: Play) -> int:
    ended = 0
    for _ in range(_ENDINGS):
        _begins(play, 15)
        play.worker.process.send_signal(signal.SIGTERM)
        code = play.worker.wait(20)
        assert code == 0, f"told to end, it ended with {code}\n{tail(play.worker)}"
        with sqlite3.connect(f"file:{play.scene.ledger}?mode=ro", uri=True) as ledger:
            held = ledger.execute("select count(*) from transactions where holder is not null")
            assert held.fetchone() == (0,), "it ended and still has something in hand"
        ledger.close()
        ended += 1
        play.start()
    play.all_arrive()
    return ended


def _begins(play: Play, count: int) -> None:
    """Sell; return when the worker is at it."""
    before = play.writes()
    play.sell(count)
    until(lambda: play.writes() > before or play.worker.has_ended(), "work has begun")
    assert play.writes() > before, f"it ended before it began\n{tail(play.worker)}"


def _frozen(play: Play) -> int:
    """One is frozen for twice its lease with work in hand; the other does it; the first thaws."""
    frozen = 0
    second = play.start("second")
    play.sell(10)
    play.all_arrive()
    for _ in range(_FREEZES):
        play.scene.control(play.scene.erp, "faults", {"hang": 1.0})  # so that there is work in hand
        play.sell(20)
        until(lambda: _hands(play, "w#") > 0, "the first has work in hand")
        play.worker.process.send_signal(signal.SIGSTOP)
        play.scene.control(play.scene.erp, "faults", {"hang": 0.0})
        frozen += 1
        until(lambda: _hands(play, "w#") == 0, "the other takes over", 90)
        until(lambda: play.delivered() == play.sold, "the other delivers", 90)
        play.worker.process.send_signal(signal.SIGCONT)
        play.sell(5)
        play.all_arrive()
    assert not second.has_ended(), tail(second)
    return frozen


def _hands(play: Play, holder: str) -> int:
    assert play.scene.postgres is not None
    query = f"select count(*) from knect.transactions where holder like '{holder}%'"
    return int(play.scene.postgres.sql(query))


# ---------------------------------------------------------------- 8 to 11: the network


def _each_end_is_cut(play: Play) -> int:
    for name in ("acme-shop", "acme-erp", "collector", "acme-erp"):
        play.sell(15)
        play.wires.cut(name, 2.0, wait=True)
        play.all_arrive()
    return sum(play.wires.counts(name)["cut"] for name in play.wires.names)


def _the_ledger_is_cut(play: Play) -> int:
    for seconds in (0.3, 1.0, 2.5):
        play.sell(15)
        play.wires.cut("ledger", seconds, wait=True)
        play.all_arrive()
    for seconds in (1.0, 3.0):
        play.sell(15)
        play.wires.stall("ledger", seconds, wait=True)
        play.all_arrive()
    counts = play.wires.counts("ledger")
    return counts["cut"] + counts["stall"]


def _the_ledger_is_cut_at_both_ends(play: Play) -> int:
    """Of a life: while it comes up, after it opened the ledger, and while it is told to end."""
    for _ in range(3):
        _begins(play, 15)
        play.wires.cut("ledger", 1.5)
        play.worker.process.send_signal(signal.SIGTERM)
        code = play.worker.wait(30)
        assert code == 0, f"told to end, it ended with {code}\n{tail(play.worker)}"
        play.wires.cut("ledger", 0.1, wait=True)  # the one before is over then, too
        turns = play.wires.turns("ledger")
        worker = play.start(wait=False)
        until(lambda: play.wires.turns("ledger") > turns + 40, "it has opened the ledger")  # noqa: B023 - asked at once
        play.wires.cut("ledger", 0.5, wait=True)
        until(lambda: worker.is_up() or worker.has_ended(), "it is up")  # noqa: B023 - same
        assert not worker.has_ended(), tail(worker)
        play.all_arrive()
    return play.wires.counts("ledger")["cut"]


def _an_end_is_away(play: Play) -> int:
    """For as long as an end takes no connection it is asked by one call at a time, ever rarer."""
    for name in ("acme-shop", "acme-erp"):
        play.sell(15)
        play.wires.set_rates(name, {"refuse": 1.0})
        play.wires.cut(name, 0.1, wait=True)
        is_rarely_asked = _within(4.0, 4, lambda: play.wires.counts(name)["refuse"])  # noqa: B023 - asked at once
        until(is_rarely_asked, f"{name} is asked at most 4 times in 4 seconds of an outage", 30)
        play.wires.set_rates(name, {})
        play.all_arrive()
    return sum(play.wires.counts(name)["cut"] for name in ("acme-shop", "acme-erp"))


def _within(seconds: float, most: int, count: Callable[[], int]) -> Callable[[], bool]:
    """Return what tells, asked again and again, whether a count has grown by at most `most` in the
    last `seconds`; never before that much time has passed.
    """
    seen = deque([(time.monotonic(), count())])

    def is_so() -> bool:
        now = time.monotonic()
        seen.append((now, count()))
        while len(seen) > 1 and seen[1][0] <= now - seconds:
            seen.popleft()
        began, before = seen[0]
        return began <= now - seconds and seen[-1][1] - before <= most

    return is_so


def _nothing_flows(play: Play) -> int:
    """Connections are taken and no byte comes: a total deadline, not only one for reading."""
    for name in ("acme-shop", "acme-erp"):
        play.sell(10)
        play.wires.stall(name, 5.0, wait=True)
        for trouble in ("silence", "drip", "drip"):
            play.wires.force(name, trouble)
        play.sell(10)
        play.all_arrive()
    return sum(play.wires.counts(name).total() for name in ("acme-shop", "acme-erp"))


def _no_collector(play: Play) -> int:
    """The collector is away all the time; work does not wait, and what is lost is counted."""
    play.wires.cut("collector", 8.0)
    play.sell(60)
    play.all_arrive()
    return play.wires.counts("collector")["cut"]


# ---------------------------------------------------------------- 15 to 18: size and disk


def _huge(play: Play) -> int:
    for _ in range(2):
        play.sell(1, lines=5_000)
        play.all_arrive()
    text = Path(f"/proc/{play.worker.process.pid}/status").read_text()
    peak = next(int(x.split()[1]) / 1024 for x in text.splitlines() if x.startswith("VmHWM"))
    print(f"  peak {peak:.0f} MiB")
    assert peak < 150, f"an order of 5,000 lines took {peak:.0f} MiB"
    return 2


def _disk_full(play: Play) -> int:
    """Somebody fills the ledger's disk: nothing is acknowledged, work goes on once there is room."""
    ballast = play.scene.ledger.parent / "ballast"
    play.sell(5)
    play.all_arrive()
    times = 0
    for _ in range(2):
        confinement.fill(ballast)
        play.sell(60)
        until(lambda: "full" in _log(play) or play.worker.has_ended(), "it says so", 60)
        assert not play.worker.has_ended(), tail(play.worker)
        times += 1
        ballast.unlink()
        play.all_arrive()
        play.worker.log.write_text("")
    return times


def _log(play: Play) -> str:
    return play.worker.log.read_text()


def _long_reader(play: Play) -> int:
    """Somebody reads for long: the log of the ledger grows, and shrinks again afterwards."""
    reader = sqlite3.connect(f"file:{play.scene.ledger}?mode=ro", uri=True)
    reader.execute("begin")
    reader.execute("select count(*) from transactions").fetchone()
    for _ in range(5):
        play.sell(60)
        play.all_arrive()
    wal = Path(f"{play.scene.ledger}-wal")
    grown = wal.stat().st_size
    reader.close()
    play.sell(60)
    play.all_arrive()
    assert wal.stat().st_size <= max(grown, 64 * 2**20), "the log grows on without a reader"
    return 1


# ---------------------------------------------------------------- 20, 21, 29


def _clock_jumps(play: Play) -> int:
    jumps = 0
    for offset in ("+3600", "-3600", "+0"):
        confinement.set_clock(play.scene, offset)
        jumps += 1
        began = time.monotonic()
        play.sell(10)
        play.all_arrive()
        print(f"  {offset}: {time.monotonic() - began:.1f} s")
    return jumps


def _tokens_expire(play: Play) -> int:
    for _ in range(5):
        play.scene.control(play.scene.shop, "faults", {"force": ["token-expired"]})
        play.sell(5)
        play.all_arrive()
    tokens = [c for c in play.scene.calls("acme-shop") if c.path.endswith("/access_token")]
    assert len(tokens) <= 8, f"{len(tokens)} refreshes for five expired tokens"
    return int(play.scene.control(play.scene.shop, "faults")["token-expired"])


def _little_of_everything(play: Play) -> int:
    for _ in range(2):
        play.sell(40)
        play.all_arrive(180)
    return 1


ROWS: Sequence[Row] = (
    Row(number=3, name="told to end in the middle", how=_told_to_end, planned=_ENDINGS),
    Row(
        number=4, name="frozen for twice its lease", how=_frozen, planned=_FREEZES, on_server=True,
    ),
    Row(number=8, name="nothing flows, or a byte at a time", how=_nothing_flows, planned=4),
    Row(number=11, name="each end is cut", how=_each_end_is_cut, planned=4),
    Row(number=11, name="an end is away", how=_an_end_is_away, planned=2),
    Row(number=11, name="the ledger is cut", how=_the_ledger_is_cut, planned=5, on_server=True),
    Row(
        number=11, name="the ledger is cut while it starts and ends",
        how=_the_ledger_is_cut_at_both_ends, planned=9, on_server=True,
    ),
    Row(number=15, name="orders of 5,000 lines", how=_huge, planned=2),
    Row(
        number=16, name="the disk is full", how=_disk_full, planned=2,
        confined=confinement.small_disk,
    ),
    Row(number=18, name="somebody reads for long", how=_long_reader, planned=1),
    Row(
        number=20, name="the clock jumps by an hour", how=_clock_jumps, planned=3,
        confined=confinement.foreign_clock,
    ),
    Row(number=21, name="tokens expire in the middle", how=_tokens_expire, planned=5),
    Row(number=26, name="no collector", how=_no_collector, planned=1),
    Row(
        number=29, name="64 files, 128 MiB, a third of a core", how=_little_of_everything,
        planned=1, confined=confinement.little,
    ),
)  # fmt: skip

#: Rows of the data plane's that other tests try, and the cluster's.
ELSEWHERE: Mapping[int, str] = {
    1: "test_kills.py: every crash point; test_storm.py",
    2: "test_kills.py: thirty kills at random; test_storm.py",
    5: "test_kills.py, test_storm.py: 429 in both forms; unit/sdk/test_ratelimit.py",
    6: "test_storm.py: 5xx, html-200; unit/sdk/http/test_client.py",
    7: "test_kills.py, test_storm.py: commit-then-drop, late-commit",
    9: "test_storm.py: truncated, malformed; unit/sdk/http/test_truth.py, test_inflate.py",
    10: "test_wire.py; unit/sdk/http/test_truth.py, test_tls.py",
    12: "integration/worker/test_receiver_pod.py; test_kills.py",
    13: "contract/test_conformance.py; unit/engine/test_bad_input.py, test_paging_and_versions.py",
    14: "test_storm.py: poisoned totals; unit/engine/test_delivery_once.py: bisection",
    17: "test_kills_postgres.py, test_storm.py; unit/ledger/test_trouble.py, test_ways_to_postgres.py",
    19: "test_power_loss.py",
    22: "e2e/test_trial.py, integration/cluster/test_operator.py",
    23: "unit/operator/test_reconcile.py, integration/cluster/test_operator.py",
    24: "e2e/test_trial.py, e2e/test_node.py",
    25: "test_kills_postgres.py, test_storm.py; unit/ledger/test_opening.py",
    27: "contract/test_conformance.py",
    28: "e2e/test_trial.py; unit/ledger/test_migrations.py",
    30: "integration/tryton/test_order_life.py",
}
