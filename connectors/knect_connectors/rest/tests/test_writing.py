"""Writing to in-house APIs: once, in batches, and what a refusal means."""

from typing import Any

import pytest

from knect.model import Order
from knect.sdk.contract import Call, Delivery, Effect, Outcome, Removal
from knect.sdk.errors import BadRecord, Fatal, Refused, Throttled
from knect.sdk.testing import Answer
from knect_connectors.rest.tests.conftest import Open, Scene, a_config, a_sale

BATCH: dict[str, Any] = {
    "create": None,
    "batch": {"path": "/api/sales/batch", "wrap": "items", "results": "results"},
}


def planned(there: Scene, external_id: str = "shop:1", bound: str | None = None) -> Effect:
    raw = {**a_sale(), "id": "7", "changed": "2026-03-01T12:00:00Z"}
    record = there.source.to_record("orders", raw)
    assert isinstance(record, Order)
    (effect,) = there.destination.plan(
        Delivery(
            entity="orders",
            external_id=external_id,
            document={"total": record.totals.total},
            record=record,
            bound=bound,
            resolved={},
            settings={},
        )
    )
    return effect


def call(effect: Effect) -> Call:
    return Call(effect=effect, given={}, idempotency_key=f"key-{effect.external_id}")


async def write(there: Scene, *external_ids: str) -> list[Outcome]:
    return list(await there.destination.write([call(planned(there, one)) for one in external_ids]))


async def test_a_create_carries_our_id_and_gives_theirs(scene: Open) -> None:
    there = await scene()
    (outcome,) = await write(there, "shop:1")
    assert outcome.found is not None
    row = there.system.shelf.of("sales")[outcome.found.destination_id]
    assert (row["ref"], str(row["total"])) == ("shop:1", "19.9")


async def test_a_duplicate_is_the_one_that_is_there(scene: Open) -> None:
    there = await scene()
    (first,), (again,) = await write(there, "shop:1"), await write(there, "shop:1")
    assert first.found == again.found
    assert len(there.system.shelf.of("sales")) == 1


async def test_a_batch_gives_each_record_its_own_outcome(scene: Open) -> None:
    there = await scene(a_config(write=BATCH))
    await write(there, "shop:2")
    outcomes = await write(there, "shop:1", "shop:2", "shop:3")
    assert [outcome.error for outcome in outcomes] == [None, None, None]
    assert len({outcome.found.destination_id for outcome in outcomes if outcome.found}) == 3
    assert len(there.system.shelf.of("sales")) == 3


async def test_a_batch_larger_than_the_api_takes_is_cut(scene: Open) -> None:
    there = await scene(a_config(write={**BATCH, "batch": {**BATCH["batch"], "size": 2}}))
    outcomes = await write(there, "a", "b", "c", "d", "e")
    assert [outcome.found is not None for outcome in outcomes] == [True] * 5
    assert there.requests.count("POST /api/sales/batch") == 3


async def test_one_bad_record_of_a_part_does_not_hold_the_others(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write={**BATCH, "batch": {**BATCH["batch"], "size": 4}}))
    take = there.system._batch

    def refuse(collection: str, records: list[dict[str, Any]]) -> Answer:
        if any(record["ref"] == "bad" for record in records):
            return Answer.of_json({"error": {"code": "invalid"}}, status=422)
        return take(collection, records)

    monkeypatch.setattr(there.system, "_batch", refuse)
    outcomes = await write(there, "a", "b", "bad", "d", "e")
    assert [outcome.found is not None for outcome in outcomes] == [True, True, False, True, True]
    assert isinstance(outcomes[2].error, Refused)


async def test_a_batch_that_is_all_there_is_raises_so_that_the_engine_halves_it(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write=BATCH))
    refused = Answer.of_json({"error": {"code": "invalid"}}, status=422)
    monkeypatch.setattr(there.system, "_batch", lambda *_: refused)
    with pytest.raises(Refused):
        await write(there, "a", "b")


async def test_fewer_results_than_records_is_no_success(scene: Open, monkeypatch: Any) -> None:
    there = await scene(a_config(write=BATCH))
    monkeypatch.setattr(there.system, "_batch", lambda *_: Answer.of_json({"results": [{"id": 1}]}))
    with pytest.raises(
        Exception, match="there is no list of 2 results at results in the answer"
    ) as caught:
        await write(there, "a", "b")
    assert caught.value.could_have_been_seen  # type: ignore[attr-defined]


async def test_a_lost_answer_is_found_by_our_id(scene: Open) -> None:
    there = await scene()
    effect = planned(there)
    assert await there.destination.lookup([call(effect)]) == [None]
    there.system.shelf.put("sales", {"ref": "shop:1"})
    (found,) = await there.destination.lookup([call(effect)])
    assert found is not None
    assert found.destination_id in there.system.shelf.of("sales")


async def test_the_idempotency_key_goes_into_its_header(scene: Open, monkeypatch: Any) -> None:
    once = {"kind": "NativeKey", "header": "X-Once"}
    there = await scene(a_config(write={"once": once, "lookup": None}))
    seen: list[str | None] = []
    answer = there.system._answer

    def note(request: Any) -> Answer:
        seen.append(request.headers.get("x-once"))
        return answer(request)

    monkeypatch.setattr(there.system, "_answer", note)
    await write(there, "shop:1")
    assert seen == ["key-shop:1"]


async def test_an_update_goes_to_what_is_bound(scene: Open) -> None:
    there = await scene()
    (made,) = await write(there, "shop:1")
    assert made.found is not None
    effect = planned(there, bound=made.found.destination_id)
    (outcome,) = await there.destination.write([call(effect)])
    assert outcome.found == made.found
    assert there.requests[-1] == f"PUT /api/sales/{made.found.destination_id}"


async def test_what_cannot_be_changed_says_what_to_declare(scene: Open) -> None:
    there = await scene(a_config(write={"update": None}))
    with pytest.raises(Fatal, match=r"declares no write\.update"):
        planned(there, bound="S1")


async def test_an_error_rule_decides_what_an_answer_means(scene: Open, monkeypatch: Any) -> None:
    rules = [
        {"status": [200], "path": "fault", "then": "Missing", "kind": "sku", "value": "fault.article",
         "message": "fault.text", "field": "fault.at"},
    ]  # fmt: skip
    there = await scene(a_config(errors=rules))
    fault = {"fault": {"text": "no such article", "article": "KN-9", "at": "rows[0].article"}}
    monkeypatch.setattr(there.system, "_create", lambda *_: Answer.of_json(fault))
    (outcome,) = await write(there, "shop:1")
    error = outcome.error
    assert error is not None
    assert (type(error).__name__, error.value, error.path) == (
        "MissingReference",
        "KN-9",
        "rows[0].article",
    )
    assert "no such article" in error.message


async def test_an_answer_without_the_id_it_should_have_leaves_the_outcome_open(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene()
    monkeypatch.setattr(
        there.system, "_create", lambda *_: Answer.of_json({"data": {}}, status=201)
    )
    (outcome,) = await write(there, "shop:1")
    assert outcome.error is not None
    assert (outcome.error.could_have_been_seen, outcome.error.answered) == (True, False)


async def test_what_one_part_of_a_batch_made_is_known_when_the_next_is_turned_away(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write={**BATCH, "batch": {**BATCH["batch"], "size": 2}}))
    take = there.system._batch

    def turn_away(collection: str, records: list[dict[str, Any]]) -> Answer:
        if records[0]["ref"] == "c":
            return Answer.of_json({"error": {"code": "slow_down"}}, status=429)
        return take(collection, records)

    monkeypatch.setattr(there.system, "_batch", turn_away)
    outcomes = await write(there, "a", "b", "c", "d", "e")
    assert [outcome.found is not None for outcome in outcomes] == [True, True, False, False, True]
    assert isinstance(outcomes[2].error, Throttled)


async def test_a_duplicate_alone_in_a_batch_that_is_refused_is_the_one_that_is_there(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write=BATCH))
    (first,) = await write(there, "shop:1")
    taken = Answer.of_json({"error": {"code": "duplicate"}}, status=409)
    monkeypatch.setattr(there.system, "_batch", lambda *_: taken)
    (again,) = await write(there, "shop:1")
    assert again.found == first.found


async def test_an_error_object_with_200_is_no_success_of_an_update(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene()
    effect = planned(there, bound="S000001")
    failed = Answer.of_json({"error": {"message": "the database is away"}})
    monkeypatch.setattr(there.system, "_answer", lambda _: failed)
    (outcome,) = await there.destination.write([call(effect)])
    assert outcome.found is None
    assert outcome.error is not None
    assert "the database is away" in outcome.error.message
    assert outcome.error.answered, "it is tried a few times and then a person is told"


async def test_an_error_object_with_200_is_no_success_of_a_removal(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write={"delete": {"path": "/api/sales/{id}", "method": "DELETE"}}))
    (effect,) = there.destination.plan_removal(
        Removal(entity="orders", external_id="shop:1", bound="S000001", how="Delete", settings={})
    )
    failed = Answer.of_json({"error": {"message": "the database is away"}})
    monkeypatch.setattr(there.system, "_answer", lambda _: failed)
    (outcome,) = await there.destination.write([call(effect)])
    assert outcome.found is None


REPEATABLE: dict[str, Any] = {
    "once": {"kind": "Repeatable"},
    "create": {"path": "/api/sales/{field.total}", "method": "PUT"},
    "update": None,
    "lookup": None,
    "id": None,
}


async def test_what_an_api_knows_by_a_name_of_its_own_is_put_there(scene: Open) -> None:
    """A stock level has no id of ours at most APIs: it is PUT to its SKU, again and again."""
    there = await scene(a_config(write=REPEATABLE))
    there.system.shelf.put("sales", {}, identifier="19.90")
    for bound in (None, "shop:1"):
        (outcome,) = await there.destination.write([call(planned(there, bound=bound))])
        assert outcome.error is None
        assert outcome.found is not None
        assert outcome.found.destination_id == "shop:1"
    assert there.requests == ["PUT /api/sales/19.90"] * 2


async def test_an_address_without_its_field_is_that_records_own_trouble(scene: Open) -> None:
    create = {"path": "/api/sales/{field.name.of.it}", "method": "PUT"}
    there = await scene(a_config(write={**REPEATABLE, "create": create}))
    (outcome,) = await write(there, "shop:1")
    assert isinstance(outcome.error, BadRecord)
    assert outcome.error.path == "name.of.it"
    assert there.requests == []


async def test_a_lost_answer_to_what_may_be_repeated_is_sent_again(scene: Open) -> None:
    there = await scene(a_config(write=REPEATABLE))
    effect = planned(there)
    assert await there.destination.lookup([call(effect)]) == [None]
    assert effect.write == "repeatable"
