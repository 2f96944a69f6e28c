"""What cannot work is held: named by its path, with no worker, until somebody repairs it."""

import copy

import pytest
from tests.support.kube.objects import a_config_map, a_pipeline, a_secret
from tests.unit.operator.world import whole

HELD = {
    "expression": (
        a_pipeline(mapping={"set": {"comment": '"web " + order.nummer'}}),
        "ConfigValid",
        "ExpressionInvalid",
        "spec.mapping.set.comment",
    ),
    "field": (
        a_pipeline(mapping={"set": {"commnet": "order.number"}}),
        "ConfigValid",
        "InvalidSpec",
        "have no field 'commnet'; did you mean comment?",
    ),
    "connection": (
        a_pipeline(source="acme-shpo"),
        "ConnectionsReady",
        "ConnectionNotFound",
        "no Connection 'acme-shpo'",
    ),
    "table": (
        a_pipeline(
            mapping={"valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}]}
        ),
        "ConfigValid",
        "ConfigMapNotFound",
        "spec.mapping.valueMaps[0].configMapRef.name",
    ),
    "schedule": (
        a_pipeline(trigger={"schedule": {"cron": "61 * * * *"}}),
        "ConfigValid",
        "InvalidSpec",
        "spec.trigger.schedule.cron",
    ),
    "webhooks nobody takes": (
        a_pipeline(trigger={"webhook": {"reconcileEvery": "15m"}}),
        "ConfigValid",
        "InvalidSpec",
        "spec.trigger.webhook: Connection 'acme-shop' takes no webhooks",
    ),
    "entity": (
        a_pipeline(entity="prices"),
        "ConfigValid",
        "EntityNotSupported",
        "cannot read 'prices'",
    ),
}


@pytest.mark.parametrize("case", HELD)
async def test_what_cannot_work_is_held_with_its_path_and_no_worker(case):
    pipeline, type_, reason, words = HELD[case]
    bench = whole(pipeline)

    await bench.settle()

    found = bench.condition("orders", type_)
    assert (found["status"], found["reason"]) == ("False", reason)
    assert words in found["message"]
    assert bench.ready("orders") == ("False", reason)
    assert bench.kube.of("Deployment") == {}


async def test_a_bad_row_of_a_table_is_named_and_repairing_it_starts_the_worker():
    maps = {"valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}]}
    bench = whole(a_pipeline(mapping=maps), a_config_map("carriers", DHL="", UPS="carrier-2"))
    await bench.settle()
    found = bench.condition("orders", "ConfigValid")
    assert found["reason"] == "TableInvalid"
    assert "row 'DHL' of ConfigMap 'carriers' has no translation" in found["message"]

    bench.kube.put(a_config_map("carriers", DHL="carrier-7", UPS="carrier-2"))
    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")


async def test_the_older_of_two_pipelines_keeps_its_fields():
    bench = whole(a_pipeline("first", entity="customers"))
    bench.kube.put(a_pipeline("a-second", entity="customers"))

    await bench.settle()

    assert bench.ready("first") == ("True", "Succeeded")
    assert bench.ready("a-second") == ("False", "FieldOwnedElsewhere")
    bench.kube.drop("SyncPipeline", "first")
    await bench.settle()
    assert bench.ready("a-second") == ("True", "Succeeded")


async def test_a_secret_without_its_key_holds_all_and_names_it():
    bench = whole(a_pipeline())
    bench.kube.put(a_secret("erp", username="knect"))

    await bench.settle()

    assert bench.connection_ready("acme-erp") == ("False", "SecretKeyMissing")
    assert bench.ready("orders") == ("False", "SecretKeyMissing")
    assert "password" in bench.condition("orders", "ConnectionsReady")["message"]
    assert bench.kube.of("Deployment") == {}


@pytest.mark.parametrize("watched", [True, False])
async def test_a_secret_that_comes_later_starts_the_worker(watched):
    bench = whole(a_pipeline())
    bench.kube.drop("Secret", "erp")
    await bench.settle()
    assert bench.ready("orders") == ("False", "SecretNotFound")

    bench.kube.put(a_secret("erp", watched=watched, username="knect", password="pw"))
    bench.pass_time(61)
    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")


async def test_a_secret_deleted_later_leaves_the_worker_and_says_so():
    bench = whole(a_pipeline())
    await bench.settle()
    before = copy.deepcopy(bench.kube.of("Deployment"))

    bench.kube.drop("Secret", "erp")
    await bench.settle()

    assert bench.kube.of("Deployment")["orders-worker"]["spec"] == before["orders-worker"]["spec"]
    assert bench.ready("orders") == ("False", "SecretNotFound")


async def test_a_connection_deleted_under_a_pipeline_stops_it():
    bench = whole(a_pipeline())
    await bench.settle()

    bench.kube.drop("Connection", "acme-erp")
    await bench.settle()

    assert bench.kube.of("Deployment") == {}
    assert bench.ready("orders") == ("False", "ConnectionNotFound")


async def test_without_a_ledger_nothing_is_started():
    bench = whole(a_pipeline())
    bench.kube.drop("Secret", "knect-ledger")

    await bench.settle()

    assert bench.kube.of("Deployment") == {}
    assert bench.ready("orders") == ("False", "LedgerSecretNotFound")
