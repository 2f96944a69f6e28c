"""Row 19: the power goes. What was answered or sent is on disk by then, and every image opens.

One real worker is traced while it takes webhooks and delivers; all that follows is judged from its
system calls. `KNECT_FAULT_SEED` as in test_kills.py.
"""

import hashlib
import hmac
import json
import random
import re
import sqlite3
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.faults.disk import Disk, write_image
from tests.faults.scene import HOOK, Scene, a_scene, until
from tests.faults.test_kills import SEED
from tests.support.real.require import Unavailable
from tests.support.system_calls import Event, read_events, strace

from knect.ledger import open_ledger
from knect.ledger.queries import equations

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SKUS = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")
ORDERS, HOOKS, IMAGES = 40, 60, 100
_EVENT = re.compile(rb"(?i)x-shopify-event-id: (evt-[0-9]+)")
_EXTERNAL = re.compile(rb'"external_id":"([^"]+)"')


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Event]:
    """The system calls of a worker that took webhooks and delivered, and was told to end."""
    folder = tmp_path_factory.mktemp("traced")
    trace = folder / "trace"
    try:
        before = strace(trace)
    except Unavailable as error:
        pytest.skip(str(error))
    with a_scene(folder) as scene:
        scene.start_shop(seed=SEED, faults={}, orders=ORDERS // 2)
        scene.start_erp(seed=SEED, faults={}, skus=SKUS)
        scene.declare()
        scene.before = tuple(before)
        worker = scene.worker(lease=10)
        until(lambda: worker.is_up() or worker.has_ended(), "the worker is up", 120)
        scene.control(scene.shop, "do/create_orders", {"count": ORDERS // 2, "seed": 1})
        senders = [threading.Thread(target=_send, args=(scene, n)) for n in range(4)]
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
    for number in range(HOOKS // 4):
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


def _broken(events: Sequence[Event]) -> tuple[Promises, list[str]]:
    """Return what was promised before it was on disk."""
    disk, promises, broken = Disk(_prefix(events)), Promises(), []
    for event in events:
        disk.take(event)
        promised = promises.take(event)
        if promised is not None and not disk.holds(promised):
            broken.append(f"{promised.decode()} was promised ({event.call}) and not on disk")
    return promises, broken


def _prefix(events: Sequence[Event]) -> str:
    return next(e.place for e in events if e.call == "openat" and e.place.endswith("ledger.db"))


def test_nothing_is_answered_or_sent_before_it_is_on_disk(events: Sequence[Event]) -> None:
    promises, broken = _broken(events)
    syncs = sum(event.call in ("fdatasync", "fsync") for event in events)
    print(f"\n{len(promises.hooks)} hooks, {len(promises.documents)} documents, {syncs} syncs")
    assert not broken, broken[:5]
    assert len(promises.hooks) == HOOKS
    assert len(set(promises.documents)) == ORDERS


def test_the_proof_can_fail(events: Sequence[Event]) -> None:
    """Without the syncs of the log everything is promised too early, and is named."""
    lazy = [e for e in events if e.call != "fdatasync" or not e.place.endswith("-wal")]
    _, broken = _broken(lazy)
    assert len(broken) >= HOOKS // 2


async def test_every_image_opens_and_has_what_was_promised(
    events: Sequence[Event], tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    first = next(i for i, e in enumerate(events) if e.call == "fdatasync" and "-wal" in e.place)
    cuts = iter(sorted(dice.sample(range(first, len(events)), IMAGES)))
    cut, made, torn = next(cuts), 0, 0
    disk, promises = Disk(_prefix(events)), Promises()
    for number, event in enumerate(events):
        disk.take(event)
        promises.take(event)
        if number != cut:
            continue
        folder = tmp_path / str(made)
        folder.mkdir()
        torn += disk.loose > 0
        write_image(disk.image(dice), folder)
        problems = [*_plainly(folder, promises), *await _as_a_ledger(folder)]
        assert not problems, f"seed {SEED}, event {number}: {problems}"
        made += 1
        cut = next(cuts, -1)
    print(f"\nseed {SEED}: {made} images, {torn} of them with unsynced writes")
    assert made == IMAGES
    assert torn >= IMAGES // 10


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
