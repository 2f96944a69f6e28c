"""An order that is cancelled in the shop, and was cancelled in the ERP, but is valid again there.

Why: no shop takes a cancellation back, and the goods would leave for an order that is none; every
connector says so in the same words. Must not: know a shop.
"""

from knect.sdk.contract import Delivery
from knect.sdk.errors import WaitForPerson

__all__ = ["require_not_restored"]


def require_not_restored(delivery: Delivery) -> None:
    """Raise WaitForPerson where an order was cancelled in the shop and no longer is in the ERP."""
    before = delivery.previous or {}
    if before.get("cancelled") and not delivery.document.get("cancelled"):
        raise WaitForPerson(
            f"the sale is valid again in the ERP, but order {delivery.bound} was cancelled in the"
            " shop and stays so: cancel the sale again, or have the order placed once more"
            " in the shop, then skip this one",
            code="ChangedAtDestination",
            path="cancelled_at",
            value=delivery.bound,
        )
