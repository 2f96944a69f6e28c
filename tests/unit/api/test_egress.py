"""At which ports a Connection's systems listen, by the manifests of the connectors there are."""

import pytest

from knect.api import Catalog
from knect.api.egress import ports_of

CATALOG = Catalog.installed()


@pytest.mark.parametrize(
    ("connector", "config", "ports"),
    [
        ("shopify", {"shop": "acme.myshopify.com"}, {443}),
        ("shopify", {"shop": "acme.myshopify.com", "baseUrl": "http://shop:8080"}, {443, 8080}),
        ("rest", {"baseUrl": "https://api.example.com:8443/v2"}, {8443}),
        ("rest", {"baseUrl": "https://api.example.com", "auth": {"tokenUrl": "http://id.lan"}}, {443, 80}),
        ("rest", {"baseUrl": "https://[2001:db8::1]:9443"}, {9443}),
        ("dynamics-gp", {"host": "gp.example.com"}, {1433}),
        ("dynamics-gp", {"host": "gp.example.com", "port": 14330}, {14330}),
        ("magento1", {"url": "https://shop.example.com"}, {443}),
        ("tryton", {"url": "http://erp:8000"}, {8000}),
        # what is not right is told by the checks of the config, not here
        ("tryton", {}, set()),
        ("tryton", {"url": "http://erp:port"}, set()),
        ("rest", {"baseUrl": {"not": "a text"}}, set()),
    ],
)  # fmt: skip
def test_the_ports_of_a_connection(connector, config, ports):
    assert ports_of(CATALOG[connector], config) == ports
