"""The manifest says what the code does."""

from pathlib import Path

import pytest

from knect.api.catalog import read_manifest
from knect.model import Record
from knect_connectors.bigcommerce import connector
from knect_connectors.bigcommerce.destination import PARTS, BigCommerceDestination
from knect_connectors.bigcommerce.listing import CUSTOMERS, ORDERS, PRODUCTS
from knect_connectors.bigcommerce.source import READ
from knect_connectors.bigcommerce.tests.test_people_and_states import ANA, a_sale
from knect_connectors.bigcommerce.tests.test_products import a_tee
from knect_connectors.bigcommerce.tests.test_shipments import parcel
from knect_connectors.bigcommerce.tests.test_stock_and_prices import a_level, a_price
from knect_connectors.bigcommerce.webhooks import SCOPES

MANIFEST = read_manifest(Path(connector.__file__).with_name("manifest.yaml"))
_ORDER = {"id": 1, "total_inc_tax": "1", "_products": [{"id": 1, "sku": "A"}]}
RECORDS: dict[str, Record] = {
    "customers": ANA,
    "inventory": a_level(),
    "orders": a_sale(_ORDER),
    "prices": a_price(),
    "products": a_tee(),
    "shipments": parcel(_ORDER),
}


def test_what_is_read_written_and_told_is_listed() -> None:
    entities = MANIFEST.entities.items()
    assert {name for name, one in entities if one.read} == set(READ)
    assert {name for name, one in entities if one.write} == set(PARTS)
    assert {name for name, one in entities if one.webhook} == set(SCOPES)


def test_every_write_has_its_functions() -> None:
    for name, part in PARTS.items():
        listed = {write for write, one in MANIFEST.writes.items() if one.entity == name}
        assert listed == set(part.writes)


def test_the_scopes_a_writer_needs_are_listed() -> None:
    for name, part in PARTS.items():
        assert set(part.rights) <= set(MANIFEST.entities[name].scopes)


@pytest.mark.parametrize("entity", sorted(RECORDS))
def test_every_field_of_a_document_can_be_mapped(entity: str) -> None:
    destination = BigCommerceDestination(None)  # type: ignore[arg-type]
    document = destination.to_document(entity, RECORDS[entity], {})
    assert set(document) <= set(MANIFEST.field_names(entity))


@pytest.mark.parametrize(
    ("entity", "filters"),
    [("orders", ORDERS.filters), ("payments", ORDERS.filters), ("shipments", ORDERS.filters),
     ("customers", CUSTOMERS.filters), ("products", PRODUCTS.filters)],
)  # fmt: skip
def test_filters_are_the_ones_that_are_asked_by(entity: str, filters: frozenset[str]) -> None:
    properties = MANIFEST.entities[entity].filter["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == filters
