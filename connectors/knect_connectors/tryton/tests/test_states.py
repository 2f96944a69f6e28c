"""Buttons of a sale that another hand, maybe an earlier request of ours, has pressed meanwhile."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from knect.sdk.contract import Call, Effect, Operation, Outcome
from knect.sdk.errors import ConnectorError, Refused
from knect.seams import SystemClock
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.lately import Lately
from knect_connectors.tryton.refusals import error_of
from knect_connectors.tryton.states import FOUND_FIELDS, write_states

_LEADS = {
    ("draft", "quote"): "quotation", ("quotation", "confirm"): "confirmed",
    ("confirmed", "draft"): "draft", ("quotation", "draft"): "draft",
    ("draft", "cancel"): "cancelled", ("quotation", "cancel"): "cancelled",
}  # fmt: skip


class _Tryton:
    """Sales with buttons, each in its states only. `before` happens before a button is pressed."""

    def __init__(self, *states: str) -> None:
        self.just_made: Lately[tuple[str, int], dict[str, Any]] = Lately(SystemClock())
        self.states = dict(enumerate(states, start=1))
        self.written: Counter[int] = Counter()
        self.pressed: list[str] = []
        self.before: Callable[[str], None] = lambda step: None

    async def facts(self) -> None:
        return None

    async def read(self, model: str, ids: list[int], fields: Any) -> dict[int, dict[str, Any]]:
        del model, fields
        row = {**dict.fromkeys(FOUND_FIELDS), "number": "1", "total_amount": Decimal(10)}
        there = ((one, self.states[one]) for one in ids if one in self.states)
        return {
            one: {**row, "id": one, "state": state, "_timestamp": str(self.written[one])}
            for one, state in there
        }

    async def write(
        self, method: str, ids: list[int], *, context: dict[str, Any] | None = None
    ) -> None:
        step = method.rpartition(".")[2]
        self.before(step)
        as_read = (context or {}).get("_timestamp", {})
        for one in ids:
            if as_read.get(f"sale.sale,{one}", now := str(self.written[one])) != now:
                raise error_of(method, ["ConcurrencyException", "Records were modified"])
            if (self.states.get(one), step) not in _LEADS:
                sentence = f'You can not call "{step}" on "{one}" of "Sale".'
                raise error_of(method, ["UserError", [sentence, "", None]])
        self.pressed.append(step)
        self.states |= {one: _LEADS[self.states[one], step] for one in ids}
        self.written.update(ids)


def _call(sale: int, state: str = "Confirmed") -> Call:
    effect = Effect(
        name="state", write="state", entity="orders", operation=Operation.ACT,
        key=f"shop:{sale}", external_id=f"shop:{sale}", body={"state": state, "total": "10"},
        target=str(sale), primary=True,
    )  # fmt: skip
    return Call(effect=effect, given={}, idempotency_key=f"{sale}-state")


async def _write(tryton: _Tryton, *calls: Call) -> list[Outcome]:
    return await write_states(cast("TrytonClient", tryton), calls)


def _when(tryton: _Tryton, step: str, state: str) -> None:
    """Let the sale be brought to a state by another hand, once, just before a button."""
    left = [state]

    def before(pressed: str) -> None:
        if pressed == step and left:
            tryton.states[1] = left.pop()
            tryton.written[1] += 1

    tryton.before = before


@pytest.mark.parametrize(
    ("at", "step", "moves_to", "pressed"),
    [
        ("draft", "quote", "quotation", ["confirm"]),
        ("draft", "quote", "confirmed", []),
        ("draft", "confirm", "confirmed", ["quote"]),
        ("quotation", "confirm", "confirmed", []),
        ("quotation", "confirm", "processing", []),
        ("quotation", "confirm", "draft", ["quote", "confirm"]),
    ],
)
async def test_a_button_pressed_meanwhile_is_taken_for_pressed(
    at: str, step: str, moves_to: str, pressed: list[str]
) -> None:
    tryton = _Tryton(at)
    _when(tryton, step, moves_to)
    (outcome,) = await _write(tryton, _call(1))
    assert outcome.error is None
    assert tryton.pressed == pressed
    assert tryton.states[1] == ("processing" if moves_to == "processing" else "confirmed")


async def test_a_sale_cancelled_meanwhile_is_a_persons() -> None:
    tryton = _Tryton("draft")
    _when(tryton, "quote", "cancelled")
    (outcome,) = await _write(tryton, _call(1))
    assert isinstance(outcome.error, ConnectorError)
    assert outcome.error.code == "ChangedAtDestination"


@pytest.mark.parametrize("step", ["draft", "cancel"])
async def test_a_cancellation_is_no_other(step: str) -> None:
    tryton = _Tryton("confirmed")
    _when(tryton, step, "draft" if step == "draft" else "cancelled")
    (outcome,) = await _write(tryton, _call(1, "Cancelled"))
    assert outcome.error is None
    assert tryton.states[1] == "cancelled"


async def test_a_button_that_is_refused_where_it_should_not_be_is_refused() -> None:
    tryton = _Tryton("draft")

    def never(step: str) -> None:  # no lines, say
        raise error_of(step, ["UserError", [f'You can not call "{step}" on "1" of "Sale".', ""]])

    tryton.before = never
    with pytest.raises(Refused, match='You can not call "quote"'):
        await _write(tryton, _call(1))


async def test_of_many_none_is_taken_for_pressed_before_it_is_alone() -> None:
    tryton = _Tryton("draft", "draft")
    _when(tryton, "quote", "quotation")
    with pytest.raises(Refused):
        await _write(tryton, _call(1), _call(2))
    assert [one.error for one in await _write(tryton, _call(1))] == [None]
    assert [one.error for one in await _write(tryton, _call(2))] == [None]
    assert set(tryton.states.values()) == {"confirmed"}


async def test_who_always_moves_it_is_not_chased_for_ever() -> None:
    tryton = _Tryton("draft")

    def before(step: str) -> None:
        tryton.states[1] = "quotation" if step == "quote" else "draft"

    tryton.before = before
    with pytest.raises(Refused):
        await _write(tryton, _call(1))
