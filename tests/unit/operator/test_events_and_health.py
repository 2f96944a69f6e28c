"""Events are few, health is honest, the wakes reach all whose state depends on an object."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from tests.support.kube.memory import MemoryKube
from tests.support.kube.objects import (
    a_config_map,
    a_ledger_secret,
    a_pipeline,
    a_pod,
    a_secret,
    a_shop,
    an_erp,
)
from tests.unit.operator.world import whole

from knect_operator.controllers import ConnectionKey, UnitKey, wakes
from knect_operator.health import Health, Pulse
from knect_operator.kube import Forbidden
from knect_operator.metrics import Metrics
from knect_operator.recorder import Recorder
from knect_operator.resync import Resync
from knect_operator.server import pages
from knect_operator.store import Store


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def events(clock):
    kube = MemoryKube()
    recorder = Recorder(
        kube, instance="test", now=lambda: datetime(2026, 11, 25, tzinfo=UTC), monotonic=clock
    )
    return kube, recorder


PIPELINE = {**a_pipeline(), "metadata": {"name": "orders", "namespace": "default", "uid": "u1"}}


async def test_the_same_event_is_posted_once_in_ten_minutes(events, clock):
    kube, recorder = events
    for _ in range(5):
        await recorder.say(PIPELINE, "Warning", "Stale", "not read", "Reconcile")
    assert len(kube.of("Event")) == 1

    clock.seconds = 601.0
    await recorder.say(PIPELINE, "Warning", "Stale", "not read", "Reconcile")

    assert len([call for call in kube.calls if call[0] == "create"]) == 2


async def test_a_storm_of_different_events_is_cut_per_object(events, clock):
    kube, recorder = events
    for number in range(100):
        await recorder.say(PIPELINE, "Warning", "Stale", f"not read {number}", "Reconcile")
    assert len(kube.of("Event")) == 25

    other = {**PIPELINE, "metadata": {**PIPELINE["metadata"], "uid": "u2"}}
    await recorder.say(other, "Warning", "Stale", "not read", "Reconcile")
    assert len(kube.of("Event")) == 26


async def test_an_event_that_cannot_be_posted_stops_nothing(events):
    kube, recorder = events

    def forbidden(*_):
        raise Forbidden("no")

    kube.fault = forbidden
    await recorder.say(PIPELINE, "Normal", "Succeeded", "work flows", "Reconcile")

    assert kube.of("Event") == {}


async def test_a_loop_that_hangs_is_seen(clock):
    health, pulse = Health(), Pulse(clock)
    health.at_most("the event loop lags", lambda: pulse.late, 5.0)
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    assert list(health.troubles()) == []

    clock.seconds = 8.0

    assert list(health.troubles()) == ["the event loop lags: 7 s, allowed are 5 s"]
    beating.cancel()


def filled():
    store = Store()
    documents = [
        a_shop(),
        an_erp(),
        a_secret("shop", accessToken="x"),
        a_ledger_secret(),
        a_config_map("carriers", DHL="7"),
        a_pipeline(
            mapping={"valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}]}
        ),
        a_pipeline("stock", entity="inventory", worker={"group": "night"}),
    ]
    for number, one in enumerate(documents):
        one["metadata"] |= {
            "uid": f"u{number}",
            "generation": 1,
            "resourceVersion": str(number + 1),
        }
        store.put(one)
    return store


SHOP, ERP = ConnectionKey("default", "acme-shop"), ConnectionKey("default", "acme-erp")
ORDERS, NIGHT = UnitKey("default", "orders-worker"), UnitKey("default", "night-group")


@pytest.mark.parametrize(
    ("document", "woken"),
    [
        (a_secret("shop", accessToken="y"), {SHOP, ORDERS, NIGHT}),
        (a_ledger_secret(), {ORDERS, NIGHT}),
        (a_secret("unrelated", x="y"), set()),
        (a_config_map("carriers", DHL="8"), {ORDERS}),
        (a_pod("orders-worker"), {ORDERS}),
        (a_pod("acme-shop-receiver", component="receiver"), {SHOP}),
        (a_pod("acme-shop-receiver", component="check"), {SHOP}),
    ],
)
def test_who_is_woken_by_what(document, woken):
    store = filled()
    document["metadata"] |= {"uid": "new", "resourceVersion": "99"}
    before = store.put(document)

    assert set(wakes(store, before, document)) == woken


def test_our_own_status_wakes_nobody_but_ready_of_a_connection_its_users():
    store = filled()
    pipeline = {**store.get("SyncPipeline", ("default", "orders"))}
    pipeline["metadata"] = {**pipeline["metadata"], "resourceVersion": "50"}
    pipeline["status"] = {"stuck": 4}
    assert set(wakes(store, store.put(pipeline), pipeline)) == set()

    shop = {**store.get("Connection", ("default", "acme-shop"))}
    shop["metadata"] = {**shop["metadata"], "resourceVersion": "51"}
    shop["status"] = {"conditions": [{"type": "Ready", "status": "False", "reason": "Unreachable"}]}
    assert set(wakes(store, store.put(shop), shop)) == {ORDERS, NIGHT}


def test_an_older_state_of_an_object_is_not_taken():
    store = filled()
    old = {**a_shop(suspend=True)}
    old["metadata"] |= {"uid": "u0", "generation": 1, "resourceVersion": "0"}

    store.put(old)

    assert "suspend" not in store.get("Connection", ("default", "acme-shop"))["spec"]


def test_the_store_keeps_no_value_of_a_secret():
    store = Store()
    store.put(a_secret("erp", password="hunter2", empty=""))

    kept = store.get("Secret", ("default", "erp"))

    assert kept["data"] == {"password": "set"}


def test_the_ledger_of_one_namespace_is_no_reason_to_read_all_pipelines():
    class Narrow(Store):
        def all(self, kind):
            raise AssertionError(f"all of {kind} were read")

    store = Narrow()
    for number in range(3):
        one = a_pipeline(f"p{number}", namespace=f"n{number}")
        one["metadata"] |= {"uid": f"u{number}", "generation": 1}
        store.put(one)
    secret = a_ledger_secret("n1")

    assert set(wakes(store, store.put(secret), secret)) == {UnitKey("n1", "p1-worker")}


async def test_a_listing_that_finds_nothing_new_wakes_nobody_at_once():
    bench = whole(a_pipeline())
    await bench.settle()
    woken = []
    resync = Resync(bench.world, lambda key, after: woken.append((key, after)))

    await resync.list_all()

    assert woken == []


async def test_an_operator_that_may_not_list_is_not_ready_and_says_what_is_missing():
    bench = whole(a_pipeline())
    operator = bench.operator

    def forbidden(verb, kind, _name):
        if (verb, kind) == ("list", "Ingress"):
            raise Forbidden("list Ingress: ingresses.networking.k8s.io is forbidden")

    async def ready():
        application = pages(Health(), Metrics(), lambda: operator.waits_for)
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
            answer = await client.get("/readyz")
        return answer.status_code, answer.text

    assert await ready() == (200, "ok")  # a standby
    bench.kube.fault = forbidden
    working = asyncio.create_task(operator.run())
    async with asyncio.timeout(5):
        while (await ready())[0] == 200:
            await asyncio.sleep(0)
    status, text = await ready()
    assert status == 503
    assert "listing fails: list Ingress" in text

    bench.kube.fault = lambda *_: None
    async with asyncio.timeout(10):
        while await ready() != (200, "ok"):
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
