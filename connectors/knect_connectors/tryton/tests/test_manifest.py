"""The manifest says what the code does."""

from pathlib import Path
from typing import Any

from msgspec import structs
from tests.support.orders import a_line, an_order

from knect.api.catalog import read_manifest
from knect_connectors.tryton import connector
from knect_connectors.tryton.config import Config, ServiceProducts
from knect_connectors.tryton.mapping import order_document
from knect_connectors.tryton.plan import STATES

MANIFEST = read_manifest(Path(connector.__file__).with_name("manifest.yaml"))


def test_config_and_schema_have_the_same_fields() -> None:
    config: Any = MANIFEST.config
    properties = config["properties"]
    assert set(properties) == {field.encode_name for field in structs.fields(Config)}
    assert set(properties["products"]["properties"]) == {
        field.encode_name for field in structs.fields(ServiceProducts)
    }
    required = {f.encode_name for f in structs.fields(Config) if f.required}
    assert set(config["required"]) == required


def test_every_write_has_a_writer_and_a_finder() -> None:
    assert set(MANIFEST.writes) == set(connector._WRITERS) == set(connector._FINDERS)


def test_the_states_of_a_sale_are_the_documented_ones() -> None:
    settings: Any = MANIFEST.entities["orders"].settings
    assert tuple(settings["properties"]["state"]["enum"]) == STATES


def test_every_field_of_a_document_can_be_mapped() -> None:
    config = Config(url="u", database="d", webShop="s")
    document = order_document(config, an_order("10.00", a_line()))
    assert set(document) == set(MANIFEST.field_names("orders"))
