"""Retention gives way: what a slice takes decides how large the next one is."""

import pytest

from knect.engine.working.housekeeping import sized
from knect.ledger.retention import RetentionPolicy


@pytest.mark.parametrize(
    ("rows", "took", "then"),
    [
        (100, 0.05, 200),  # there is time for more, but not for all that the figures promise
        (100, 0.001, 200),
        (400, 0.02, 500),
        (100, 0.4, 25),  # four times too long
        (100, 30.0, 10),  # whatever happens it goes on
        (10, 30.0, 10),
    ],
)
def test_a_slice_that_took_long_is_followed_by_a_smaller_one(
    rows: int, took: float, then: int
) -> None:
    assert sized(RetentionPolicy(slice_rows=rows), took).slice_rows == then
