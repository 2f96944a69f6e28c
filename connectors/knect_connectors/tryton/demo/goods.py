"""What the demo's company has in stock, its price list, and a product that comes in variants.

Runs inside `setup`, in the process that owns Tryton. Must not: be imported by anything else.
"""

from typing import Any

from proteus import Model

from knect_connectors.tryton.demo.company import DemoCompany, DemoProduct

__all__ = ["add_goods"]


def add_goods(company: DemoCompany, category: Any, record: Any) -> None:
    """Add variants, stock and price lists, as far as the company has any."""
    _zone(company, record)
    unit = Model.get("product.uom").find([("name", "=", "Unit")])[0]
    for product in company.products:
        if product.variants:
            _variants(product, category, unit)
    _stock(company)
    _price_lists(company)


def _zone(company: DemoCompany, record: Any) -> None:
    record.timezone = company.zone
    record.save()


def _variants(product: DemoProduct, category: Any, unit: Any) -> None:
    """Make one template with a variant per entry, told apart by attributes."""
    axes = sorted({axis for _, options in product.variants for axis, _ in options})
    choices = {
        axis: sorted({v for _, options in product.variants for a, v in options if a == axis})
        for axis in axes
    }
    attributes = [_attribute(axis, choices[axis]) for axis in axes]
    together = Model.get("product.attribute.set")(name=product.name)
    together.attributes.extend(attributes)
    together.save()
    template = Model.get("product.template")(name=product.name, code=product.sku)
    template.type, template.default_uom = "goods", unit
    template.salable, template.sale_uom = True, unit
    template.list_price = product.price
    template.account_category = category
    template.attribute_set = together
    template.products[0].suffix_code = product.variants[0][0]
    for suffix, _ in product.variants[1:]:
        template.products.new(suffix_code=suffix)
    template.save()
    options = dict(product.variants)
    for variant in template.products:
        variant.attributes = dict(options[variant.suffix_code])
        variant.save()


def _attribute(name: str, choices: list[str]) -> Any:
    known = Model.get("product.attribute").find([("name", "=", name)])
    attribute = known[0] if known else Model.get("product.attribute")(name=name, string=name)
    attribute.string = name
    attribute.type_ = "selection"
    kept = set((attribute.selection or "").splitlines())
    lines = kept | {f"{choice}: {choice}" for choice in choices}
    attribute.selection = "\n".join(sorted(filter(None, lines)))
    attribute.selection_sorted = False
    attribute.save()
    return attribute


def _stock(company: DemoCompany) -> None:
    """Count what is there: one inventory of the storage zone."""
    counted = dict(company.stock)
    if not counted:
        return
    warehouse = Model.get("stock.location").find([("type", "=", "warehouse")])[0]
    inventory = Model.get("stock.inventory")(location=warehouse.storage_location)
    for code, pieces in counted.items():
        (product,) = Model.get("product.product").find([("code", "=", code)])
        line = inventory.lines.new(product=product)
        line.quantity = float(pieces)
    inventory.save()
    inventory.click("confirm")


def _price_lists(company: DemoCompany) -> None:
    for plan in company.price_lists:
        prices = Model.get("product.price_list")(name=plan.name, price="list_price")
        prices.tax_included = plan.tax_included
        for entry in plan.lines:
            line = prices.lines.new(formula=entry.formula)
            if entry.sku:
                (line.product,) = Model.get("product.product").find([("code", "=", entry.sku)])
            line.start_date, line.end_date = entry.start, entry.end
        prices.save()
