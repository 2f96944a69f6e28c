"""What a company needs to ship parcels and to book what was paid: carriers, boxes, a journal.

Must not: be imported by anything but `setup`, which runs as a program of its own.
"""

from decimal import Decimal
from typing import Any

from proteus import Model

from knect_connectors.tryton.demo.company import DemoCompany

__all__ = ["set_up_shipping"]


def set_up_shipping(company: DemoCompany, category: Any, currency: Any, record: Any) -> None:
    """Make the carriers, one kind of box, and the journals of what the shop was paid."""
    unit = Model.get("product.uom").find([("name", "=", "Unit")])[0]
    template = Model.get("product.template")(
        name="Carriage", code="CARRIAGE", type="service", default_uom=unit
    )
    template.list_price = Decimal(0)
    template.account_category = category
    template.save()
    product = template.products[0]
    for name in company.carriers:
        party = Model.get("party.party")(name=name)
        party.save()
        Model.get("carrier")(party=party, carrier_product=product).save()
    Model.get("stock.package.type")(name="Box").save()
    journal = Model.get("account.payment.journal")
    currencies = {each.code: each for each in Model.get("currency.currency").find()}
    assert currencies["EUR"] == currency
    for code, _ in company.rates:
        journal(
            name=f"{company.payment_journal} {code}",
            currency=currencies[code],
            company=record,
            process_method="manual",
        ).save()
