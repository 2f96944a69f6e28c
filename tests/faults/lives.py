"""The lives of a scene's workers: how each one died, and what was sold meanwhile.

Must not: judge; it makes trouble and counts it.
"""

import random
import signal
import time
from collections import Counter

from tests.faults.scene import Scene, Worker, is_killed, until

__all__ = ["ERP_FAULTS", "SELDOM", "SHOP_FAULTS", "WEBHOOKS", "Run", "tail"]

ERP_FAULTS = {"5xx": 0.08, "commit-then-drop": 0.03, "late-commit": 0.03, "hang": 0.01, "429": 0.03}
SHOP_FAULTS = {"5xx": 0.05, "429": 0.03, "commit-then-drop": 0.01, "hang": 0.01, "truncated": 0.01}
WEBHOOKS = {"duplicate": 0.2, "reordered": 0.15, "late": 0.1, "forged": 0.05, "lost": 0.03}
#: Points that a life passes seldom; the others die at a passage by chance.
SELDOM = {
    "page.fetched", "cursor.committed", "trace.sent", "lease.renew", "drain.half",
    "retention.half", "migration.half",
}  # fmt: skip


class Run:
    """The lives of one worker, and what was counted."""

    def __init__(self, scene: Scene, dice: random.Random) -> None:
        self.scene = scene
        self.dice = dice
        self.ids: list[str] = []
        self.deaths: Counter[str] = Counter()

    def sell(self, count: int) -> None:
        """Let the shop have new orders, some of few customers, and edit two old ones."""
        options = {"count": count, "seed": self.dice.randrange(10**6)}
        if self.dice.random() < 0.3:
            options["guests"] = 4
        self.ids += self.scene.control(self.scene.shop, "do/create_orders", options)
        for identifier in self.dice.sample(self.ids, 2):
            touched = {"id": identifier, "note": f"call first {self.dice.randrange(1000)}"}
            self.scene.control(self.scene.shop, "do/touch", touched)

    def die_at(self, point: str, count: int, collector: str) -> None:
        """Live until a crash point; fail if the process did not die there."""
        nth = 1 if point in SELDOM else self.dice.randint(1, 4)
        tracing = collector if point == "trace.sent" else ""
        by_hook = point.startswith("inbox.")  # a shop sends again only so often: be up first
        if not by_hook:
            self.sell(count)
        worker = self.scene.worker(crash=f"{point}:{nth}", collector=tracing)
        if by_hook:
            until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
            self.sell(count)
        if point == "drain.half":
            until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
            worker.process.send_signal(signal.SIGTERM)
        until(worker.has_ended, f"death at {point}:{nth}\n{tail(worker)}")
        code = worker.wait()
        assert is_killed(code), f"{point}:{nth}: exit code {code}\n{tail(worker)}"
        self.deaths[point] += 1

    def die_at_random(self, count: int, *, early: bool) -> None:
        """Live for a while and be killed; `early`: while it starts."""
        if early:
            self.sell(count)
        worker = self.scene.worker()
        if not early:
            until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
            self.sell(count)
        time.sleep(self.dice.uniform(0.0, 1.2))
        assert not worker.has_ended(), f"it ended by itself\n{tail(worker)}"
        worker.kill()
        self.deaths["random"] += 1

    def finish(self) -> None:
        """Let work come to rest, without further faults."""
        self.scene.calm()
        self.scene.control(self.scene.shop, "do/drain", {})
        for _ in range(3):
            worker = self.scene.worker(follow=False)
            code = worker.wait(120)
            assert code == 0, f"exit code {code}\n{tail(worker)}"
            total = self.scene.status()
            if not total["in_flight"] + total["unknown"] + total["waiting"]:
                return
        raise AssertionError(f"it does not come to rest: {total}")


def tail(worker: Worker) -> str:
    """Return the end of what the workers of a scene said."""
    return worker.log.read_text()[-3000:]
