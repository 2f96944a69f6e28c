"""What is held back: jumping numbers, prices not valid now, goods without stock."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from knect.api.mapping import Guard, ZeroValue
from knect.engine.deciding.holds import guarded, not_now
from knect.model import InventoryLevel, Price

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
GUARD = Guard(field="price", max_change_percent=30)


@pytest.mark.parametrize(
    ("value", "before", "held"),
    [
        ("100.00", None, False),  # the first price has nothing to be compared with
        ("130.00", "100.00", False),
        ("130.01", "100.00", True),
        ("70.00", "100.00", False),
        ("69.99", "100.00", True),
        ("100.00", "100.00", False),
        ("5.00", "0", True),  # from nothing to something has no percentage
        ("0", "100.00", True),
        ("0", None, True),
        ("-1", "100.00", True),
    ],
)
def test_a_jump_waits_for_approval(value: str, before: str | None, held: bool) -> None:
    previous = None if before is None else {"price": Decimal(before)}
    verdict = guarded([GUARD], {"price": Decimal(value)}, previous)
    assert (verdict is not None) is held
    if verdict is not None:
        assert (verdict.fate, verdict.reason, verdict.field) == (
            "waiting", "NeedsApproval", "price",
        )  # fmt: skip
        assert verdict.value == value


def test_the_sentence_names_both_numbers_and_what_to_do() -> None:
    verdict = guarded([GUARD], {"price": Decimal("9.90")}, {"price": Decimal("99.00")})
    assert verdict is not None
    assert verdict.message == (
        "price goes from 99.00 to 9.90 (90 %), more than 30 %; approve it with knect approve, or "
        "correct it at the source"
    )


@pytest.mark.parametrize(("value", "before"), [("9.90", "99.00"), ("0", "99.00")])
def test_the_sentence_names_no_number_of_a_field_that_is_masked(value: str, before: str) -> None:
    verdict = guarded(
        [GUARD],
        {"price": Decimal(value)},
        {"price": Decimal(before)},
        is_withheld=lambda name, _: name == "price",
    )
    assert verdict is not None
    assert verdict.value == "***"
    assert verdict.message in (
        "price changes by more than 30 %; approve it with knect approve, or correct it at the "
        "source",
        "price is ***; approve it with knect approve, or correct it at the source",
    )


PAID = Guard(field="special_price", or_else="price", max_change_percent=30)


@pytest.mark.parametrize(
    ("document", "before", "said"),
    [
        # the list price is the regular one, and stays; what is paid slips
        (
            {"price": "39.90", "special_price": "3.99"},
            {"price": "39.90", "special_price": None},
            "special_price 3.99 takes the place of price 39.90 (90 %), more than 30 %",
        ),
        (
            {"price": "39.90", "special_price": "2.99"},
            {"price": "39.90", "special_price": "29.90"},
            "special_price goes from 29.90 to 2.99 (90 %), more than 30 %",
        ),
        (
            {"price": "39.90", "special_price": None},
            {"price": "39.90", "special_price": "19.90"},
            "price 39.90 takes the place of special_price 19.90 (101 %), more than 30 %",
        ),
        (
            {"price": "3.99", "special_price": None},
            {"price": "39.90"},
            "price goes from 39.90 to 3.99 (90 %), more than 30 %",
        ),
        ({"price": "39.90", "special_price": "0"}, None, "special_price is 0"),
        # the list price doubles, which nobody pays
        (
            {"price": "79.80", "special_price": "29.90"},
            {"price": "39.90", "special_price": "29.90"},
            None,
        ),
        (
            {"price": "39.90", "special_price": "29.90"},
            {"price": "39.90", "special_price": None},
            None,
        ),
        ({"special_price": None}, {"special_price": "3.99"}, None),
    ],
)
def test_what_is_paid_is_watched_however_it_is_written(
    document: dict[str, str | None], before: dict[str, str | None] | None, said: str | None
) -> None:
    verdict = guarded([PAID], document, before)
    assert (verdict and verdict.message.partition(";")[0]) == said
    if verdict is not None:
        assert said is not None
        assert verdict.field == said.partition(" ")[0]
        assert verdict.value == document[verdict.field]


@pytest.mark.parametrize("masked", ["price", "special_price"])
def test_the_sentence_names_neither_number_if_one_of_both_fields_is_masked(masked: str) -> None:
    verdict = guarded(
        [PAID],
        {"price": Decimal("39.90"), "special_price": Decimal("3.99")},
        {"price": Decimal("39.90")},
        is_withheld=lambda name, _: name == masked,
    )
    assert verdict is not None
    assert verdict.value == "***"
    assert verdict.message.startswith("special_price changes by more than 30 %;")


def test_zero_passes_where_it_is_allowed_and_once_it_was_delivered() -> None:
    free = Guard(field="price", zero=ZeroValue.ALLOW)
    assert guarded([free], {"price": Decimal(0)}, None) is None
    assert guarded([GUARD], {"price": Decimal(0)}, {"price": Decimal(0)}) is None


def test_a_field_that_is_no_number_or_not_there_is_not_guarded() -> None:
    assert guarded([GUARD], {"price": "on request"}, {"price": Decimal(1)}) is None
    assert guarded([GUARD], {"title": "Kettle"}, None) is None


def a_price(since: timedelta | None, until: timedelta | None) -> Price:
    return Price(
        source_id="1",
        sku="KN-1",
        currency="EUR",
        amount=Decimal("9.90"),
        valid_from=None if since is None else NOW + since,
        valid_until=None if until is None else NOW + until,
    )


def test_a_price_of_tomorrow_waits_until_then_to_the_second() -> None:
    verdict = not_now(a_price(timedelta(hours=15), None), NOW)
    assert verdict is not None
    assert (verdict.fate, verdict.reason, verdict.next_in) == ("waiting", "NotYetValid", 54_000)


def test_a_price_of_yesterday_is_not_sent() -> None:
    verdict = not_now(a_price(None, timedelta(0)), NOW)
    assert verdict is not None
    assert (verdict.fate, verdict.reason) == ("skipped", "Expired")
    assert not_now(a_price(timedelta(0), timedelta(seconds=1)), NOW) is None


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ({"kind": "service"}, "KN-1 is a service, which has no stock of its own"),
        ({"kind": "bundle"}, "KN-1 is a bundle, which has no stock of its own"),
        ({"tracked": False}, "KN-1 is not tracked; it has no stock to send"),
    ],
)
def test_what_has_no_stock_is_skipped_with_its_reason(level: dict[str, object], said: str) -> None:
    record = InventoryLevel(source_id="1", sku="KN-1", location="main", **level)  # type: ignore[arg-type]
    verdict = not_now(record, NOW)
    assert verdict is not None
    assert (verdict.fate, verdict.reason, verdict.message) == ("skipped", "NotTracked", said)
    assert not_now(InventoryLevel(source_id="1", sku="KN-1", location="main"), NOW) is None
