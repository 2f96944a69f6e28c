"""What a Connection, a SyncPipeline and a worker document may say."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from knect.api import (
    Connection,
    Duration,
    Secret,
    StartPoint,
    SyncPipeline,
    WorkerConnection,
    WorkerDocument,
    WorkerPipeline,
)
from knect.api.crd import render_files
from knect.api.fields import PATTERNS
from knect.api.report import WorkerReport


def a_pipeline(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "knect.dev/v1alpha1",
        "kind": "SyncPipeline",
        "metadata": {"name": "orders"},
        "spec": {
            "entity": "orders",
            "source": {"connectionRef": {"name": "shop"}, "start": "Now"},
            "destination": {"connectionRef": {"name": "erp"}},
            "trigger": {"poll": {"every": "1m"}},
        }
        | spec,
    }


def a_connection(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "shop"}, "spec": {"connector": "shopify"} | spec}


def problems_of(document: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        SyncPipeline.model_validate(document)
    return [error["msg"].removeprefix("Value error, ") for error in caught.value.errors()]


def test_every_field_of_the_design_is_understood() -> None:
    spec = SyncPipeline.model_validate(
        a_pipeline(
            source={
                "connectionRef": {"name": "acme-shopify"},
                "start": "2026-01-31T00:00:00+01:00",
                "filter": {"status": "any"},
            },
            destination={
                "connectionRef": {"name": "acme-gp"},
                "write": "Upsert",
                "match": ["number"],
                "onSourceDelete": "Cancel",
                "settings": {"shop": 3},
            },
            trigger={"webhook": {"reconcileEvery": "15m"}},
            mapping={
                "admit": [{"when": "order.test", "then": "Skip", "reason": "test order"}],
                "set": {"comment": '"web " + order.number'},
                "valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}],
                "onUnmapped": "Wait",
                "owns": ["comment"],
                "createOnly": ["title"],
            },
            delivery={
                "batchSize": 100,
                "maxInFlight": 8,
                "retry": {"attempts": 8, "initial": "2s", "max": "15m"},
                "stalledAfter": "5m",
            },
            audit={"schedule": "0 3 * * *", "repair": "None"},
            expect={"minPerDay": 20, "maxStuck": 50},
            privacy={"mask": ["customer.email", "lines[].title"]},
            mode="Observe",
            worker={"group": "orders", "nodeSelector": {"a/b": "c"}, "tolerations": [{"key": "x"}]},
            suspend=False,
        )
    ).spec
    now = datetime(2026, 11, 1, tzinfo=UTC)
    assert spec.source.start.begins_at(now) == datetime(2026, 1, 30, 23, tzinfo=UTC)
    assert StartPoint("Now").begins_at(now) == now
    assert StartPoint("Beginning").begins_at(now).timestamp() == 0
    assert spec.trigger.webhook is not None
    assert spec.trigger.webhook.reconcile_every.delta == timedelta(minutes=15)
    assert spec.delivery.retry.initial.seconds == 2
    assert spec.mapping.admit[0].then == "Skip"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604800),
        ("1h1ms", 3600.001),
    ],
)
def test_a_duration_knows_its_length(text: str, seconds: float) -> None:
    assert Duration.read(text).seconds == seconds


@pytest.mark.parametrize("text", ["", "5", "0s", "-5s", "5 m", "1m1h", "1.5h", "5M", "1e3s", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        Duration.read(text)


@pytest.mark.parametrize(
    "text", ["now", "2026-01-31", "2026-02-31T00:00:00Z", "2026-01-31T00:00:00"]
)
def test_a_start_is_now_beginning_or_an_instant_with_offset(text: str) -> None:
    with pytest.raises(ValueError, match="expected Now, Beginning"):
        StartPoint.read(text)


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({}, "none is set"),
        ({"poll": {"every": "1m"}, "webhook": {}}, "poll and webhook are set"),
    ],
)
def test_exactly_one_trigger(trigger: dict[str, Any], said: str) -> None:
    assert problems_of(a_pipeline(trigger=trigger)) == [
        f"set exactly one of schedule, poll, webhook; {said}"
    ]


def test_source_and_destination_differ() -> None:
    document = a_pipeline(destination={"connectionRef": {"name": "shop"}})
    assert problems_of(document) == [
        "source and destination are the same Connection 'shop'; they must differ"
    ]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"suspend": "no"}, ("spec", "suspend")),
        ({"suspend": 1}, ("spec", "suspend")),
        ({"delivery": {"batchSize": "5"}}, ("spec", "delivery", "batchSize")),
        ({"delivery": {"batchSize": 0}}, ("spec", "delivery", "batchSize")),
        ({"entity": 5}, ("spec", "entity")),
        ({"mode": "Dry"}, ("spec", "mode")),
        ({"worker": {"group": "A B"}}, ("spec", "worker", "group")),
        ({"mapping": {"set": {"x": "1" * 4097}}}, ("spec", "mapping", "set", "x")),
        ({"colour": 1}, ("spec", "colour")),
    ],
)
def test_nothing_is_coerced_and_nothing_unknown_is_taken(spec: Any, field: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        SyncPipeline.model_validate(a_pipeline(**spec))
    assert [error["loc"] for error in caught.value.errors()] == [field]


def test_models_cannot_be_changed() -> None:
    connection = Connection.model_validate(a_connection())
    with pytest.raises(ValidationError, match="frozen"):
        connection.spec.suspend = True  # type: ignore[misc]  # what is tested


def test_a_secret_is_never_printed() -> None:
    secret = Secret.model_validate(
        {"metadata": {"name": "s"}, "stringData": {"a": "hunter2"}, "data": {"b": "aHVudGVyMw=="}}
    )
    assert secret.values()["a"].get_secret_value() == "hunter2"
    assert secret.values()["b"].get_secret_value() == "hunter3"
    for text in (
        repr(secret),
        str(secret.values()),
        secret.model_dump_json(),
        f"{secret.values()}",
    ):
        assert "hunter" not in text
        assert "***" in text


def test_a_wrong_secret_is_not_quoted_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        Secret.model_validate({"metadata": {"name": "s"}, "data": {"b": "hunter2!"}})
    assert "hunter" not in str(caught.value)


def test_a_worker_document_survives_its_journey_and_ignores_what_is_newer() -> None:
    pipeline = SyncPipeline.model_validate(a_pipeline())
    document = WorkerDocument(
        pipelines=(
            WorkerPipeline(name="orders", spec=pipeline.spec, value_maps={"m": {"a": "b"}}),
        ),
        connections=tuple(
            WorkerConnection(name=name, spec=Connection.model_validate(a_connection()).spec)
            for name in ("erp", "shop")
        ),
    )
    assert WorkerDocument.from_json(document.to_json()) == document
    newer = json.loads(document.to_json())
    newer["pipelines"][0]["spec"]["delivery"]["fromTheFuture"] = 1
    assert WorkerDocument.from_json(json.dumps(newer)) == document
    assert [end.name for end in document.ends(document.pipelines[0])] == ["shop", "erp"]
    newer["schemaVersion"] = 2
    with pytest.raises(ValueError, match="update the worker's image first"):
        WorkerDocument.from_json(json.dumps(newer))


def test_every_pattern_has_words() -> None:
    used = set(re.findall(r"pattern: (.*)", "\n".join(render_files().values())))
    unnamed = {one for one in used if one.strip("'") not in PATTERNS}
    assert {one for one in unnamed if "Now|" not in one and "ms)?$" not in one} == {
        "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"  # a condition's reason: no person writes one
    }


def _a_report_of(text: str, **more: str) -> WorkerReport:
    return WorkerReport(
        worker="w",
        version="1",
        document=WorkerDocument.digest(text),
        started=datetime(2026, 11, 25, tzinfo=UTC),
        **more,
    )


def test_a_worker_is_known_by_what_its_document_tells_and_an_older_one_by_its_text() -> None:
    text = '{"pipelines": [{"name": "orders", "generation": 1, "spec": {"a": 1, "b": 2}}]}'
    same = '{"pipelines": [{"spec": {"b": 2, "a": 1}, "generation": 2, "name": "orders"}]}'
    other = same.replace('"b": 2', '"b": 3')
    newer = _a_report_of(text, content=WorkerDocument.content(text))
    older = _a_report_of(text)
    assert [newer.runs(one) for one in (text, same, other)] == [True, True, False]
    assert [older.runs(one) for one in (text, same, other)] == [True, False, False]
