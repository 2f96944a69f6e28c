"""What can be sold of a quantity, whichever shop is told."""

from typing import Any

import pytest

from knect.sdk.errors import BadRecord
from knect.sdk.stock import pieces


@pytest.mark.parametrize(
    ("amount", "sold"), [("5", 5), ("3.999", 3), ("-2", 0), ("-0.5", 0), ("0", 0), (7, 7)]
)
def test_fractions_are_rounded_down_and_less_than_nothing_is_nothing(
    amount: Any, sold: int
) -> None:
    assert pieces(amount) == sold


def test_what_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(BadRecord, match="'many', which is no quantity") as caught:
        pieces("many")
    assert caught.value.path == "available"
