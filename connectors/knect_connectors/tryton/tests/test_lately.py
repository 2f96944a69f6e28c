"""What was learnt a moment ago serves one write, soon; everything else is asked again."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from knect.sdk.contract import Call, Effect, Operation, Outcome
from knect.seams import Clock
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.lately import Lately
from knect_connectors.tryton.parties import find_parties, write_parties
from knect_connectors.tryton.states import FOUND_FIELDS, write_states


class _Time:
    """A clock that stands still until it is moved."""

    seconds = 100.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def time() -> _Time:
    return _Time()


@pytest.fixture
def lately(time: _Time) -> Lately[str, int]:
    return Lately(cast("Clock", time))


def test_it_is_for_one_taker(lately: Lately[str, int]) -> None:
    lately.keep({"a": 1, "b": 2})
    assert lately.take(["a", "b"]) == {"a": 1, "b": 2}
    assert lately.take(["a"]) is None


def test_all_or_nothing(lately: Lately[str, int]) -> None:
    lately.keep({"a": 1})
    assert lately.take(["a", "b"]) is None
    assert lately.take(["a"]) is None, "what was offered once is asked again"


def test_after_some_seconds_it_is_forgotten(lately: Lately[str, int], time: _Time) -> None:
    lately.keep({"a": 1})
    time.seconds += 5.1
    assert lately.take(["a"]) is None


def test_what_nobody_takes_does_not_pile_up(lately: Lately[str, int]) -> None:
    for number in range(5_000):
        lately.keep({str(number): number})
    assert len(lately._known) <= 1_001


class _Tryton:
    """A Tryton with parties: e-mail -> id. It counts what it is asked."""

    def __init__(self, time: _Time) -> None:
        self.looked_up: Lately[str, Any] = Lately(cast("Clock", time))
        self.parties: dict[str, int] = {}
        self.asked = 0

    async def facts(self) -> None:
        return None

    async def search_read(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        self.asked += 1
        return [
            {"value": email, "party": party, "party.": {"code": str(party)}}
            for email, party in self.parties.items()
        ]

    async def write(self, method: str, values: list[dict[str, Any]]) -> list[int]:
        assert method == "model.party.party.create"
        for one in values:
            (contacts,) = one["contact_mechanisms"]
            self.parties[contacts[1][0]["value"]] = len(self.parties) + 1
        return list(self.parties.values())[-len(values) :]


def _call(email: str) -> Call:
    body = {"name": "Ann", "email": email, "identifier": None}
    effect = Effect(
        name="party", write="party", entity="customers", operation=Operation.ENSURE,
        key=email, external_id=email, body=body,
    )  # fmt: skip
    return Call(effect=effect, given={}, idempotency_key=f"{email}-party")


async def test_a_write_takes_its_own_look_ups_answer_and_the_next_one_asks(time: _Time) -> None:
    tryton = _Tryton(time)
    client, calls = cast("TrytonClient", tryton), [_call("ann@example.com")]
    assert await find_parties(client, calls) == [None]
    (made,) = await write_parties(client, calls)
    assert tryton.asked == 1
    (again,) = await write_parties(client, calls)  # sent once more, without a look-up
    assert tryton.asked == 2
    assert made.found is not None
    assert again.found is not None
    assert made.found.destination_id == again.found.destination_id
    assert len(tryton.parties) == 1


async def test_a_look_up_is_never_answered_from_memory(time: _Time) -> None:
    tryton = _Tryton(time)
    client, calls = cast("TrytonClient", tryton), [_call("ann@example.com")]
    assert await find_parties(client, calls) == [None]
    tryton.parties["ann@example.com"] = 7  # an earlier try that arrives late
    (found,) = await find_parties(client, calls)
    assert found is not None
    assert found.destination_id == "7"
    (outcome,) = await write_parties(client, calls)
    assert outcome.found == found


class _Sale:
    """A Tryton with one sale. It says what was done, in order."""

    def __init__(self, time: _Time) -> None:
        self.just_made: Lately[tuple[str, int], dict[str, Any]] = Lately(cast("Clock", time))
        self.row: dict[str, Any] = dict.fromkeys(FOUND_FIELDS)
        self.row |= {"id": 7, "number": "1", "state": "draft", "total_amount": Decimal("35.70")}
        self.done: list[str] = []

    async def facts(self) -> None:
        return None

    async def read(self, model: str, ids: list[int], fields: Any) -> dict[int, dict[str, Any]]:
        del model, fields
        self.done.append("read")
        return {7: dict(self.row)} if 7 in ids else {}

    async def write(self, method: str, ids: list[int], *, context: Any) -> None:
        del ids, context
        self.done.append(method.rpartition(".")[2])


async def _confirm(tryton: _Sale, total: str, transaction: str) -> Outcome:
    effect = Effect(
        name="state", write="state", entity="orders", operation=Operation.ACT,
        key="shop:1", external_id="shop:1", body={"state": "Confirmed", "total": total},
        needs=("sale",), primary=True,
    )  # fmt: skip
    call = Call(
        effect=effect,
        given={"sale": "7"},
        idempotency_key=f"{transaction}-state",
        transaction=transaction,
    )
    (outcome,) = await write_states(cast("TrytonClient", tryton), [call])
    return outcome


async def test_a_sale_just_made_is_confirmed_without_being_read(time: _Time) -> None:
    tryton = _Sale(time)
    tryton.just_made.keep({("one", 7): dict(tryton.row)})
    assert (await _confirm(tryton, "35.70", "one")).found is not None
    assert tryton.done == ["quote", "confirm", "read"]


async def test_what_another_transaction_has_made_is_read(time: _Time) -> None:
    tryton = _Sale(time)
    tryton.just_made.keep({("one", 7): dict(tryton.row)})
    tryton.row["total_amount"] = Decimal("29.75")  # an edit, before it was confirmed
    assert (await _confirm(tryton, "29.75", "two")).found is not None
    assert tryton.done == ["read", "quote", "confirm", "read"]
