"""Answers to writes that do not say what they should: of another record, of half of them, too late."""

from typing import Any

import pytest

from knect.model import decode_json
from knect.sdk.contract import Outcome, Removal
from knect.sdk.errors import Refused, RetryLater, UnexpectedAnswer, WaitForPerson
from knect.sdk.testing import Answer
from knect_connectors.rest.tests.conftest import Open, Scene, a_config
from knect_connectors.rest.tests.test_writing import BATCH, call, planned, write


def answers(there: Scene, monkeypatch: Any, change: Any) -> None:
    """Let the API say something else of a batch than what it has done."""
    take = there.system._batch

    def changed(collection: str, records: list[dict[str, Any]]) -> Answer:
        results = decode_json(take(collection, records).body)["results"]
        named = [{**one, "ref": sent["ref"]} for one, sent in zip(results, records, strict=True)]
        return Answer.of_json({"results": change(named)}, committed=True)

    monkeypatch.setattr(there.system, "_batch", changed)


def ids(there: Scene, outcomes: list[Outcome]) -> list[str | None]:
    """Return our id of what each outcome says was written."""
    rows = there.system.shelf.of("sales")
    return [rows[one.found.destination_id]["ref"] if one.found else None for one in outcomes]


async def test_results_in_another_order_are_told_apart_by_our_id(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write=BATCH))
    answers(there, monkeypatch, lambda named: named[::-1])
    assert ids(there, await write(there, "a", "b", "c")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "change",
    [
        lambda named: [named[0], named[0], named[2]],
        lambda named: [named[0], {**named[1], "ref": "z"}, named[2]],
        lambda named: [named[1], {"id": named[0]["id"]}, named[2]],
        lambda named: [{"id": named[place]["id"]} for place in (0, 0, 1)],
    ],
    ids=["one twice", "an unknown one", "one in another's place", "one id twice"],
)
async def test_results_of_other_records_than_were_sent_prove_nothing(
    scene: Open, monkeypatch: Any, change: Any
) -> None:
    there = await scene(a_config(write=BATCH))
    answers(there, monkeypatch, change)
    with pytest.raises(UnexpectedAnswer, match="other records than were sent") as told:
        await write(there, "a", "b", "c")
    assert told.value.could_have_been_seen
    assert not told.value.answered


async def test_an_empty_list_of_errors_is_no_refusal(scene: Open, monkeypatch: Any) -> None:
    config = a_config(write={**BATCH, "batch": {**BATCH["batch"], "error": "errors"}})
    there = await scene(config)

    def change(named: list[Any]) -> list[Any]:
        return [{**named[0], "errors": []}, {"errors": ["no such article"]}]

    answers(there, monkeypatch, change)
    made, refused = await write(there, "a", "b")
    assert made.error is None
    assert isinstance(refused.error, Refused)
    assert "no such article" in refused.error.message


async def test_an_error_object_in_a_batch_is_no_success_where_results_have_no_id(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene(a_config(write={**BATCH, "id": None}))

    def change(named: list[Any]) -> list[Any]:
        return [{"ok": True}, {"error": {"code": "invalid", "message": "no such article"}}]

    answers(there, monkeypatch, change)
    made, other = await write(there, "a", "b")
    assert made.found is not None
    assert other.found is None
    assert other.error is not None
    assert "no such article" in other.error.message


async def test_a_duplicate_the_look_up_does_not_find_yet_is_looked_for_later(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene()
    await write(there, "shop:1")
    listed = there.system._list
    monkeypatch.setattr(there.system, "_list", lambda *_: Answer.of_json({"data": []}))
    (outcome,) = await write(there, "shop:1")
    assert isinstance(outcome.error, RetryLater)
    assert outcome.error.answered, "it is known not to have been made by this request"
    assert "has a record with our id shop:1" in outcome.error.message
    monkeypatch.setattr(there.system, "_list", listed)
    (outcome,) = await write(there, "shop:1")
    assert outcome.found is not None


async def test_what_a_look_up_finds_without_its_id_is_not_taken_for_nothing(scene: Open) -> None:
    there = await scene(a_config(write={"id": "key"}))
    there.system.shelf.put("sales", {"ref": "shop:1"})
    with pytest.raises(UnexpectedAnswer, match="there is no key in the answer"):
        await there.destination.lookup([call(planned(there))])


async def test_two_records_with_our_id_are_for_a_person(scene: Open) -> None:
    there = await scene()
    there.system.shelf.put("sales", {"ref": "shop:1"})
    rows = there.system.shelf.of("sales")
    rows["S9"] = {**next(iter(rows.values())), "id": "S9"}
    with pytest.raises(WaitForPerson, match=r"has 2 records with our id shop:1: S000001, S9"):
        await there.destination.lookup([call(planned(there))])


@pytest.mark.parametrize("then", ["Gone", "Duplicate"])
async def test_what_is_cancelled_already_is_cancelled(
    scene: Open, monkeypatch: Any, then: str
) -> None:
    rules = [{"path": "error.code", "equals": "is_cancelled", "then": then}]
    cancel = {"path": "/api/sales/{id}/cancel"}
    there = await scene(a_config(write={"cancel": cancel}, errors=rules))
    (effect,) = there.destination.plan_removal(
        Removal(entity="orders", external_id="shop:1", bound="S000001", how="Cancel", settings={})
    )
    said = Answer.of_json({"error": {"code": "is_cancelled"}}, status=409)
    monkeypatch.setattr(there.system, "_answer", lambda _: said)
    (outcome,) = await there.destination.write([call(effect)])
    assert outcome.error is None, outcome.error
