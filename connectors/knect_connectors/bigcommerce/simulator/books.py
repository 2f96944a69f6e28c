"""The simulated store's tables and its clock.

Rows are what the API shows of them; what begins with `_` hangs on a row and is shown by routes of
its own. Must not: know a route, a wire format beyond its values, or a fault.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from email.utils import format_datetime
from typing import Any

from msgspec import Struct, field

from knect.seams import Clock

__all__ = ["Books", "Row", "coins", "iso", "mail", "places"]

#: What the API shows of one record.
Row = dict[str, Any]
#: Scope of a webhook, and what it is about.
Event = tuple[str, Row]

_COIN, _PLACE = Decimal("0.01"), Decimal("0.0001")


def places(amount: Decimal | int) -> str:
    """Return an amount as V2 writes it: a text of four places."""
    return f"{Decimal(amount).quantize(_PLACE, ROUND_HALF_UP):f}"


def coins(amount: Decimal) -> Decimal:
    """Return an amount in whole coins."""
    return amount.quantize(_COIN, ROUND_HALF_UP)


def mail(at: datetime) -> str:
    """Return an instant as V2 writes it."""
    return format_datetime(at.replace(microsecond=0))


def iso(at: datetime) -> str:
    """Return an instant as V3 writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


class Books(Struct, kw_only=True):
    """Everything the store knows. `offset` moves its clock ahead of ours."""

    clock: Clock
    offset: timedelta = timedelta()
    currency: str = "EUR"
    zone: str = "Europe/Berlin"
    orders: dict[int, Row] = field(default_factory=dict)
    customers: dict[int, Row] = field(default_factory=dict)
    products: dict[int, Row] = field(default_factory=dict)
    variants: dict[int, Row] = field(default_factory=dict)
    locations: dict[int, Row] = field(default_factory=dict)
    #: (location, variant) -> pieces
    levels: dict[tuple[int, int], int] = field(default_factory=dict)
    price_lists: dict[int, Row] = field(default_factory=dict)
    #: (list, variant, currency) -> record
    prices: dict[tuple[int, int, str], Row] = field(default_factory=dict)
    #: whether a batch of records sets nothing where it refuses one ("strict mode")
    strict: bool = False
    #: products of whose changes part is not done: answered with 207
    stuck: set[int] = field(default_factory=set)
    hooks: dict[int, Row] = field(default_factory=dict)
    mails: list[Row] = field(default_factory=list)
    brands: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    listen: Callable[[Event], None] = lambda event: None  # noqa: ARG005 - nobody listens

    def now(self) -> datetime:
        """Return the store's clock."""
        return self.clock.now() + self.offset

    def next(self, name: str, first: int = 1) -> int:
        """Return the next number of a sequence."""
        self.counters[name] = max(self.counters.get(name, first - 1) + 1, first)
        return self.counters[name]

    def tell(self, scope: str, data: Row) -> None:
        """Let whoever listens know."""
        self.listen((scope, data))

    # ------------------------------------------------ orders

    def touch(self, order: Row, *scopes: str, at: datetime | None = None) -> None:
        """Move an order's time of change, and tell of it."""
        order["date_modified"] = mail(at or self.now())
        for scope in scopes or ("store/order/updated",):
            self.tell(scope, {"type": "order", "id": order["id"]})

    # ------------------------------------------------ catalog

    def add_location(self, label: str, *, code: str = "", enabled: bool = True) -> Row:
        """Add a place with stock."""
        number = self.next("location")
        stamp = iso(self.now())
        row = {
            "id": number, "code": code or f"BC-LOCATION-{number}", "label": label,
            "description": "", "managed_by_external_source": False, "type_id": "PHYSICAL",
            "enabled": enabled, "operating_hours": {}, "time_zone": self.zone,
            "created_at": stamp, "updated_at": stamp, "address": {}, "storefront_visibility": True,
            "special_hours": [],
        }  # fmt: skip
        self.locations[number] = row
        return row

    def add_product(
        self,
        sku: str,
        title: str,
        price: Decimal,
        *,
        tracking: str = "product",
        at: datetime | None = None,
        number: int = 0,
    ) -> Row:
        """Add a product without options, with its base variant."""
        number = number or self.next("product", 77)
        stamp = iso(at or self.now())
        row: Row = {
            "id": number, "name": title, "type": "physical", "sku": sku, "description": title,
            "weight": Decimal("0.5"), "width": 0, "depth": 0, "height": 0, "price": price,
            "cost_price": 0, "retail_price": 0, "sale_price": 0, "map_price": 0, "tax_class_id": 0,
            "product_tax_code": "", "calculated_price": price, "categories": [], "brand_id": 0,
            "option_set_id": None, "option_set_display": "right", "inventory_level": 0,
            "inventory_warning_level": 0, "inventory_tracking": tracking,
            "fixed_cost_shipping_price": 0, "is_free_shipping": False, "is_visible": True,
            "is_featured": False, "related_products": [-1], "warranty": "",
            "bin_picking_number": "", "layout_file": "", "upc": "", "mpn": "", "gtin": "",
            "search_keywords": "", "availability": "available", "availability_description": "",
            "gift_wrapping_options_type": "any", "gift_wrapping_options_list": [],
            "sort_order": 0, "condition": "New", "is_condition_shown": False,
            "order_quantity_minimum": 0, "order_quantity_maximum": 0, "page_title": "",
            "meta_keywords": [], "meta_description": "", "date_created": stamp,
            "date_modified": stamp, "view_count": 0, "preorder_release_date": None,
            "preorder_message": "", "is_preorder_only": False, "is_price_hidden": False,
            "price_hidden_label": "", "custom_url": {"url": f"/{sku.lower()}/",
                                                     "is_customized": False},
            "base_variant_id": None, "open_graph_type": "product", "open_graph_title": "",
            "open_graph_description": "", "open_graph_use_meta_description": True,
            "open_graph_use_product_name": True, "open_graph_use_image": True,
            "reviews_rating_sum": 0, "reviews_count": 0, "total_sold": 0, "_options": [],
        }  # fmt: skip
        self.products[number] = row
        row["base_variant_id"] = self.add_variant(row, sku)["id"]
        return row

    def add_variant(
        self, product: Row, sku: str, options: Row | None = None, *, price: Decimal | None = None
    ) -> Row:
        """Add a variant; with options the product has no base variant any more."""
        number = self.next("variant", 300)
        row: Row = {
            "id": number, "product_id": product["id"], "sku": sku, "sku_id": number + 1_000,
            "price": price, "calculated_price": price or product["price"], "sale_price": None,
            "retail_price": None, "map_price": None, "weight": None, "calculated_weight": 0.5,
            "width": None, "height": None, "depth": None, "is_free_shipping": False,
            "fixed_cost_shipping_price": None, "purchasing_disabled": False,
            "purchasing_disabled_message": "", "image_url": "", "cost_price": 0, "upc": "",
            "mpn": "", "gtin": "", "inventory_level": 0, "inventory_warning_level": 0,
            "bin_picking_number": "",
            "option_values": self._values(product, options or {}),
        }  # fmt: skip
        if options:
            base = product.get("base_variant_id")
            if base:
                del self.variants[base]
            product["base_variant_id"] = None
        self.variants[number] = row
        return row

    def _values(self, product: Row, options: Row) -> list[Row]:
        """Return the option values of a variant; options and values there are none of are made."""
        found = []
        for name, label in options.items():
            option = next((one for one in product["_options"] if one["display_name"] == name), None)
            if option is None:
                number = self.next("option", 55)
                option = {
                    "id": number, "product_id": product["id"], "display_name": name,
                    "type": "rectangles", "config": {},
                    "sort_order": len(product["_options"]), "option_values": [],
                }  # fmt: skip
                product["_options"].append(option)
            value = self.add_value(option, label)
            found.append({"id": value["id"], "label": label, "option_id": option["id"],
                          "option_display_name": name})  # fmt: skip
        return found

    def add_value(self, option: Row, label: str) -> Row:
        """Return an option's value of that label, made if there is none."""
        values: list[Row] = option["option_values"]
        for one in values:
            if one["label"] == label:
                return one
        values.append({"id": self.next("value", 100), "label": label, "sort_order": len(values),
                       "value_data": None, "is_default": False})  # fmt: skip
        return values[-1]

    def variants_of(self, product: int) -> list[Row]:
        """Return a product's variants."""
        return [row for row in self.variants.values() if row["product_id"] == product]

    def variant_by_sku(self, sku: str) -> Row | None:
        """Return the variant of a SKU; the store does not mind case."""
        folded = sku.strip().casefold()
        return next((v for v in self.variants.values() if v["sku"].casefold() == folded), None)

    def add_price_list(self, name: str) -> Row:
        """Add a price list."""
        number, stamp = self.next("price_list"), iso(self.now())
        row = {"id": number, "name": name, "active": True, "date_created": stamp,
               "date_modified": stamp}  # fmt: skip
        self.price_lists[number] = row
        return row

    # ------------------------------------------------ people

    def add_customer(
        self, email: str, first: str, last: str, at: datetime, *, number: int = 0
    ) -> Row:
        """Add a customer without addresses."""
        number = number or self.next("customer")
        row: Row = {
            "id": number, "authentication": {"force_password_reset": False}, "company": "",
            "customer_group_id": 0, "email": email, "first_name": first, "last_name": last,
            "notes": "", "phone": "", "registration_ip_address": "", "tax_exempt_category": "",
            "date_created": iso(at), "date_modified": iso(at), "address_count": 0,
            "attribute_count": 0, "accepts_product_review_abandoned_cart_emails": False,
            "origin_channel_id": 1, "channel_ids": [1], "addresses": [],
        }  # fmt: skip
        self.customers[number] = row
        return row

    def add_address(self, customer: Row, address: Row) -> Row:
        """Add an address; the customer's own time of change stays, as at the platform."""
        row = {
            "id": self.next("address"), "customer_id": customer["id"], "first_name": "",
            "last_name": "", "company": "", "address1": "", "address2": "", "city": "",
            "state_or_province": "", "postal_code": "", "country": "", "country_code": "",
            "phone": "", "address_type": "residential", **address,
        }  # fmt: skip
        customer["addresses"].append(row)
        customer["address_count"] = len(customer["addresses"])
        self.tell(
            "store/customer/address/created",
            {"type": "customer", "id": row["id"], "address": {"customer_id": customer["id"]}},
        )
        return row

    def snapshot(self) -> Row:
        """Return all tables."""
        return {
            "now": self.now(),
            "orders": [
                {name: value for name, value in order.items() if name != "_plan"}
                for order in self.orders.values()
            ],
            "customers": list(self.customers.values()),
            "products": list(self.products.values()),
            "variants": list(self.variants.values()),
            "locations": list(self.locations.values()),
            "levels": [
                {"location": place, "variant": variant, "quantity": pieces}
                for (place, variant), pieces in self.levels.items()
            ],
            "prices": list(self.prices.values()),
            "hooks": list(self.hooks.values()),
            "mails": self.mails,
        }
