"""What is deleted and made anew under its old name: nothing of the old one is told of the new."""

import copy

import pytest
from tests.support.kube.objects import a_pipeline, a_shop
from tests.unit.operator.world import whole

from knect_operator.controllers import ConnectionKey, UnitKey
from knect_operator.kube import Conflict

CASES = {
    "SyncPipeline": (a_pipeline(), a_pipeline(trigger={"poll": {"every": "7m"}})),
    "Connection": (a_shop(), a_shop(checkInterval="7m")),
}
KEYS = {
    "SyncPipeline": UnitKey("default", "orders-worker"),
    "Connection": ConnectionKey("default", "acme-shop"),
}


def made_anew_during_its_status(bench, kind, document):
    """Let another hand delete an object and make it anew while its status is written."""
    name = document["metadata"]["name"]

    def fault(verb, what, _name):
        if (verb, what) == ("apply/status", kind):
            bench.kube.fault = lambda *_: None
            bench.kube.drop(kind, name)
            bench.kube.put(copy.deepcopy(document))

    bench.kube.fault = fault


@pytest.mark.parametrize("kind", CASES)
async def test_one_made_anew_during_a_look_is_not_given_the_old_one_s_status(kind):
    document, edited = CASES[kind]
    bench = whole(a_pipeline())
    await bench.settle()
    bench.kube.put(copy.deepcopy(edited))
    await bench.observe()
    made_anew_during_its_status(bench, kind, document)

    with pytest.raises(Conflict):  # so that it is looked at again, when the events have come
        await bench.look(KEYS[kind])

    name = document["metadata"]["name"]
    assert "status" not in bench.kube.of(kind)[name]
    await bench.settle()
    assert bench.ready(name, kind) == ("True", "Succeeded")
    assert bench.kube.of(kind)[name]["status"]["observedGeneration"] == 1


async def test_a_connection_made_anew_is_not_called_ready_by_a_check_of_the_old_one():
    bench = whole(a_pipeline())
    await bench.settle()
    bench.workers.runs["orders-worker"] = bench.kube.of("ConfigMap")["orders-worker"]["data"][
        "worker.json"
    ]
    bench.kube.drop("Connection", "acme-shop")
    other = {"shop": "other.myshopify.com", "apiVersion": "2026-07"}
    bench.kube.put(a_shop(config=other))
    await bench.observe()

    await bench.look(ConnectionKey("default", "acme-shop"))

    assert bench.connection_ready("acme-shop") == ("Unknown", "NotChecked")
    bench.workers.runs.clear()  # the pod of the new document answers
    await bench.settle()
    assert bench.connection_ready("acme-shop") == ("True", "Succeeded")
