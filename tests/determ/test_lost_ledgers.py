"""A ledger that is lost, or put back to a backup, after each kind of write of each connector.

Whatever a connector makes has to be found by it again, and comes to stand there as it did.
"""

from pathlib import Path
from typing import Any

import pytest
from tests.determ import (
    test_into_bigcommerce,
    test_into_gp,
    test_into_magento,
    test_into_magento2,
    test_into_rest,
    test_into_shopify,
    test_into_woocommerce,
)
from tests.determ.in_turn import Loss, Play, after_a_loss

PLAYS: dict[str, Play[Any]] = {
    f"{into.__name__.rpartition('_')[2]}: {name}": play
    for into, plays in (
        (test_into_bigcommerce, {**test_into_bigcommerce.WRITES, **test_into_bigcommerce.LATE}),
        (test_into_gp, test_into_gp.WRITES),
        (test_into_magento, {**test_into_magento.WRITES, **test_into_magento.LATE}),
        (test_into_magento2, {**test_into_magento2.WRITES, **test_into_magento2.LATE}),
        (test_into_rest, {**test_into_rest.NEW, "edit": test_into_rest.EDIT}),
        (test_into_shopify, {**test_into_shopify.WRITES, **test_into_shopify.LATE}),
        (test_into_woocommerce, {**test_into_woocommerce.WRITES, **test_into_woocommerce.LATE}),
    )
    for name, play in plays.items()
    if play.then is None  # what overtakes is about a lost answer
}
#: What changes by what nobody remembers having written: a customer is known to GP by the e-mail
#: alone, a product to Magento 2 by the SKU; a parcel's former number stays beside the new one in
#: both Magentos, and hides it from Shopify, which refuses it in words. BigCommerce has no id of ours
#: on a product: one that has some of the SKUs may be anybody's, and a person says whose.
BY_WHAT_IS_FORGOTTEN = {
    "bigcommerce: another-size", "gp: customer-with-another-email", "magento: corrected-number",
    "magento2: another-sku", "magento2: corrected-number", "shopify: corrected-number",
}  # fmt: skip
CHANGES = sorted({name for name in PLAYS if PLAYS[name].before} - BY_WHAT_IS_FORGOTTEN)


@pytest.mark.parametrize("loss", [Loss.RESTORED, Loss.GONE])
@pytest.mark.parametrize("what", PLAYS)
async def test_what_is_there_stands_there_once(tmp_path: Path, what: str, loss: Loss) -> None:
    await after_a_loss(PLAYS[what], tmp_path, loss)


@pytest.mark.parametrize("what", CHANGES)
async def test_what_changes_meanwhile_arrives(tmp_path: Path, what: str) -> None:
    await after_a_loss(PLAYS[what], tmp_path, Loss.MEANWHILE)
