"""Against the vendor's own descriptions, where they are at hand: what we call, what is answered.

`KNECT_SPECS` is the folder of specs; with `specs` in `KNECT_REQUIRE` they have to be there.
"""

import os
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from knect.model import Record
from knect.sdk.xml import Element, parse_xml
from knect_connectors.magento1.destination import PARTS
from knect_connectors.magento1.simulator import fill_orders, rest_api
from knect_connectors.magento1.simulator.faults import ALIASES, FAULTS, WRITES
from knect_connectors.magento1.simulator.soap_types import OTHERS, STRUCTURES
from knect_connectors.magento1.source import READ
from knect_connectors.magento1.tests import test_shipments, test_writing
from knect_connectors.magento1.tests.conftest import NOON, AtWork

_ROOT = Path(__file__).parents[4]
_SPECS = Path(os.environ.get("KNECT_SPECS", _ROOT.parent / "shared" / "specs")) / "openmage"
_MODULES = ("Api", "Catalog", "CatalogInventory", "Customer", "Sales")
_XSD, _WSDL = "http://www.w3.org/2001/XMLSchema ", "http://schemas.xmlsoap.org/wsdl/ "
#: Of the platform's core module, whose description is not among the specs at hand.
_CORE = {"core_magento", "core_store"}
#: What XML-RPC tells beyond what SOAP's types name: the columns of the tables.
_COLUMNS: Mapping[str, set[str]] = {
    "sales_order.info": {"customer_is_guest", "order_id"},
    "salesOrderItemEntity": {
        "parent_item_id", "store_id", "additional_data", "hidden_tax_amount",
        "base_hidden_tax_amount", "base_discount_invoiced",
    },
    "salesOrderPaymentEntity": {
        "amount_paid", "base_amount_paid", "amount_authorized", "last_trans_id",
    },
    "salesOrderStatusHistoryEntity": {"entity_name"},
    "salesOrderAddressEntity": {"email"},
    "salesOrderShipmentEntity": {"billing_address_id", "email_sent", "shipment_status"},
    "salesOrderShipmentTrackEntity": {"weight"},
    "salesOrderInvoiceEntity": {
        "email_sent", "transaction_id", "can_void_flag", "shipping_address_id",
        "shipping_tax_amount", "base_shipping_tax_amount",
    },
    "salesOrderInvoiceItemEntity": {"discount_amount", "base_discount_amount"},
    "salesOrderCreditmemoEntity": {
        "parent_id", "is_active", "order_increment_id", "order_created_at", "billing_firstname",
        "billing_lastname",
    },
    "salesOrderShipmentItemEntity": set(),
    "salesOrderCreditmemoCommentEntity": {"increment_id", "updated_at", "is_active"},
    "salesOrderShipmentCommentEntity": {"is_visible_on_front"},
    "salesOrderInvoiceCommentEntity": {"is_visible_on_front"},
    "catalogProductReturnEntity": set(),
}  # fmt: skip
#: Path -> operation of SOAP v2 that is the same method.
_OPERATIONS = {
    "sales_order": "salesOrder", "sales_order_shipment": "salesOrderShipment",
    "sales_order_invoice": "salesOrderInvoice", "sales_order_creditmemo": "salesOrderCreditmemo",
    "cataloginventory_stock_item": "catalogInventoryStockItem", "catalog_product": "catalogProduct",
    "catalog_product_attribute_tier_price": "catalogProductAttributeTierPrice",
    "customer": "customerCustomer", "customer_address": "customerAddress",
}  # fmt: skip
#: Path -> type of its answer, or of each row of it.
_ANSWERS = {
    "sales_order.list": "salesOrderListEntity", "sales_order.info": "salesOrderEntity",
    "sales_order_shipment.list": "salesOrderShipmentEntity",
    "sales_order_shipment.info": "salesOrderShipmentEntity",
    "sales_order_invoice.list": "salesOrderInvoiceEntity",
    "sales_order_invoice.info": "salesOrderInvoiceEntity",
    "sales_order_creditmemo.list": "salesOrderCreditmemoEntity",
    "sales_order_creditmemo.info": "salesOrderCreditmemoEntity",
    "cataloginventory_stock_item.list": "catalogInventoryStockItemEntity",
    "catalog_product.list": "catalogProductEntity",
    "catalog_product.info": "catalogProductReturnEntity",
    "catalog_product_attribute_tier_price.info": "catalogProductTierPriceEntity",
    "customer.list": "customerCustomerEntity", "customer.info": "customerCustomerEntity",
    "customer_address.list": "customerAddressEntityItem",
}  # fmt: skip


def spec(name: str) -> Element:
    path = _SPECS / name
    if not path.exists():
        if "specs" in os.environ.get("KNECT_REQUIRE", "").split(","):
            pytest.fail(f"KNECT_REQUIRE names specs, but {path} does not exist")
        pytest.skip(
            "the vendor's descriptions are not here; set KNECT_SPECS to the folder of specs"
        )
    return parse_xml(path.read_bytes())


def walk(element: Element) -> list[Element]:
    return [element, *(one for child in element.children for one in walk(child))]


@cache
def resources() -> dict[str, Element]:
    found: dict[str, Element] = {}
    for module in _MODULES:
        api = spec(f"{module}.api.xml").child("api")
        assert api is not None
        listed = api.child("resources")
        found |= {one.name: one for one in (listed.children if listed else ())}
        if module == "Api":
            found[""] = api
    return found


@cache
def types() -> dict[str, dict[str, str]]:
    """Return type -> field -> its type."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for module in _MODULES:
        for one in walk(spec(f"{module}.wsdl.xml")):
            if one.name == f"{_XSD}complexType":
                found[one.attributes["name"]] |= {
                    field.attributes["name"]: field.attributes.get("type", "")
                    for field in walk(one)
                    if field.name == f"{_XSD}element"
                }
    return found


@cache
def arguments() -> dict[str, list[tuple[str, str]]]:
    """Return operation -> its arguments without the session."""
    found = {}
    for module in _MODULES:
        for one in walk(spec(f"{module}.wsdl.xml")):
            if one.name == f"{_WSDL}message" and one.attributes["name"].endswith("Request"):
                parts = [(p.attributes["name"], p.attributes.get("type", "")) for p in one.children]
                found[one.attributes["name"].removesuffix("Request")] = [
                    part for part in parts if part[0] != "sessionId"
                ]
    return found


def methods_of(resource: str) -> set[str]:
    listed = resources()[resource].child("methods")
    assert listed is not None
    return {one.name for one in listed.children}


def operation(path: str) -> str:
    resource, _, method = path.partition(".")
    name = _OPERATIONS[resource] + method[0].upper() + method[1:]
    return name if name in arguments() else name[0].lower() + name[1:]


class Spy:
    """Notes every call that is made at the simulated shop, whatever the wire, and its answer."""

    def __init__(self, acme: AtWork) -> None:
        self.calls: list[tuple[str, Any, Any]] = []
        self._call = acme.simulator.calls.call
        acme.simulator.calls.call = self._noted  # type: ignore[method-assign]

    def _noted(self, path: str, args: Any) -> Any:
        answer = self._call(path, args)
        self.calls.append((path, args, answer))
        return answer


async def everything(acme: AtWork) -> Spy:
    """Read every entity and make every write once; return what was called."""
    fill_orders(acme.books, start=NOON, count=40, let_in=40)
    spy = Spy(acme)
    await acme.connector.check()
    for number in list(acme.books.orders)[:12]:
        if acme.books.orders[number]["state"] == "processing":
            await acme.simulator.do("ship", {"number": number, "track": f"T{number}"})
    later = acme.books.now() + timedelta(hours=1)
    for entity in READ:
        assert await acme.all(NOON - timedelta(days=60), later, entity=entity), entity
    order = test_shipments.put(acme, number="700000001")
    paid = test_shipments.put(acme, number="700000002")
    paid["payment"]["method"] = "authorizenet"
    cancelled = await acme.simulator.do("place", {"sku": "KN-100", "price": "1"})
    tier = test_writing.PRICE.__class__(
        source_id="2", sku="KN-100", currency="EUR", amount=Decimal(9), price_list="default",
        minimum_quantity=Decimal(5),
    )  # fmt: skip
    works: list[tuple[str, Record, dict[str, Any]]] = [
        ("inventory", test_writing.LEVEL, {}),
        ("prices", test_writing.PRICE, {}),
        ("prices", tier, {}),
        ("products", test_writing.TEE, {}),
        ("customers", test_writing.CUSTOMER, {}),
        ("shipments", test_shipments.parcel(order), {}),
        ("payments", test_shipments.payment(paid), {"settings": {"capture": "Always"}}),
        ("orders", test_writing.sale(cancelled, cancelled_at=NOON),
         {"bound": cancelled, "set": {"comment": "c", "status": "canceled"}}),
    ]  # fmt: skip
    for entity, record, more in works:
        outcomes = await test_writing.write(acme, entity, record, **more)
        assert all(one.found for one in outcomes), (entity, outcomes)
    (product,) = await test_writing.write(acme, "products", test_writing.TEE, bound="x")
    assert product.found is not None
    return spy


async def test_every_method_we_call_is_the_vendors(acme: AtWork) -> None:
    wanted = {method for methods in READ.values() for method in methods}
    wanted |= {method for part in PARTS.values() for method in part.rights}
    for path in wanted | WRITES | set(acme.simulator.calls._methods):
        resource, _, method = path.partition(".")
        if resource not in _CORE:
            assert method in methods_of(resource), path


async def test_every_request_is_what_the_vendor_describes(acme: AtWork) -> None:
    spy = await everything(acme)
    assert {path for path, _, _ in spy.calls} >= {
        method for part in PARTS.values() for method in part.rights
    } - {"sales_order_shipment.removeTrack", "customer.info", "customer.update"}
    for path, args, _ in spy.calls:
        if path.partition(".")[0] in _CORE:
            continue
        described = arguments()[operation(path)]
        given = args if isinstance(args, list) else [args]
        assert len(given) <= len(described), path
        for value, (name, kind) in zip(given, described, strict=False):
            _check_argument(path, name, kind.partition(":")[2], value)


def _check_argument(path: str, name: str, kind: str, value: Any) -> None:
    if kind == "filters":
        known = set(types()[_ANSWERS[path]]) | {
            "updated_at",
            "created_at",
            "order_id",
            "website_id",
        }
        assert set(value) <= known, (path, value)
    elif kind.endswith("Array") and isinstance(value, list):
        for one in value:
            assert set(one) <= set(types()[kind.removesuffix("Array")]), (path, one)
    elif isinstance(value, dict) and kind != "orderItemIdQtyArray":
        fields = types()[kind]
        assert set(value) <= set(fields), (path, name, set(value) - set(fields))
    elif kind == "int":
        assert str(value).isdigit(), (path, name, value)
    elif kind == "string" and value is not None:
        assert isinstance(value, str | int), (path, name, value)


async def test_every_answer_of_the_simulator_is_what_the_vendor_describes(acme: AtWork) -> None:
    spy = await everything(acme)
    seen = set()
    for path, _, answer in spy.calls:
        if path in _ANSWERS:
            seen.add(path)
            rows = answer if isinstance(answer, list) else [answer]
            for row in rows:
                _check_row(_ANSWERS[path], row)
    assert seen == set(_ANSWERS) - {"customer.info"} or seen == set(_ANSWERS)


def _check_row(kind: str, row: Mapping[str, Any]) -> None:
    fields = types()[kind]
    unknown = set(row) - set(fields) - _COLUMNS.get(kind, set())
    if kind == "salesOrderEntity":  # the columns a list tells too
        unknown -= set(types()["salesOrderListEntity"])
    assert not unknown, (kind, unknown)
    for name, value in row.items():
        inner = fields.get(name, "xsd:string").partition(":")[2]
        if isinstance(value, dict):
            _check_row(inner, value)
        elif isinstance(value, list) and inner.endswith("EntityArray"):
            for one in value:
                _check_row(inner.removesuffix("Array"), one)
        elif isinstance(value, list):
            assert inner in ("ArrayOfString", "catalogProductTierPriceEntityArray"), (kind, name)
        else:
            assert value is None or isinstance(value, str | bool), (kind, name, value)


def test_faults_have_the_vendors_codes_and_words() -> None:
    for resource, faults in FAULTS.items():
        described = {}
        listed = resources()[resource].child("faults")
        for one in listed.children if listed else ():
            code, message = one.child("code"), one.child("message")
            assert code is not None
            assert message is not None
            described[int(code.text)] = message.text
        for name, (number, words) in faults.items():
            assert described[number] == words, (resource, name)


def test_aliases_are_the_vendors() -> None:
    for alias, resource in ALIASES.items():
        if resource in _CORE:
            continue
        module = {"sales": "Sales", "catalog": "Catalog", "cataloginventory": "CatalogInventory"}
        described = spec(f"{module[resource.partition('_')[0]]}.api.xml").child("api")
        assert described is not None
        listed = described.child("resources_alias")
        assert listed is not None
        assert {one.name: one.text for one in listed.children}[alias] == resource


def test_soap_types_are_the_vendors_in_their_order() -> None:
    found = {}
    for one in walk(spec("Sales.wsi.xml")):
        if one.name == f"{_XSD}complexType" and one.attributes.get("name") in STRUCTURES:
            found[one.attributes["name"]] = [
                (field.attributes["name"], field.attributes["type"].partition(":")[2])
                for field in walk(one)
                if field.name == f"{_XSD}element"
            ]
    for kind, names in STRUCTURES.items():
        ours = [(name, OTHERS.get((kind, name), "string")) for name in names]
        assert ours == found[kind], kind


@pytest.mark.parametrize(
    ("module", "resource", "names", "computed"),
    [
        ("Sales", "order", rest_api._ORDER, set()),
        ("Sales", "order_item", rest_api._ITEM, set()),
        ("Sales", "order_address", rest_api._ADDRESS, set()),
    ],
)
def test_rest_shows_attributes_the_vendor_names(
    module: str, resource: str, names: list[str], computed: set[str]
) -> None:
    listed = [one for one in walk(spec(f"{module}.api2.xml")) if one.name == resource]
    described = [one for one in listed if one.child("attributes") is not None]
    attributes = described[0].child("attributes")
    assert attributes is not None
    assert set(names) - computed <= {one.name for one in attributes.children}
