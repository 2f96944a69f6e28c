"""What is to be done next is true, can be typed as it is printed, and means that record only."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from tests.unit.cli.terminal import Terminal
from tests.unit.ledger.book import SECOND, Book

from knect.ledger import schema as s
from knect.ledger.instants import to_us

Fill = Callable[[Book], Coroutine[Any, Any, None]]


def _now() -> int:
    return to_us(datetime.now(UTC))


def _seen(**changes: Any) -> Fill:
    """Return what fills a ledger with 1001, in that state."""

    async def fill(book: Book) -> None:
        book.now = _now()
        await book.see("1001", keys=[("number", "1001")])
        await book.work(**{"fate": "waiting", "stage": "mapped", "message": "m", **changes})

    return fill


def test_a_name_of_several_words_is_printed_as_one(knect: Terminal) -> None:
    """`knect retry 1001 refund 77` would try the order again, too."""

    async def refund(book: Book) -> None:
        await _seen(fate="rejected", acts="merchant")(book)
        named = update(s.transactions).values(key="1001 refund 77")
        await book.ledger.write(lambda c: c.execute(named))

    knect.write(refund)
    out = knect.on_ledger("find", "1001").out
    assert "knect retry '1001 refund 77'" in out


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (
            {"reason": "TotalsMismatch", "stage": "extracted", "field": "totals.total"},
            "totals.total",
        ),
        ({"reason": "UnknownSku", "field": "lines[0].sku"}, "'lines[0].sku'"),
        ({"reason": "BadRecord", "stage": "extracted", "field": "total"}, "PATH"),
        (
            {"reason": "BadRecord", "stage": "extracted", "field": "shipping_address.city"},
            "shipping_address.city",
        ),
        ({"reason": "Refused", "stage": "delivering", "field": "SOPNUMBE"}, "PATH"),
        ({"reason": "TotalsMismatch", "stage": "extracted", "field": "number"}, "PATH"),
    ],
)
def test_what_cannot_be_corrected_there_can_be_set_here(
    knect: Terminal, changes: dict[str, str], path: str
) -> None:
    knect.write(_seen(fate="rejected", acts="merchant", **changes))
    assert f"knect edit 1001 --set {path}=… --reason …" in knect.on_ledger("find", "1001").out


def test_a_kind_of_record_that_is_no_canonical_one_has_no_field_to_name(knect: Terminal) -> None:
    async def warranty(book: Book) -> None:
        await _seen(fate="rejected", acts="merchant", field="note")(book)
        other = update(s.transactions).values(entity="warranties")
        await book.ledger.write(lambda c: c.execute(other))

    knect.write(warranty)
    assert "knect edit 1001 --set PATH=…" in knect.on_ledger("find", "1001").out


def test_a_record_that_is_waited_for_is_not_to_be_mapped(knect: Terminal) -> None:
    knect.write(_seen(reason="OutcomeUnknown", acts="itself", waits_for="customers:7@erp"))
    out = knect.on_ledger("find", "1001").out
    assert "is waiting" in out
    assert "unmapped" not in out


def test_what_is_tried_soon_says_when(knect: Terminal) -> None:
    knect.write(_seen(next_us=_now() + 600 * SECOND, acts="itself"))
    out = knect.on_ledger("find", "1001").out
    assert "Next try " in out
    assert "It is due since" not in out


@pytest.mark.parametrize("fate", ["waiting", "in_flight", "unknown"])
def test_a_try_that_should_have_been_long_ago_is_no_promise(knect: Terminal, fate: str) -> None:
    """No worker runs: "next try at two" is not true at three."""
    knect.write(_seen(fate=fate, next_us=_now() - 3600 * SECOND, acts="itself"))
    out = knect.on_ledger("find", "1001").out
    assert "Next try" not in out
    assert "It is due since" in out
    assert "its pipeline is suspended or no longer declared, or much is before it" in out


@pytest.mark.parametrize(
    ("ago", "says"),
    [(0, "A worker has it in hand."), (3600, "The worker that had it in hand is gone")],
)
def test_who_has_it_in_hand_is_said(knect: Terminal, ago: int, says: str) -> None:
    async def taken(book: Book) -> None:
        book.now = _now() - ago * SECOND
        await book.see("1001", keys=[("number", "1001")])
        await book.claim()

    knect.write(taken)
    out = knect.on_ledger("find", "1001").out
    assert says in out
    assert "It is due since" not in out
