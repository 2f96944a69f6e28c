"""A real Tryton with stock, price lists and a product in variants; nothing else is sold there."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from tests.integration.tryton.catalog.hands import Clerk
from tests.integration.tryton.conftest import a_context
from tests.support.real.require import require

from knect.sdk.secret import Secret
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import (
    ADMINISTRATOR,
    DemoCompany,
    DemoProduct,
    TrytonServer,
    make_database,
)
from knect_connectors.tryton.demo.company import DemoPriceLine, DemoPriceList

#: Up to 13 for what is read, from 21 on for what goes through the engine, from 41 on for what is
#: read while answers are lost: each test has its own, for they come in any order.
GOODS = tuple(f"KN-{number}" for number in (*range(1, 14), *range(21, 35), *range(41, 44)))
TEE = (
    ("S-R", (("Color", "red"), ("Size", "S"))),
    ("M-R", (("Color", "red"), ("Size", "M"))),
    ("M-B", (("Color", "blue"), ("Size", "M"))),
)
WEB = DemoPriceList(
    name="web",
    lines=(
        # in the past, so that it is a boundary tests may read at; and one far ahead
        DemoPriceLine(
            sku="KN-1", formula="unit_price * 0.9", start=date(2026, 3, 10), end=date(2026, 3, 20)
        ),
        DemoPriceLine(sku="KN-2", formula="unit_price * 0.8", start=date(2020, 1, 1)),
        DemoPriceLine(sku="KN-5", formula="unit_price * 1"),
        DemoPriceLine(),
    ),
)


@pytest.fixture(scope="session")
def company():
    require("tryton")
    goods = [DemoProduct(sku=sku, name=f"Thing {sku}", price=Decimal("19.90")) for sku in GOODS]
    tee = DemoProduct(sku="TEE-", name="Tee", price=Decimal(15), variants=TEE)
    return DemoCompany(
        products=(*goods, tee),
        stock=tuple((sku, Decimal(40)) for sku in GOODS),
        price_lists=(WEB,),
    )


@pytest.fixture(scope="session")
def server(company, tmp_path_factory):
    path = tmp_path_factory.mktemp("catalog") / "erp.sqlite"
    make_database(company, path)
    with TrytonServer(path) as running:
        running.path = path
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clerk(server):
    """Somebody who works in Tryton beside Knect."""
    user, password = ADMINISTRATOR
    secrets = {"username": Secret(user), "password": Secret(password)}
    connector = open_connector(a_context(server, secrets=secrets))
    await connector._client.facts()
    yield Clerk(connector._client)
    await connector.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def erp(server):
    """Knect's connector; `erp(priceLists=[...])` gives one with another configuration."""
    opened = []

    def make(**config: Any) -> Any:
        connector = open_connector(a_context(server, config=config))
        opened.append(connector)
        return connector

    yield make
    for connector in opened:
        await connector.close()
