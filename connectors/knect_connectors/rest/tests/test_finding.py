"""Looking for what was written: only an answer that could have shown it says that it is not there."""

from typing import Any

import pytest
from msgspec import structs

from knect.sdk.contract import EntityCheck
from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.testing import Answer
from knect_connectors.rest.tests.conftest import Open, Scene, a_config
from knect_connectors.rest.tests.test_writing import call, planned

IGNORED = {"path": "/api/sales", "query": {"reference": "{external_id}"}, "records": "data"}


def answering(monkeypatch: Any, there: Scene, *rows: dict[str, Any]) -> None:
    answer = Answer.of_json({"data": list(rows)})
    monkeypatch.setattr(there.system, "_list", lambda *_: answer)


async def of_orders(there: Scene) -> EntityCheck:
    (orders,) = (await there.connector.check()).entities
    return orders


async def test_a_list_of_others_is_no_proof_that_ours_is_not_there(scene: Open) -> None:
    there = await scene(a_config(write={"lookup": IGNORED}))
    there.system.shelf.put("sales", {"ref": "shop:2"})
    with pytest.raises(UnexpectedAnswer, match=r"asked for our id shop:1, finds shop:2: .*query$"):
        await there.destination.lookup([call(planned(there, "shop:1"))])


async def test_ours_is_found_in_a_list_of_others(scene: Open) -> None:
    there = await scene(a_config(write={"lookup": IGNORED}))
    for ref in ("shop:2", "shop:1", "shop:3"):
        there.system.shelf.put("sales", {"ref": ref})
    (found,) = await there.destination.lookup([call(planned(there, "shop:1"))])
    assert found is not None
    assert there.system.shelf.of("sales")[found.destination_id]["ref"] == "shop:1"


async def test_a_search_by_likeness_may_say_no(scene: Open, monkeypatch: Any) -> None:
    there = await scene()
    answering(monkeypatch, there, {"id": "S1", "ref": "shop:10"}, {"id": "S2", "ref": "shop:11"})
    assert await there.destination.lookup([call(planned(there, "shop:1"))]) == [None]


@pytest.mark.parametrize("row", [{"id": "S1"}, {"id": "S1", "ref": None}])
async def test_a_record_that_does_not_say_whose_it_is_leaves_it_open(
    scene: Open, monkeypatch: Any, row: dict[str, Any]
) -> None:
    there = await scene()
    answering(monkeypatch, there, row)
    with pytest.raises(UnexpectedAnswer, match=r"none at ref: .* say in .*lookup\.externalId"):
        await there.destination.lookup([call(planned(there, "shop:1"))])


async def test_our_id_may_be_elsewhere_in_what_is_found(scene: Open, monkeypatch: Any) -> None:
    lookup = {"path": "/api/sales", "records": "data", "externalId": "origin.reference"}
    there = await scene(a_config(write={"lookup": lookup}))
    answering(monkeypatch, there, {"id": "S1", "origin": {"reference": "shop:1"}})
    (found,) = await there.destination.lookup([call(planned(there, "shop:1"))])
    assert found is not None
    assert found.destination_id == "S1"


async def test_a_look_up_that_proves_nothing_is_told_before_anything_is_lost(scene: Open) -> None:
    there = await scene(a_config(write={"lookup": IGNORED}))
    there.system.shelf.put("sales", {"ref": "shop:2"})
    problem = (await of_orders(there)).problem
    assert problem is not None
    assert "it lists what it was not asked for" in problem
    assert "mend config.entities.orders.write.lookup.query" in problem


async def test_a_good_look_up_is_no_problem(scene: Open) -> None:
    there = await scene()
    there.system.shelf.put("sales", {"ref": "shop:2"})
    assert (await of_orders(there)).problem is None


async def test_an_api_that_refuses_an_id_nobody_has_says_no(scene: Open, monkeypatch: Any) -> None:
    there = await scene()
    refused = Answer.of_json({"error": {"code": "invalid"}}, status=422)
    monkeypatch.setattr(there.system, "_list", lambda *_: refused)
    assert (await of_orders(there)).problem is None


async def test_a_look_up_that_may_not_be_made_is_a_problem_of_its_entity(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene()
    monkeypatch.setattr(there.system, "_list", lambda *_: Answer.of_json({}, status=403))
    problem = (await of_orders(there)).problem
    assert problem is not None
    assert "403" in problem


NULL = Answer.of_json({"data": None})


async def test_null_where_records_should_be_is_no_proof_that_ours_is_not_there(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene()
    monkeypatch.setattr(there.system, "_list", lambda *_: NULL)
    with pytest.raises(
        UnexpectedAnswer, match=r"null at data: .* say write.lookup.nullIsNone: true"
    ):
        await there.destination.lookup([call(planned(there, "shop:1"))])


async def test_null_is_a_no_where_the_connection_says_so(scene: Open, monkeypatch: Any) -> None:
    lookup = {"path": "/api/sales", "records": "data", "nullIsNone": True}
    there = await scene(a_config(write={"lookup": lookup}))
    monkeypatch.setattr(there.system, "_list", lambda *_: NULL)
    assert await there.destination.lookup([call(planned(there, "shop:1"))]) == [None]


async def test_an_answer_without_content_is_a_no(scene: Open, monkeypatch: Any) -> None:
    there = await scene()
    monkeypatch.setattr(there.system, "_list", lambda *_: Answer(status=204))
    assert await there.destination.lookup([call(planned(there, "shop:1"))]) == [None]


async def test_a_look_up_that_says_null_is_told_before_anything_is_lost(
    scene: Open, monkeypatch: Any
) -> None:
    there = await scene()
    monkeypatch.setattr(there.system, "_list", lambda *_: NULL)
    problem = (await of_orders(there)).problem
    assert problem is not None
    assert "say write.lookup.nullIsNone: true" in problem


async def test_what_a_lost_ledger_may_have_made_is_told_by_the_refusal(scene: Open) -> None:
    """A unique key needs no request per record: the create is sent, and the refusal says it."""
    there = await scene()
    (made,) = await there.destination.write([call(planned(there, "shop:1"))])
    before = len(there.log.entries)
    anew = structs.replace(call(planned(there, "shop:1")), unvouched=True)
    assert list(await there.destination.lookup([anew])) == []
    assert len(there.log.entries) == before
    (told,) = await there.destination.write([anew])
    assert told.found is not None
    assert made.found is not None
    assert (told.found.destination_id, told.found.was_there) == (made.found.destination_id, True)


async def test_without_a_unique_key_a_lost_ledger_makes_ask(scene: Open) -> None:
    found = {"once": {"kind": "LookupAfterSettle", "settleSeconds": 30}}
    there = await scene(a_config(write=found))
    await there.destination.write([call(planned(there, "shop:1"))])
    anew = structs.replace(call(planned(there, "shop:1")), unvouched=True)
    (there_already,) = await there.destination.lookup([anew])
    assert there_already is not None
