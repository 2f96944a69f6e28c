"""Judges a storm: by the history checker, by the sum, and by two things removed by hand.

Must not: ask the engine whether it was right, or let a storm pass that did not blow.
"""

import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from tests.faults.declared import pipeline_of
from tests.faults.evidence import history_of
from tests.faults.lives import WEBHOOKS, tail
from tests.faults.meter import Sample
from tests.faults.scene import Scene
from tests.faults.storm import SHOPS, STORM_ERP_FAULTS, STORM_SHOP_FAULTS, WIRE_FAULTS, Storm

from knect.history import INVARIANTS, check, render

__all__ = ["Verdict", "judge"]


class Verdict(Struct, kw_only=True):
    """What came of a storm. Seconds, MiB."""

    seed: int
    ledger: str
    orders: int
    seconds: float
    rate: float  # orders that reached the ERP, a second, while it blew
    deaths: Mapping[str, int]
    restarts: int
    poisoned: int
    faults: Mapping[str, Mapping[str, int]]
    wires: Mapping[str, Mapping[str, int]]
    webhooks: Mapping[str, int]
    equation: Mapping[str, Any]
    first_request: Sequence[float]  # after each kill
    backlog: Sequence[float]  # until no more waited than at the kill
    memory: float
    files: int
    wal: float
    size: float
    course: Sequence[Sample]  # six looks from start to end
    invariants: Sequence[str]
    violations: Sequence[str]

    @property
    def kills(self) -> int:
        """How many workers were killed."""
        return sum(self.deaths.values()) - self.deaths.get("SIGTERM", 0)

    @property
    def injected(self) -> Counter[str]:
        """Every fault that really happened, at both ends and on the wires, by kind."""
        return _sum([*self.faults.values(), *self.wires.values()])


def judge(storm: Storm) -> Verdict:
    """Return the verdict; spoils the scene at its end, to see that the audit names what is gone."""
    scene = storm.scene
    wrong = list(_sums(storm))
    again = _read_everything_again(scene)
    equation = scene.status()
    found = check(history_of(scene, second_read=again))
    if found:
        wrong.append(render(found))
    faults = {
        name: dict(scene.control(address, "faults"))
        for name, address in (*scene.shops.items(), ("acme-erp", scene.erp))
    }
    hooks: Counter[str] = Counter()
    for address in scene.shops.values():
        hooks.update(scene.control(address, "state")["webhooks"])
    assert scene.wires is not None
    wires = {name: dict(scene.wires.counts(name)) for name in scene.wires.names}
    wrong += _not_injected(storm, faults, wires, hooks)
    wrong += _not_named(scene)
    assert storm.blown_at is not None
    began, ended = storm.blown_at
    made = _made(scene)
    seconds = (ended - began).total_seconds()
    samples = storm.meter.samples
    return Verdict(
        seed=storm.seed,
        ledger="PostgreSQL" if scene.postgres else "SQLite",
        orders=sum(map(len, storm.ids.values())),
        seconds=seconds,
        rate=bisect_right(made, ended) / seconds,
        deaths=dict(storm.deaths),
        restarts=storm.restarts,
        poisoned=storm.poisoned,
        faults=faults,
        wires=wires,
        webhooks=dict(hooks),
        equation=equation,
        first_request=_first_requests(storm),
        backlog=_backlogs(storm, made),
        memory=max((one.rss for one in samples), default=0.0),
        files=max((one.files for one in samples), default=0),
        wal=max((one.wal for one in samples), default=0.0),
        size=max((one.ledger for one in samples), default=0.0),
        course=samples[:: max(1, len(samples) // 5)],
        invariants=list(INVARIANTS),
        violations=wrong,
    )


# ---------------------------------------------------------------- the sum


def _sums(storm: Storm) -> list[str]:
    scene, wrong = storm.scene, []
    total = scene.status()
    if not total["balanced"]:
        wrong.append(f"the equation does not hold: {total}")
    sold = sum(map(len, storm.ids.values()))
    held = scene.control(scene.erp, "state")
    documents = held["documents"]
    names = {one["external_id"] for one in documents}
    if len(names) != len(documents):
        wrong.append(f"{len(documents)} documents of {len(names)} orders")
    if not sold - storm.poisoned <= len(documents) <= sold:
        wrong.append(f"{sold} orders sold, {storm.poisoned} poisoned, {len(documents)} documents")
    emails = Counter(one["email"] for one in held["parties"])
    twice = [email for email, count in emails.items() if count > 1]
    if twice:
        wrong.append(f"two customers of one address: {twice[:5]}")
    for log in scene.folder.glob("*.log"):
        text = log.read_text()
        at = text.find("Traceback")
        if at >= 0:
            wrong.append(f"a worker left a traceback: {text[max(0, at - 500) : at + 2500]}")
    return wrong


def _read_everything_again(scene: Scene) -> datetime:
    """Put the cursors back to the beginning, by hand, and read on; returns when."""
    if scene.postgres is not None:
        scene.postgres.sql("update knect.feeds set cursor_us = 0")
    else:
        with sqlite3.connect(scene.ledger) as connection:
            connection.execute("update feeds set cursor_us = 0")
        connection.close()
    again = datetime.now(UTC)
    worker = scene.worker(follow=False)
    assert worker.wait(300) == 0, tail(worker)
    return again


# ---------------------------------------------------------------- what was really injected


def _not_injected(
    storm: Storm,
    faults: Mapping[str, Mapping[str, int]],
    wires: Mapping[str, Mapping[str, int]],
    hooks: Mapping[str, int],
) -> list[str]:
    plan, wrong = storm.plan, []
    if plan.sure:
        missing = [
            f"acme-erp {name}" for name in STORM_ERP_FAULTS if not faults["acme-erp"].get(name)
        ]
        at_shops, on_wires = _sum(faults[shop] for shop in SHOPS), _sum(wires.values())
        missing += [f"shop {name}" for name in STORM_SHOP_FAULTS if not at_shops[name]]
        missing += [f"wire {name}" for name in (*WIRE_FAULTS, "cut", "stall") if not on_wires[name]]
        missing += [f"webhook {name}" for name in (*WEBHOOKS, "failed 401") if not hooks.get(name)]
        if missing:
            wrong.append(f"never injected: {', '.join(missing)}")
    elif (total := _sum([*faults.values(), *wires.values()]).total()) < plan.orders // 20:
        wrong.append(f"only {total} faults were injected")
    kills = storm.deaths.total() - storm.deaths["SIGTERM"]
    if kills < plan.kills:
        wrong.append(f"{kills} kills of {plan.kills} planned")
    if storm.scene.postgres is not None and storm.restarts < plan.restarts:
        wrong.append(f"{storm.restarts} restarts of the server, {plan.restarts} planned")
    return wrong


def _sum(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


# ---------------------------------------------------------------- the detector


def _not_named(scene: Scene) -> list[str]:
    """Delete a document at the ERP and a row of the ledger; the audit must name these two only."""
    documents = scene.control(scene.erp, "state")["documents"]
    gone, row = documents[len(documents) // 3], documents[2 * len(documents) // 3]
    scene.control(scene.erp, "do/delete_document", {"id": gone["id"]})
    _delete_rows(scene, row["external_id"])
    done = scene.knect(
        "status", "--audit", "-f", "documents", "--ledger", scene.dsn, "--allow", "127.0.0.1",
        "-o", "json",
    )  # fmt: skip
    if done.returncode != 1 or not done.stdout:
        return [f"the audit ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"]
    told = {(one["kind"], one["pipeline"], one["key"]) for one in json.loads(done.stdout)["audit"]}
    wanted = {
        ("MissingAtDestination", _pipeline(gone), gone["order"]),
        ("MissingTransaction", _pipeline(row), row["order"]),
    }
    return [] if told == wanted else [f"removed by hand: {wanted}, named by the audit: {told}"]


def _pipeline(document: Mapping[str, Any]) -> str:
    return pipeline_of(document["external_id"].partition(":")[0])


def _delete_rows(scene: Scene, external: str) -> None:
    """Delete the one transaction that made this document (an order edited since has others)."""
    found = (
        "select e.\"transaction\" from {0}effects e where e.external_id = '{1}' "
        "and e.entity = 'orders' order by e.seq limit 1"
    )
    if scene.postgres is not None:
        inner = found.format("knect.", external)
        scene.postgres.sql(f"delete from knect.transactions where seq = ({inner})")
        return
    with sqlite3.connect(scene.ledger) as connection:
        connection.execute("pragma foreign_keys = on")
        inner = found.format("", external)
        connection.execute(f"delete from transactions where seq = ({inner})")
    connection.close()


# ---------------------------------------------------------------- how long it took


def _made(scene: Scene) -> list[datetime]:
    """Return when each document was made."""
    calls = scene.calls("acme-erp")
    return sorted(c.time for c in calls if c.committed and c.path == "/documents")


def _first_requests(storm: Storm) -> list[float]:
    """Return the seconds from each kill to the next request at any end, where one life works."""
    if storm.scene.postgres is not None:
        return []  # another works on; it asks without a pause
    scene = storm.scene
    times = sorted(c.time for name in (*SHOPS, "acme-erp") for c in scene.calls(name))
    found = []
    for killed in storm.killed_at:
        index = bisect_right(times, killed)
        if index < len(times):
            found.append((times[index] - killed).total_seconds())
    return found


def _backlogs(storm: Storm, made: Sequence[datetime]) -> list[float]:
    """Return the seconds from each kill until no more orders wait than waited then."""
    sold = [at for at, count in storm.sold_at for _ in range(count)]
    found = []
    for killed in storm.killed_at:
        then = bisect_right(sold, killed) - bisect_right(made, killed)
        for index in range(bisect_left(made, killed), len(made)):
            waits = bisect_right(sold, made[index]) - (index + 1)
            if waits <= then:
                found.append((made[index] - killed).total_seconds())
                break
    return found
