"""The GraphQL endpoint: parse, validate, throttle, answer, refuse, in the platform's own form.

Must not: change state but through the mutations it serves.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)
from graphql.execution.values import (
    VariableValues,
    get_directive_values,
    get_variable_values,
)

from knect_connectors.shopify.simulator.bulk_files import BulkRunner
from knect_connectors.shopify.simulator.catalog_acts import CatalogActs
from knect_connectors.shopify.simulator.idempotency import REQUIRED, Idempotency, KeyMisusedError
from knect_connectors.shopify.simulator.order_acts import OrderActs
from knect_connectors.shopify.simulator.projection import (
    Connection,
    Plan,
    Project,
    ProjectionError,
    compile_plan,
)
from knect_connectors.shopify.simulator.schema import SCHEMA
from knect_connectors.shopify.simulator.shop import Shop, cursor_of
from knect_connectors.shopify.simulator.throttle import Throttle

__all__ = ["GraphQLApi"]

_DOCUMENTATION = "https://shopify.dev/api/usage"
_SCOPES = {
    "orders": "read_orders",
    "order": "read_orders",
    "customers": "read_customers",
    "customer": "read_customers",
    "fulfillment": "read_orders",
    "fulfillmentorder": "read_merchant_managed_fulfillment_orders",
    "ordertransaction": "read_orders",
    "refund": "read_orders",
    "customerAddressCreate": "write_customers",
    "customerAddressUpdate": "write_customers",
    "customerByIdentifier": "read_customers",
    "customerSet": "write_customers",
    "customerUpdate": "write_customers",
    "fulfillmentCancel": "write_merchant_managed_fulfillment_orders",
    "fulfillmentCreate": "write_merchant_managed_fulfillment_orders",
    "fulfillmentTrackingInfoUpdate": "write_merchant_managed_fulfillment_orders",
    "orderCancel": "write_orders",
    "product": "read_products",
    "productvariant": "read_products",
    "inventoryitem": "read_inventory",
    "productByIdentifier": "read_products",
    "productVariants": "read_products",
    "priceList": "read_products",
    "priceLists": "read_products",
    "locations": "read_locations",
    "productCreate": "write_products",
    "productUpdate": "write_products",
    "productOptionsCreate": "write_products",
    "productVariantsBulkCreate": "write_products",
    "productVariantsBulkUpdate": "write_products",
    "priceListFixedPricesAdd": "write_products",
    "inventorySetQuantities": "write_inventory",
    "inventoryActivate": "write_inventory",
}
_MUTATION_COST = 10.0
_LARGEST_PAGE = 250


class GraphQLApi:
    """Answers the decoded body of a POST."""

    def __init__(self, shop: Shop, throttle: Throttle, bulk: BulkRunner) -> None:
        self._shop = shop
        self._throttle = throttle
        self._bulk = bulk
        self._order_acts = OrderActs(shop)
        self._catalog = CatalogActs(shop.catalog, shop.now)
        self._idempotency = Idempotency()
        self._keys: Mapping[str, str] = {}
        self.committed = False

    def answer(self, body: Any) -> dict[str, Any]:
        """Return the answer's JSON; `committed` tells whether state was changed."""
        self.committed = False
        self._shop.run_due()
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return {"errors": [{"message": "Missing or invalid query"}]}
        document, problems = _document(body["query"])
        if problems:
            return {"errors": [_problem(problem) for problem in problems]}
        operation = _operation(document, body.get("operationName"))
        if operation is None:
            return {"errors": [{"message": "No operation named in operationName"}]}
        values = get_variable_values(
            SCHEMA, operation.variable_definitions or (), body.get("variables") or {}
        )
        if isinstance(values, list):
            return {"errors": [_problem(problem) for problem in values]}
        fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        is_mutation = operation.operation is OperationType.MUTATION
        root = SCHEMA.mutation_type if is_mutation else SCHEMA.query_type
        assert root is not None
        self._keys = _idempotency_keys(operation, values)
        plan = compile_plan(SCHEMA, operation, fragments, values, root)
        requested = plan.requested + (_MUTATION_COST if is_mutation else 0.0)
        return self._throttled(plan, root.name, requested, is_mutation=is_mutation)

    def _throttled(
        self, plan: Plan, root: str, requested: float, *, is_mutation: bool
    ) -> dict[str, Any]:
        if requested > self._throttle.max_cost:
            return _refusal(
                f"Query cost is {requested:.0f}, which exceeds the single query max cost limit"
                f" ({self._throttle.max_cost:.0f}).",
                code="MAX_COST_EXCEEDED",
                cost=int(requested),
                maxCost=int(self._throttle.max_cost),
            )
        if not self._throttle.take(requested):
            refusal = _refusal("Throttled", code="THROTTLED")
            return {**refusal, "extensions": {"cost": self._throttle.cost(requested, None)}}
        project = Project()
        try:
            data: dict[str, Any] | None = project.root(plan, root, self._resolve)
            errors: list[dict[str, Any]] = []
        except ProjectionError as error:
            data = None
            errors = [
                {
                    "message": str(error),
                    "path": error.path,
                    "extensions": {"code": error.code, **_access(error.code, str(error))},
                }
            ]
        actual = min(requested, project.actual + (_MUTATION_COST if is_mutation else 0.0))
        self._throttle.give_back(requested - actual)
        answer: dict[str, Any] = {"data": data}
        if errors:
            answer["errors"] = errors
        answer["extensions"] = {"cost": self._throttle.cost(requested, actual)}
        return answer

    # ------------------------------------------------ root fields

    def _resolve(self, name: str, arguments: Mapping[str, Any]) -> Any:
        needed = _SCOPES.get(name)
        if needed and not self._may(needed):
            raise ProjectionError(
                f"Access denied for {name} field. Required access: `{needed}` access scope.",
                "ACCESS_DENIED",
                [name],
            )
        match name:
            case "shop":
                return self._shop.info
            case "currentAppInstallation":
                scopes = [{"handle": one, "description": one} for one in sorted(self._shop.scopes)]
                return {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes}
            case "node" | "order" | "customer" | "product" | "priceList":
                return self._node(arguments["id"])
            case "nodes":
                return [self._node(identifier) for identifier in arguments["ids"]]
            case "orders" | "customers":
                return self._list(name, arguments)
            case "productVariants" | "priceLists" | "locations":
                return self._shop.catalog.listed(name, arguments)
            case "productByIdentifier" | "customerByIdentifier":
                return self._identified(name, arguments["identifier"])
            case "webhookSubscriptions":
                return self._shop.subscriptions
            case "bulkOperation":
                return self._shop.operations.get(arguments["id"])
            case "job":
                return self._shop.jobs.get(arguments["id"])
            case _:
                return self._once(name, arguments)

    def _may(self, scope: str) -> bool:
        """Tell whether the app has a scope; the right to write is the right to read."""
        return bool({scope, scope.replace("read_", "write_")} & self._shop.scopes)

    def _once(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Serve a mutation, or answer again what was answered to the same key."""
        key = self._keys.get(name)
        if key is None:
            if name in REQUIRED:
                raise ProjectionError(
                    f"The @idempotent directive is required for {name} but was not provided.",
                    "BAD_REQUEST",
                    [name],
                )
            self.committed = True
            return self._mutate(name, arguments)
        try:
            known = self._idempotency.answered(name, key, arguments)
        except KeyMisusedError:
            text = "The idempotency key was used before with other parameters."
            code = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
            return {"userErrors": [{"field": None, "message": text, "code": code}]}
        if known is not None:
            return known
        self.committed = True
        answer = self._mutate(name, arguments)
        self._idempotency.remember(name, key, arguments, answer)
        return answer

    def _identified(self, name: str, identifier: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if name == "customerByIdentifier":
            return self._shop.customer_by(identifier)
        custom = identifier.get("customId")
        if custom:
            asked = custom.get("namespace"), custom["key"]
            if ("Product", *asked) not in self._shop.catalog.unique:
                raise ProjectionError(
                    "Metafield definition of type 'id' is required when using custom ids.",
                    "NOT_FOUND",
                    ["productByIdentifier"],
                )
            return self._shop.catalog.owner_of(*asked, custom["value"], "Product")
        return self._shop.catalog.get(identifier.get("id") or "", "Product")

    def _node(self, identifier: str) -> Mapping[str, Any] | None:
        kind = identifier.rpartition("/")[0].rpartition("/")[2].lower()
        if not self._may(_SCOPES.get(kind, "read_products")):
            raise ProjectionError(
                f"Access denied for {kind} field. Required access: `{_SCOPES.get(kind)}`"
                " access scope.",
                "ACCESS_DENIED",
                [kind],
            )
        return self._shop.get(identifier)

    def _list(self, name: str, arguments: Mapping[str, Any]) -> Connection:
        first = arguments.get("first") or arguments.get("last")
        if first is None:
            raise ProjectionError("you must provide one of first or last", "BAD_REQUEST", [name])
        if first > _LARGEST_PAGE:
            raise ProjectionError(f"first cannot exceed {_LARGEST_PAGE}", "BAD_REQUEST", [name])
        found = self._shop.search(
            name,
            arguments["sortKey"],
            arguments.get("query"),
            arguments.get("after"),
            reverse=bool(arguments.get("reverse")),
        )
        nodes = found[:first]
        return Connection(
            nodes=nodes,
            cursors=[cursor_of(node, arguments["sortKey"]) for node in nodes],
            has_next=len(found) > first,
            has_previous=arguments.get("after") is not None,
        )

    def _mutate(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if name == "bulkOperationRunQuery":
            return self._bulk.run(arguments["query"], group=arguments["groupObjects"])
        if self._order_acts.serves(name):
            return self._order_acts.run(name, arguments)
        served = self._catalog.serve(name, arguments)
        if served is not None:
            return served
        uri = (arguments.get("webhookSubscription") or {}).get("uri") or ""
        if not uri.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            problem = {"field": ["webhookSubscription", "uri"], "message": "Address is invalid"}
            return {"webhookSubscription": None, "userErrors": [problem]}
        if name == "webhookSubscriptionCreate":
            made = self._shop.subscribe(arguments["topic"], uri)
            return {"webhookSubscription": made, "userErrors": []}
        for subscription in self._shop.subscriptions:
            if subscription["id"] == arguments["id"]:
                subscription["uri"] = uri
                return {"webhookSubscription": subscription, "userErrors": []}
        problem = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"webhookSubscription": None, "userErrors": [problem]}


@lru_cache(maxsize=1024)
def _document(text: str) -> tuple[DocumentNode, Sequence[GraphQLError]]:
    """Return a query and what is wrong with it: the same in every shop, and slow to work out."""
    try:
        document = parse(text, no_location=False)
        return document, validate(SCHEMA, document)
    except GraphQLError as error:
        return DocumentNode(definitions=()), [error]


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((node for node in operations if node.name and node.name.value == name), None)


def _idempotency_keys(operation: OperationDefinitionNode, values: VariableValues) -> dict[str, str]:
    """Return mutation -> key of its `@idempotent`."""
    directive = SCHEMA.get_directive("idempotent")
    assert directive is not None
    keys = {}
    for node in operation.selection_set.selections:
        if isinstance(node, FieldNode):
            found = get_directive_values(directive, node, values)
            if found is not None:
                keys[node.name.value] = str(found["key"])
    return keys


def _problem(problem: GraphQLError) -> dict[str, Any]:
    is_unknown = problem.message.startswith("Cannot query field")
    code = "undefinedField" if is_unknown else "argumentLiteralsIncompatible"
    locations = [{"line": at.line, "column": at.column} for at in problem.locations or ()]
    return {"message": problem.message, "locations": locations, "extensions": {"code": code}}


def _refusal(message: str, *, code: str, **more: Any) -> dict[str, Any]:
    extensions = {"code": code, "documentation": f"{_DOCUMENTATION}/rate-limits", **more}
    return {"errors": [{"message": message, "extensions": extensions}]}


def _access(code: str, message: str) -> dict[str, Any]:
    if code != "ACCESS_DENIED":
        return {}
    return {
        "documentation": f"{_DOCUMENTATION}/access-scopes",
        "requiredAccess": message.partition("Required access: ")[2],
    }
