"""Many variants are many products, whose ids are one name in the ledger."""

import pytest

from knect_connectors.magento.product_ids import joined, parted

#: What PostgreSQL takes in an index.
_MOST = 2_704


@pytest.mark.parametrize("text", ["7", "7,9,12", "7,8,9", "12,7,8", ""])
def test_few_are_written_as_ever(text: str) -> None:
    ids = text.split(",") if text else []
    assert joined(ids) == text
    assert parted(text) == ids


@pytest.mark.parametrize("count", [200, 2_000, 20_000])
def test_many_that_were_made_together_are_a_short_name(count: int) -> None:
    ids = [str(one) for one in range(900_000, 900_000 + count)]
    assert joined(["7", *ids, "12", "11"]).endswith(",12,11")
    assert len(joined(["7", *ids, "12", "11"])) < _MOST
    assert parted(joined(["7", *ids, "12", "11"])) == ["7", *ids, "12", "11"]


def test_their_order_stays() -> None:
    ids = [str(one) for one in [*range(500, 100, -1), *range(600, 900), 3, 4, 4]]
    assert parted(joined(ids)) == ids
