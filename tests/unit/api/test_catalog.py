"""The catalog knows all connectors and runs none."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.unit.api.good import CATALOG, SHOPIFY, TRYTON

from knect.api import BadManifest, Catalog, Manifest
from knect.api.catalog import InstalledConnector, read_manifest


def test_the_catalog_finds_manifests_without_importing_connectors() -> None:
    program = (
        "import sys; from knect.api import Catalog; Catalog.installed();"
        "bad = [m for m in sys.modules if m.startswith('knect_connectors.') or m in"
        " ('msgspec', 'httpx', 'jsonschema', 'knect.engine', 'knect.sdk', 'sqlalchemy')];"
        "print(bad)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_a_manifest_answers_what_checks_ask() -> None:
    shopify, tryton = CATALOG["shopify"], CATALOG["tryton"]
    assert shopify.required_keys({}) == ("token",)
    assert tryton.field_names("orders") == ("comment", "reference", "lines")
    assert tryton.field_names("customers") == ()
    assert tryton.writes["sale"].once == "LookupAfterSettle"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"writes": {"sale": {"entity": "orders", "once": "LookupAfterSettle"}}},
            "needs settleSeconds",
        ),
        ({"writes": {"sale": {"entity": "orders", "once": "Always"}}}, "writes.sale.once"),
        ({"entities": {"orders": {"read": True}}}, "needs a cursor"),
        ({"entities": {"orders": {"write": True, "webhook": True}}}, "needs read: true"),
        ({"fields": {"prices": []}}, "fields are listed for 'prices', which is not written"),
        ({"quality": {"paging": "maybe"}}, "quality.paging"),
        ({"roles": []}, "roles"),
        (
            {"config": {"properties": {"url": {"type": "string"}}}, "egress": ["{host}:1433"]},
            "egress names {host}, which the config has not",
        ),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:

    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(TRYTON | change))
    with pytest.raises(BadManifest) as caught:
        read_manifest(tmp_path / "manifest.yaml")
    assert said in str(caught.value)
    assert "manifest.yaml" in str(caught.value)


def test_two_packages_of_one_id_are_told_and_the_first_is_used() -> None:
    manifest = Manifest.model_validate(SHOPIFY)
    catalog = Catalog(InstalledConnector(name, Path(), manifest) for name in ("one", "two"))
    assert catalog.connector("shopify").package == "one"
    assert catalog.problems == [
        "connector id 'shopify' is claimed by both one and two; the first is used"
    ]
