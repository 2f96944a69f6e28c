"""Sets up a company in an empty Tryton database; runs as a program of its own.

    python -m knect_connectors.tryton.demo.setup CONF DATABASE < company.json

Why its own process: trytond keeps its configuration and pool in module state, and warns loudly.
Must not: be imported by anything.
"""

import datetime as dt
import sys
from decimal import Decimal
from typing import Any

import msgspec
from proteus import Model, Wizard, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences

from knect_connectors.tryton.demo.company import SERVICES, DemoCompany
from knect_connectors.tryton.demo.goods import add_goods
from knect_connectors.tryton.demo.server import PASSWORD, USER
from knect_connectors.tryton.demo.shipping import set_up_shipping

__all__: list[str] = []


def _currencies(company: DemoCompany) -> Any:
    currency_type = Model.get("currency.currency")
    rate_type = Model.get("currency.currency.rate")
    digits = {"JPY": 0}
    for code, rate in company.rates:
        places = digits.get(code, 2)
        currency = currency_type(
            name=code, symbol=code, code=code, rounding=Decimal(1).scaleb(-places), digits=places
        )
        currency.save()
        rate_type(date=dt.date(2000, 1, 1), rate=rate, currency=currency).save()
    return currency_type.find([("code", "=", "EUR")])[0]


def _countries(company: DemoCompany) -> None:
    country_type = Model.get("country.country")
    for code in company.countries:
        country_type(name=code, code=code).save()


def _company(company: DemoCompany, currency: Any, settings: Any) -> Any:
    party = Model.get("party.party")(name=company.name)
    address = party.addresses[0]
    address.street, address.postal_code, address.city = "Hafenstraße 1", "20457", "Hamburg"
    address.country = Model.get("country.country").find([("code", "=", "DE")])[0]
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    wizard.form.currency = currency
    wizard.execute("add")
    # What proteus' own tests do after making a company; both arguments are positional there.
    settings._context = Model.get("res.user").get_preferences(True, {})  # noqa: FBT003, SLF001
    return Model.get("company.company").find()[0]


def _accounting(company: DemoCompany) -> tuple[Any, dict[Decimal, Any]]:
    create_chart()
    for year in range(company.first_year, company.last_year + 1):
        span = (dt.date(year, 1, 1), dt.date(year, 12, 31))
        fiscal_year = create_fiscalyear(today=span)
        fiscal_year.start_date, fiscal_year.end_date = span
        fiscal_year = set_fiscalyear_invoice_sequences(fiscal_year)
        fiscal_year.save()
        fiscal_year.click("create_period")
    settings = Model.get("account.configuration")(1)
    settings.tax_rounding = company.tax_rounding
    settings.save()
    accounts = get_accounts()
    taxes = {}
    for rate in company.tax_rates:
        percent = f"{(rate * 100).normalize():f}"
        tax = Model.get("account.tax")(
            name=f"VAT {percent}%", description=f"VAT {percent}%", type="percentage", rate=rate
        )
        tax.invoice_account = tax.credit_note_account = accounts["tax"]
        tax.save()
        taxes[rate] = tax
    category = Model.get("product.category")(name="Web shop", accounting=True)
    category.account_revenue = accounts["revenue"]
    category.account_expense = accounts["expense"]
    category.save()
    term = Model.get("account.invoice.payment_term")(name="Paid in the shop")
    term.lines.new(type="remainder")
    term.save()
    return category, taxes


def _products(company: DemoCompany, category: Any) -> None:
    unit = Model.get("product.uom").find([("name", "=", "Unit")])[0]
    template_type = Model.get("product.template")
    goods = [(p.sku, p.name, p.price, "goods") for p in company.products if not p.variants]
    services = [(code, name, Decimal(0), "service") for code, name in SERVICES.items()]
    for sku, name, price, kind in goods + services:
        template = template_type(name=name, code=sku, type=kind, default_uom=unit)
        template.salable = True
        template.sale_uom = unit
        template.list_price = price
        template.account_category = category
        template.save()


def _shop(company: DemoCompany, record: Any) -> None:
    warehouse = Model.get("stock.location").find([("type", "=", "warehouse")])[0]
    shop = Model.get("web.shop")(name=company.shop, company=record)
    shop.warehouses.append(warehouse)
    shop.save()


def _user(record: Any) -> None:
    """Make the user Knect works as: sales, parties, parcels, payments; no administrator."""
    names = ["Sales", "Sale Amendment", "Stock", "Payment"]
    names += ["Party Administration", "Account Party Administration"]
    user = Model.get("res.user")(name="Knect", login=USER, password=PASSWORD)
    user.groups.extend(Model.get("res.group").find([("name", "in", names)]))
    user.companies.append(record)
    user.company = record
    user.save()


def main(configuration: str, database: str, company: DemoCompany) -> None:
    """Fill the database."""
    settings = config.set_trytond(database, config_file=configuration)
    currency = _currencies(company)
    _countries(company)
    record = _company(company, currency, settings)
    category, _ = _accounting(company)
    _products(company, category)
    add_goods(company, category, record)
    set_up_shipping(company, category, currency, record)
    _shop(company, record)
    _user(record)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], msgspec.json.decode(sys.stdin.buffer.read(), type=DemoCompany))
