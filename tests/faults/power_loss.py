"""The power goes: a traced worker, what it promised by when, and the disks it may have left.

Must not: ask the worker; all is judged from its system calls.
"""

import hashlib
import hmac
import json
import random
import re
import sqlite3
import tempfile
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from tests.faults.disk import Disk, write_image
from tests.faults.scene import HOOK, Scene, a_scene, until
from tests.support.system_calls import Event, read_events, strace

from knect.ledger import open_ledger
from knect.ledger.questions.queries import equations

__all__ = [
    "HOOKS",
    "ORDERS",
    "PowerLoss",
    "Promises",
    "promised_too_early",
    "spoilt_images",
    "traced",
]

SKUS = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")
ORDERS, HOOKS = 40, 60
_SENDERS = 4
_EVENT = re.compile(rb"(?i)x-shopify-event-id: (evt-[0-9]+)")
_EXTERNAL = re.compile(rb'"external_id":"([^"]+)"')


class PowerLoss(Struct, kw_only=True):
    """What came of a round of a soak; `images` of which `torn` had writes that were not synced."""

    orders: int
    images: int
    torn: int
    violations: Sequence[str]
    kills: int = 0

    @property
    def injected(self) -> Mapping[str, int]:
        """Every image is a power loss."""
        return {"power-loss": self.images}


def traced(folder: Path, seed: int) -> Sequence[Event]:
    """Return the system calls of a worker that took webhooks, delivered, and was told to end.

    Raises Unavailable where there is no strace.
    """
    trace = folder / "trace"
    before = strace(trace)
    with a_scene(folder) as scene:
        scene.start_shop(seed=seed, faults={}, orders=ORDERS // 2)
        scene.start_erp(seed=seed, faults={}, skus=SKUS)
        scene.declare()
        scene.before = tuple(before)
        worker = scene.worker(lease=10)
        until(lambda: worker.is_up() or worker.has_ended(), "the worker is up", 120)
        scene.control(scene.shop, "do/create_orders", {"count": ORDERS // 2, "seed": seed})
        senders = [threading.Thread(target=_send, args=(scene, n)) for n in range(_SENDERS)]
        for one in senders:
            one.start()
        for one in senders:
            one.join()
        until(lambda: _documents(scene) == ORDERS, "all are delivered", 120)
        worker.process.terminate()
        assert worker.wait(60) == 0
        until(lambda: trace.stat().st_size == _settled(trace), "the tracer has written all")
    return list(read_events(trace))


def _settled(trace: Path) -> int:
    threading.Event().wait(0.3)
    return trace.stat().st_size


def _documents(scene: Scene) -> int:
    return len(scene.control(scene.erp, "state")["documents"])


def _send(scene: Scene, sender: int) -> None:
    """Send webhooks one after another, each with an event id of its own."""
    for number in range(HOOKS // _SENDERS):
        body = json.dumps({"admin_graphql_api_id": "gid://shopify/Order/1001", "id": 1001}).encode()
        digest = hmac.new(b"simulated-secret", body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "orders/updated",
            "X-Shopify-Shop-Domain": "acme.myshopify.com",
            "X-Shopify-Hmac-Sha256": b64encode(digest).decode(),
            "X-Shopify-Event-Id": f"evt-{sender}{number:03}",
            "X-Shopify-Webhook-Id": f"evt-{sender}{number:03}",
            "X-Shopify-Triggered-At": "2026-11-26T00:00:00Z",
        }
        url = f"http://127.0.0.1:{scene.hooks}/webhooks/acme-shop/{HOOK}"
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200


class Promises:
    """What a worker has promised so far: hooks it acknowledged, documents it let be made."""

    def __init__(self) -> None:
        self.hooks: list[bytes] = []
        self.documents: list[bytes] = []
        self._asked: dict[str, bytes] = {}

    def take(self, event: Event) -> bytes | None:
        """Return what this event promises: the words that must be on disk."""
        if event.call in ("recvfrom", "recvmsg") and (found := _EVENT.search(event.data)):
            self._asked[event.place] = found[1]
        elif event.call in ("sendto", "sendmsg", "write") and "TCP" in event.place:
            if event.data.startswith(b"HTTP/1.1 2") and event.place in self._asked:
                self.hooks.append(self._asked.pop(event.place))
                return self.hooks[-1]
            if (found := _EXTERNAL.search(event.data)) and b"gid://" in found[1]:
                self.documents.append(found[1])
                return found[1]
        return None


def promised_too_early(events: Sequence[Event]) -> tuple[Promises, list[str]]:
    """Return all that was promised, and what of it before it was on disk."""
    disk, promises, broken = Disk(_prefix(events)), Promises(), []
    for event in events:
        disk.take(event)
        promised = promises.take(event)
        if promised is not None and not disk.holds(promised):
            broken.append(f"{promised.decode()} was promised ({event.call}) and not on disk")
    return promises, broken


def _prefix(events: Sequence[Event]) -> str:
    return next(e.place for e in events if e.call == "openat" and e.place.endswith("ledger.db"))


async def spoilt_images(events: Sequence[Event], seed: int, images: int) -> PowerLoss:
    """Let the power go at so many moments; stops at the first disk that is not good."""
    dice = random.Random(seed)
    first = next(i for i, e in enumerate(events) if e.call == "fdatasync" and "-wal" in e.place)
    cuts = set(dice.sample(range(first, len(events)), min(images, len(events) - first)))
    disk, promises = Disk(_prefix(events)), Promises()
    came = PowerLoss(orders=ORDERS, images=0, torn=0, violations=[])
    for number, event in enumerate(events):
        disk.take(event)
        promises.take(event)
        if number not in cuts:
            continue
        with tempfile.TemporaryDirectory(prefix="knect-image-") as name:
            folder = Path(name)
            write_image(disk.image(dice), folder)
            problems = list(_plainly(folder, promises)) or await _as_a_ledger(folder)
        came.images += 1
        came.torn += disk.loose > 0
        if problems:
            came.violations = [f"seed {seed}, power lost at call {number}: {problems}"]
            break
    return came


def _plainly(folder: Path, promises: Promises) -> Iterator[str]:
    """Look with nothing but SQLite."""
    connection = sqlite3.connect(folder / "ledger.db")
    try:
        (said,) = connection.execute("pragma integrity_check").fetchone()
        if said != "ok":
            yield said
            return
        if connection.execute("select 1 from sqlite_master where name = 'inbox'").fetchone():
            stored = connection.execute("select event_id from inbox")
            hooks = {str(row[0]).rpartition(":")[2] for row in stored}
            made = {row[0] for row in connection.execute("select external_id from effects")}
        else:
            hooks, made = set(), set()
        for hook in promises.hooks:
            if hook.decode() not in hooks:
                yield f"{hook.decode()} was acknowledged and is not there"
        for document in promises.documents:
            if document.decode() not in made:
                yield f"{document.decode()} was sent and is not there"
    except sqlite3.DatabaseError as error:
        yield str(error)
    finally:
        connection.close()


async def _as_a_ledger(folder: Path) -> list[str]:
    """Open it as the next worker would; the equation must hold."""
    ledger = await open_ledger(str(folder / "ledger.db"))
    try:
        return [
            f"{one.name}: {one.seen} seen, {one.fates}"
            for one in await ledger.read(equations)
            if not one.balanced
        ]
    finally:
        await ledger.close()
