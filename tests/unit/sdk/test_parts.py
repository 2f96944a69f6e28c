"""A destination made of parts: who is asked for what, and what it says where no part is."""

from collections.abc import Sequence
from typing import Any

import pytest

from knect.sdk.contract import Call, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import ConnectorError, Fatal, Refused, Unreachable
from knect.sdk.parts import Answers, Part, PartsDestination, Write, find_nothing, one_by_one

_Client = list[str]  # what was asked of it


def _call(key: str, write: str = "thing") -> Call:
    effect = Effect(
        name=write, write=write, entity="things", operation=Operation.CREATE, key=key,
        external_id=f"shop:{key}", body={}, primary=True,
    )  # fmt: skip
    return Call(effect=effect, given={}, idempotency_key=key)


async def _send(client: _Client, calls: Sequence[Call]) -> list[Outcome]:
    client.append(f"send {[call.effect.key for call in calls]}")
    return [Outcome(found=Found(destination_id=call.effect.key)) for call in calls]


async def _find(client: _Client, calls: Sequence[Call]) -> list[Found | None]:
    client.append("find")
    return [Found(destination_id=call.effect.key) for call in calls]


async def _skus(client: _Client, values: Sequence[str]) -> Answers:
    client.append(f"skus {list(values)}")
    return {value: value.lower() for value in values if value != "GONE"}


def _destination(client: _Client) -> PartsDestination[_Client]:
    thing: Part[_Client] = Part(
        document=lambda record, settings: {"is": str(record), **settings},
        references=lambda _: (Reference(kind="sku", value="A", path="sku"),),
        plan=lambda _: (),
        writes={
            "thing": Write(send=_send, find=_find),
            "mark": Write(send=_send, find=find_nothing),
        },
        resolvers={"sku": _skus},
    )
    return PartsDestination(client, {"things": thing}, name="Acme")


async def test_calls_find_their_way_by_write_and_references_by_kind() -> None:
    client: _Client = []
    there = _destination(client)
    assert [one.found for one in await there.write([_call("1"), _call("2")])] == [
        Found(destination_id="1"), Found(destination_id="2"),
    ]  # fmt: skip
    assert await there.lookup([_call("1")]) == [Found(destination_id="1")]
    assert await there.lookup([_call("1", "mark")]) == [None]
    assert await there.candidates([_call("1")]) == [()]  # the write says nothing of older ones
    asked = [Reference(kind=kind, value=value, path="p") for kind, value in
             (("sku", "B"), ("sku", "A"), ("sku", "B"), ("sku", "GONE"), ("colour", "red"))]  # fmt: skip
    assert await there.resolve(asked) == {("sku", "A"): "a", ("sku", "B"): "b"}
    assert client == ["send ['1', '2']", "find", "skus ['A', 'B', 'GONE']"]


async def test_nothing_is_asked_of_nobody() -> None:
    client: _Client = []
    there = _destination(client)
    assert [await there.write([]), await there.lookup([]), await there.candidates([])] == [[]] * 3
    assert await there.resolve([]) == {}
    assert client == []


def test_an_entity_without_a_part_is_named() -> None:
    with pytest.raises(Fatal, match="Acme's connector does not write orders"):
        _destination([]).to_document("orders", Any, {})
    removal = Removal(entity="things", external_id="shop:1", how="Delete", bound="1", settings={})
    with pytest.raises(Fatal, match="Acme's connector cannot Delete things; set destination"):
        _destination([]).plan_removal(removal)


async def test_one_by_one_judges_each_call_alone() -> None:
    errors: dict[str, ConnectorError] = {"2": Refused("no"), "3": Unreachable("no answer")}

    async def send(client: _Client, call: Call) -> Outcome:
        client.append(call.effect.key)
        if error := errors.get(call.effect.key):
            raise error
        return Outcome(found=Found(destination_id=call.effect.key))

    client: _Client = []
    outcomes = await one_by_one(send)(client, [_call(key) for key in "1234"])
    assert client == list("1234")
    assert [one.error for one in outcomes] == [None, errors["2"], errors["3"], None]
    with pytest.raises(Unreachable):  # alone, what was not answered is the group's trouble
        await one_by_one(send)(client, [_call("3")])
    (alone,) = await one_by_one(send)(client, [_call("2")])
    assert alone.error is errors["2"]
