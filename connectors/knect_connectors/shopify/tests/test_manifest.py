"""The manifest says what the code does."""

from decimal import Decimal
from pathlib import Path

import pytest

from knect.api.catalog import read_manifest
from knect.model import Customer, Order, Record, Shipment, Totals
from knect_connectors.shopify import connector
from knect_connectors.shopify.children import CHILDREN
from knect_connectors.shopify.destination import PARTS, ShopifyDestination
from knect_connectors.shopify.entities import ENTITIES
from knect_connectors.shopify.tests.catalog import a_level, a_price, a_product, a_variant
from knect_connectors.shopify.tests.conftest import NOON

MANIFEST = read_manifest(Path(connector.__file__).with_name("manifest.yaml"))
READ = {
    **{name: one.scopes for name, one in ENTITIES.items()},
    **{name: one.scopes for name, one in CHILDREN.items()},
}
RECORDS: dict[str, Record] = {
    "customers": Customer(source_id="1"),
    "orders": Order(
        source_id="1",
        number="1",
        name="1",
        currency="EUR",
        totals=Totals(total=Decimal(0)),
        placed_at=NOON,
        updated_at=NOON,
    ),
    "shipments": Shipment(source_id="1", order_id="1", status="cancelled"),
    "inventory": a_level(),
    "prices": a_price(),
    "products": a_product(
        a_variant(1), status="archived", description="x", vendor="y", tags=("z",)
    ),
}


def test_what_is_read_and_written_is_listed() -> None:
    assert {n for n, one in MANIFEST.entities.items() if one.read} == set(READ)
    assert {n for n, one in MANIFEST.entities.items() if one.write} == set(PARTS)


def test_every_write_has_its_functions() -> None:
    for name, part in PARTS.items():
        listed = {write for write, one in MANIFEST.writes.items() if one.entity == name}
        assert listed == set(part.writes)


def test_the_scopes_are_the_ones_that_are_checked() -> None:
    for name, part in PARTS.items():
        entity = MANIFEST.entities[name]
        needed = {*part.rights, *READ.get(name, ())}
        assert set(entity.scopes) == needed


@pytest.mark.parametrize("entity", sorted(RECORDS))
def test_every_field_of_a_document_can_be_mapped(entity: str) -> None:
    destination = ShopifyDestination(None)  # type: ignore[arg-type]
    document = destination.to_document(entity, RECORDS[entity], {})
    assert set(document) <= set(MANIFEST.field_names(entity))
