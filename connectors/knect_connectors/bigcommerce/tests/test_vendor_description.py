"""Against the vendor's own descriptions, where they are at hand: what we ask, send and are answered.

`KNECT_SPECS` is the folder of specs; with `specs` in `KNECT_REQUIRE` they have to be there.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from knect.model import Customer, Record
from knect.sdk.contract import Found, Removal
from knect.sdk.http import decode_json
from knect.sdk.testing import Answer, Request
from knect_connectors.bigcommerce.simulator import acts, fill_orders
from knect_connectors.bigcommerce.source import READ
from knect_connectors.bigcommerce.tests.conftest import NOON, AtWork, a_line
from knect_connectors.bigcommerce.tests.test_people_and_states import ANA, a_sale
from knect_connectors.bigcommerce.tests.test_products import a_tee, a_variant
from knect_connectors.bigcommerce.tests.test_shipments import parcel
from knect_connectors.bigcommerce.tests.test_stock_and_prices import a_level, a_price, a_shirt
from knect_connectors.bigcommerce.tests.writing import destination_of, send, write
from knect_connectors.bigcommerce.webhooks import SCOPES

_ROOT = Path(__file__).parents[4]
_SPECS = Path(os.environ.get("KNECT_SPECS", _ROOT.parent / "shared" / "specs")) / "bigcommerce"
_FILES = {
    "v2": ("orders.v2.oas2.yml", "store_information.v2.yml"),
    "v3": ("orders.v3.yml", "customers.v3.yml", "inventory.v3.yml", "locations.v3.yml",
           "price_lists.v3.yml", "product-variants_catalog.v3.yml", "products_catalog.v3.yml",
           "product-variant-options_catalog.v3.yml",
           "webhooks.v3.yml"),
}  # fmt: skip
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "array": (list,), "object": (dict,),
    "number": (int, Decimal), "integer": (int,),
}  # fmt: skip
#: What real answers have and the description does not (orders that people published).
_BEYOND = {
    "credit_card_type", "custom_status", "fulfillment_source",
    "calculated_weight", "gtin", "image_url", "links", "map_price", "mpn", "variants",
}  # fmt: skip


@cache
def spec(name: str) -> Any:
    path = _SPECS / name
    if not path.exists():
        if "specs" in os.environ.get("KNECT_REQUIRE", "").split(","):
            pytest.fail(f"KNECT_REQUIRE names specs, but {path} does not exist")
        pytest.skip("the vendor's descriptions are not here; set KNECT_SPECS to their folder")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open() as file:
        return yaml.load(file, Loader=loader)


@cache
def operations() -> dict[tuple[str, str], list[tuple[str, Any, Any]]]:
    """Return (version, method) -> [(pattern of the path, operation, its file)]."""
    found: dict[tuple[str, str], list[tuple[str, Any, Any]]] = {}
    for version, names in _FILES.items():
        for name in names:
            for path, methods in spec(name)["paths"].items():
                pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
                for method, one in methods.items():
                    if method in ("get", "post", "put", "delete"):
                        whole = {**one, "parameters": [*one.get("parameters", ()),
                                                       *methods.get("parameters", ())]}  # fmt: skip
                        key = (version, method.upper())
                        found.setdefault(key, []).append((pattern, whole, spec(name)))
    return found


def operation_of(request: Request) -> tuple[Any, Any]:
    _, _, version, *steps = request.path.strip("/").split("/")
    path = "/" + "/".join(steps)
    fitting = [
        (pattern.count("["), one, document)
        for pattern, one, document in operations()[version, request.method]
        if re.fullmatch(pattern, path)
    ]
    assert fitting, f"the vendor has no {request.method} {path}"
    return min(fitting, key=lambda each: each[0])[1:]


def resolved(document: Any, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/")]
        node = target
    return node


def merged(document: Any, node: Any) -> dict[str, Any]:
    """Return a schema with what `allOf` adds."""
    schema = dict(resolved(document, node) or {})
    for part in schema.pop("allOf", ()):
        other = merged(document, part)
        properties = {**other.get("properties", {}), **schema.get("properties", {})}
        schema = {**other, **schema, **({"properties": properties} if properties else {})}
    return schema


def problems(document: Any, node: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield what of a value the vendor's schema does not have."""
    schema = merged(document, node)
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        tried = [list(problems(document, one, value, path)) for one in choices]
        yield from min(tried, key=len)
        return
    kind = schema.get("type") or ("object" if "properties" in schema else None)
    if value is None or kind is None or value in ({}, []):
        return
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        whole = isinstance(value, Decimal) and value == value.to_integral_value()
        if not (kind == "integer" and whole):
            yield f"{path}: {value!r:.60} is no {kind}"
    elif isinstance(value, list):
        for index, one in enumerate(value[:3]):
            yield from problems(document, schema.get("items") or {}, one, f"{path}[{index}]")
    elif isinstance(value, dict) and schema.get("properties"):
        for name, one in value.items():
            if name in schema["properties"]:
                yield from problems(document, schema["properties"][name], one, f"{path}.{name}")
            elif name not in _BEYOND:
                yield f"{path}.{name}: unknown"


def content(document: Any, node: Any) -> Any:
    """Return the schema of a body or an answer."""
    found = (resolved(document, node) or {}).get("content") or {}
    return next((one.get("schema") for one in found.values()), None)


class Spy:
    """Notes every exchange with the simulated store."""

    def __init__(self, acme: AtWork) -> None:
        self.exchanges: list[tuple[Request, Answer]] = []
        self._handle = acme.simulator.handle
        acme.simulator.handle = self._noted  # type: ignore[method-assign]

    async def _noted(self, request: Request) -> Answer:
        answer = await self._handle(request)
        self.exchanges.append((request, answer))
        return answer


async def everything(acme: AtWork) -> list[tuple[Request, Answer]]:
    """Read every entity and make every write once; return what was asked and answered."""
    fill_orders(acme.books, start=NOON, count=40, let_in=40)
    acme.books.add_price_list("Wholesale")
    a_shirt(acme)
    order, other = acme.order(a_line(quantity=3)), acme.order(a_line())
    spy = Spy(acme)
    await acme.connector.check()
    await acme.source.server_time()
    later = acme.books.now() + timedelta(hours=1)
    for entity in READ:
        changes = await acme.all(NOON - timedelta(days=90), later, entity=entity)
        assert changes, entity
        await acme.source.fetch(entity, [changes[0].id])
    records: list[tuple[str, Record, dict[str, Any]]] = [
        ("inventory", a_level(), {}),
        ("inventory", a_level("SHIRT-S"), {}),
        ("prices", a_price(compare_at=Decimal(40)), {}),
        ("prices", a_price("SHIRT-S"), {}),
        ("prices", a_price(price_list="Wholesale"), {}),
        ("products", a_tee(), {}),
        ("shipments", parcel(order, 1), {}),
        ("customers", ANA, {}),
        ("orders", a_sale(other), {"bound": str(other["id"]), "document": {
            "status": "9", "note": "x", "external_order_id": "SO-1"}}),
        ("orders", a_sale(other, cancelled=True), {"bound": str(other["id"])}),
    ]  # fmt: skip
    for entity, record, more in records:
        outcomes = await write(acme, entity, record, **more)
        assert all(one.error is None for one in outcomes), (entity, outcomes)
        if entity == "products":
            await other_tees(acme, outcomes[0].found)
        if entity == "shipments":
            bound = outcomes[0].found.destination_id  # type: ignore[union-attr]
            corrected = parcel(order, 1, trackings=(*parcel(order).trackings[:0],
                                                    parcel(order).trackings[0]))  # fmt: skip
            await write(acme, "shipments", corrected, bound=bound, document={"carrier": "fedex"})
            await write(acme, "shipments", parcel(order, status="cancelled"), bound=bound)
        if isinstance(record, Customer):
            found = outcomes[0].found
            assert found is not None
            moved = Customer(source_id="c1", email=record.email, phone="1")
            await write(acme, entity, moved, bound=found.destination_id)
    await acme.webhooks.subscribe(["orders"], "https://hooks.example/x")
    await acme.simulator.do("deactivate", {})
    await acme.webhooks.subscribe(["orders"], "https://hooks.example/x")
    return spy.exchanges


async def other_tees(acme: AtWork, found: Found | None) -> None:
    """Rename a variant, add one with a new value of its option, hide the product."""
    assert found is not None
    bound = found.destination_id
    told = destination_of(acme).to_document("products", a_tee(), {})
    tee = a_tee(a_variant("1", "TEE-SMALL", "S"), a_variant("2", "TEE-M", "M"),
                a_variant("3", "TEE-L", "L"))  # fmt: skip
    more = {"description": "Soft", "brand": "Acme", "status": "active"}
    outcomes = await write(acme, "products", tee, bound=bound, previous=told, document=more)
    assert outcomes[0].found is not None, outcomes
    removal = Removal(entity="products", external_id="t", how="Archive", bound=bound, settings={})
    (outcome,) = await send(acme, destination_of(acme).plan_removal(removal))
    assert outcome.found is not None


async def test_all_that_is_asked_sent_and_answered_is_the_vendors(acme: AtWork) -> None:
    spec("orders.v2.oas2.yml")
    wrong: set[str] = set()
    asked: set[tuple[str, str]] = set()
    for request, answer in await everything(acme):
        one, document = operation_of(request)
        name = f"{request.method} {re.sub(r'[0-9]+', 'N', request.path)}"
        asked.add((request.method, name))
        known = {resolved(document, each)["name"] for each in one["parameters"]}
        wrong |= {f"{name}?{query}" for query in set(request.query) - known}
        if request.body:
            schema = content(document, one.get("requestBody"))
            assert schema is not None, name
            body = decode_json(request.body)
            wrong |= {f"{name} sends {each}" for each in problems(document, schema, body)}
            wrong |= {f"{name} lacks {each}" for each in lacking(document, schema, body)}
        response = one["responses"].get(str(answer.status))
        if response is None:
            wrong.add(f"{name} answers {answer.status}")
        elif answer.body and (schema := content(document, response)) is not None:
            data = decode_json(answer.body)
            wrong |= {f"{name} answers {each}" for each in problems(document, schema, data)}
    assert sorted(one for one in wrong if not _EMPTY.fullmatch(one)) == []
    assert len(asked) >= 25


#: An empty list of V2, which the description mentions for shipments alone.
_EMPTY = re.compile(r"GET /stores/acmeN/vN/orders.* answers 204")


def lacking(document: Any, node: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield what a body needs and has not."""
    schema = merged(document, node)
    if isinstance(value, list):
        for one in value:
            yield from lacking(document, schema.get("items") or {}, one, path)
    needed = schema.get("required")
    if isinstance(value, dict) and isinstance(needed, list):
        yield from (f"{path}.{name}" for name in needed if name not in value)


def test_every_scope_is_the_vendors() -> None:
    spec("orders.v2.oas2.yml")
    events = json.loads((_SPECS / "webhook-events.json").read_text())["events"]
    assert {scope for scopes in SCOPES.values() for scope in scopes} <= set(events)
    for scopes in SCOPES.values():
        for scope, find in scopes.items():
            payload = events[scope].get("examplePayload")
            if payload:
                assert find(payload["data"]), scope


def test_the_states_are_the_vendors() -> None:
    from knect_connectors.bigcommerce.statuses import NAMES  # noqa: PLC0415 - of this test only

    described = spec("orders.v2.oas2.yml")["paths"]["/order_statuses"]["get"]["description"]
    told = re.findall(r"^\| (\d+) \| ([^|]+?) +\|", described, re.MULTILINE)
    assert {int(key): name for key, name in told} == NAMES


def test_a_parcel_of_the_simulator_moves_its_order(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=2))
    acts.ship(acme.books, order, [{"order_product_id": order["_products"][0]["id"], "quantity": 1}])
    assert order["status"] == "Partially Shipped"
