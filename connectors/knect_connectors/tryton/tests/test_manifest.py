"""The manifest says what the code does."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.orders import a_line, an_order

from knect.api.catalog import read_manifest
from knect.sdk.contract import Delivery, Removal
from knect.sdk.errors import Fatal
from knect_connectors.tryton import connector
from knect_connectors.tryton.config import Config, ServiceProducts, Stock
from knect_connectors.tryton.mapping import order_document
from knect_connectors.tryton.plan import STATES, plan_order, plan_removal

MANIFEST = read_manifest(Path(connector.__file__).with_name("manifest.yaml"))


def test_config_and_schema_have_the_same_fields() -> None:
    config: Any = MANIFEST.config
    properties = config["properties"]
    assert set(properties) == {field.encode_name for field in structs.fields(Config)}
    assert set(properties["products"]["properties"]) == {
        field.encode_name for field in structs.fields(ServiceProducts)
    }
    assert set(properties["stock"]["properties"]) == {
        field.encode_name for field in structs.fields(Stock)
    }
    required = {f.encode_name for f in structs.fields(Config) if f.required}
    assert set(config["required"]) == required


def test_every_write_has_a_writer_and_a_finder() -> None:
    assert set(MANIFEST.writes) == set(connector._WRITERS) == set(connector._FINDERS)


def test_the_states_of_a_sale_are_the_documented_ones() -> None:
    settings: Any = MANIFEST.entities["orders"].settings
    assert tuple(settings["properties"]["state"]["enum"]) == STATES


def test_only_what_is_listed_is_done_for_a_deletion() -> None:
    for entity, one in MANIFEST.entities.items():
        for how in ("Cancel", "Archive", "Delete"):
            removal = Removal(entity=entity, external_id="s:1", how=how, bound="7", settings={})
            if how in one.removals:
                assert plan_removal(removal)[-1].primary
            else:
                with pytest.raises(Fatal, match=f"cannot {how} {entity}"):
                    plan_removal(removal)


def test_an_order_is_not_adopted_by_its_customer_alone() -> None:
    assert "customer.email" in MANIFEST.entities["orders"].matches
    config = Config(url="u", database="d", webShop="s")
    order = an_order("10.00", a_line())
    delivery = Delivery(
        entity="orders",
        external_id="shop:1",
        document=order_document(config, order),
        record=order,
        bound=None,
        resolved={("sku", "SKU-001"): "1", ("sku", "ROUNDING"): "2", ("currency", "EUR"): "3"},
        settings={},
        match={"customer.email": "ann@example.com"},
    )
    with pytest.raises(Fatal, match=r"add number to destination\.match"):
        plan_order(config, delivery)
    named = structs.replace(delivery, match={**delivery.match, "number": "1001"})
    sale = plan_order(config, named)[2]
    assert (sale.key, sale.match) == ("reference|1001", named.match)


def test_every_field_of_a_document_can_be_mapped() -> None:
    config = Config(url="u", database="d", webShop="s")
    document = order_document(config, an_order("10.00", a_line()))
    assert set(document) == set(MANIFEST.field_names("orders"))
