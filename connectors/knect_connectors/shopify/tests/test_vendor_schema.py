"""Against the vendor's own schema, where it is at hand: our queries, and the simulator's types."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    build_client_schema,
    extend_schema,
    get_named_type,
    is_enum_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
    parse,
    validate,
)
from graphql.type import GraphQLEnumType, GraphQLOutputType

from knect_connectors.shopify import catalog_queries, order_queries, queries
from knect_connectors.shopify.simulator.schema import SCHEMA

_ROOT = Path(__file__).parents[4]
_SPECS = Path(os.environ.get("KNECT_SPECS", _ROOT.parent / "shared" / "specs"))
_FILE = _SPECS / "shopify" / "admin-graphql-2026-04.introspection.json"

#: Types the stored file leaves out (it is trimmed); their names and fields are from shopify.dev,
#: "SalesAgreement" and "Sale". Everything else must be in the file.
_TRIMMED_AWAY = """
type ProductSale implements Sale { %s lineItem: LineItem! }
type GiftCardSale implements Sale { %s lineItem: LineItem! }
type ShippingLineSale implements Sale { %s shippingLine: ShippingLine }
type TipSale implements Sale { %s lineItem: LineItem! }
type OrderAgreement implements SalesAgreement {
  id: ID! reason: OrderActionType! happenedAt: DateTime! order: Order!
  sales(first: Int, after: String, last: Int, before: String, reverse: Boolean): SaleConnection!
}
"""
_SALE = """
  id: ID! actionType: SaleActionType! lineType: SaleLineType! quantity: Int
  totalAmount: MoneyBag! totalTaxAmount: MoneyBag! totalDiscountAmountAfterTaxes: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag! taxes: [SaleTax!]!
"""
_OURS = ("ProductSale", "GiftCardSale", "ShippingLineSale", "TipSale", "OrderAgreement")


@cache
def vendor() -> GraphQLSchema:
    if not _FILE.exists():
        if "specs" in os.environ.get("KNECT_REQUIRE", "").split(","):
            pytest.fail(f"KNECT_REQUIRE names specs, but {_FILE} does not exist")
        pytest.skip("the vendor's schema is not here; set KNECT_SPECS to the folder of specs")
    with _FILE.open() as file:
        schema = build_client_schema(json.load(file)["data"], assume_valid=True)
    more = parse(_TRIMMED_AWAY % ((_SALE,) * 4))
    return extend_schema(schema, more, assume_valid=True)


def _documents(module: ModuleType) -> Iterator[tuple[str, str]]:
    for name in module.__all__:
        match getattr(module, name):
            case str() as document:
                yield name, document
            case dict() as several:
                yield from ((f"{name}.{key}", document) for key, document in several.items())
            case _:
                pass


DOCUMENTS = {
    name: queries.for_side(document, side).replace("$QUERY", "updated_at:>='2026'")
    for module in (queries, catalog_queries, order_queries)
    for name, document in _documents(module)
    for side in ("shopMoney", "presentmentMoney")
}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_query_we_send_is_valid_there(name: str) -> None:
    problems = validate(vendor(), parse(DOCUMENTS[name]))
    assert [problem.message for problem in problems] == []


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_query_we_send_is_valid_at_the_simulator(name: str) -> None:
    assert [problem.message for problem in validate(SCHEMA, parse(DOCUMENTS[name]))] == []


def shape(kind: GraphQLOutputType | GraphQLInputType) -> str:
    """Return the wrapping of a type, as `[!]!`, and its name."""
    if is_non_null_type(kind):
        return shape(kind.of_type) + "!"
    if is_list_type(kind):
        return f"[{shape(kind.of_type)}]"
    return str(get_named_type(kind))


_COMPOSITES = sorted(
    name
    for name, kind in SCHEMA.type_map.items()
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    and not is_introspection_type(kind)
    and name not in _OURS
)


@pytest.mark.parametrize("name", _COMPOSITES)
def test_every_type_of_the_simulator_is_the_vendors(name: str) -> None:
    ours = SCHEMA.type_map[name]
    theirs = vendor().type_map.get(name)
    assert isinstance(ours, GraphQLObjectType | GraphQLInterfaceType)
    assert isinstance(theirs, type(ours)), f"the vendor has no {name}"
    for field_name, field in ours.fields.items():
        assert field_name in theirs.fields, f"{name}.{field_name}"
        other = theirs.fields[field_name]
        assert shape(field.type) == shape(other.type), f"{name}.{field_name}"
        for argument in field.args:
            assert argument in other.args, f"{name}.{field_name}({argument})"


@pytest.mark.parametrize(
    "name",
    sorted(
        name for name, kind in SCHEMA.type_map.items() if isinstance(kind, GraphQLInputObjectType)
    ),
)
def test_every_input_of_the_simulator_is_the_vendors(name: str) -> None:
    ours, theirs = SCHEMA.type_map[name], vendor().type_map.get(name)
    assert isinstance(ours, GraphQLInputObjectType)
    assert isinstance(theirs, GraphQLInputObjectType), f"the vendor has no {name}"
    for field_name, field in ours.fields.items():
        assert field_name in theirs.fields, f"{name}.{field_name}"
        assert shape(field.type) == shape(theirs.fields[field_name].type), f"{name}.{field_name}"
    for field_name, field in theirs.fields.items():
        is_needed = is_non_null_type(field.type) and field.default_value is Undefined
        assert not is_needed or field_name in ours.fields, f"{name}.{field_name} is required there"


@pytest.mark.parametrize(
    "name",
    sorted(name for name, kind in SCHEMA.type_map.items() if is_enum_type(kind) and name[0] != "_"),
)
def test_every_enum_value_of_the_simulator_is_the_vendors(name: str) -> None:
    ours, theirs = SCHEMA.type_map[name], vendor().type_map[name]
    assert isinstance(ours, GraphQLEnumType)
    assert isinstance(theirs, GraphQLEnumType)
    assert set(ours.values) <= set(theirs.values)
