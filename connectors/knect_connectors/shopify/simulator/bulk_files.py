"""Bulk operations: run a query over everything, write a file of JSON lines.

Must not: answer at once; an operation is CREATED, then RUNNING, then COMPLETED, one step a look.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from knect_connectors.shopify.simulator.projection import Plan, Project, compile_plan
from knect_connectors.shopify.simulator.schema import SCHEMA
from knect_connectors.shopify.simulator.shop import Shop

__all__ = ["BulkRunner"]

_AT_ONCE = 5


class BulkRunner:
    """Runs bulk queries of one shop. `url` is where files are served."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.url = ""
        self.looks_until_done = 2
        self.fail_with: str | None = None

    def run(self, query: str, *, group: bool) -> dict[str, Any]:
        """Start an operation; returns the payload of bulkOperationRunQuery."""
        running = [one for one in self._shop.operations.values() if one["status"] == "RUNNING"]
        if len(running) >= _AT_ONCE:
            return _refused("LIMIT_REACHED", "Too many bulk operations are running")
        try:
            document = parse(query)
            problems = validate(SCHEMA, document)
        except GraphQLError as error:
            problems = [error]
        if problems:
            return _refused("INVALID", f"Invalid bulk query: {problems[0].message}")
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        (root,) = operation.selection_set.selections
        assert isinstance(root, FieldNode)
        number = len(self._shop.operations) + 1
        lines = list(self._lines(root, group=group))
        identifier = f"gid://shopify/BulkOperation/{number}"
        started: dict[str, Any] = {
            "id": identifier,
            "status": "RUNNING",
            "errorCode": None,
            "objectCount": "0",
            "rootObjectCount": "0",
            "url": None,
            "partialDataUrl": None,
            "_lines": lines,
            "_looks": self.looks_until_done,
        }
        self._shop.operations[identifier] = started
        return {"bulkOperation": {**started, "status": "CREATED"}, "userErrors": []}

    def look(self) -> None:
        """Let every running operation come one step nearer to its end."""
        for operation in self._shop.operations.values():
            if operation["status"] != "RUNNING":
                continue
            operation["_looks"] -= 1
            if operation["_looks"] > 0:
                continue
            lines = operation.pop("_lines")
            if self.fail_with:
                operation.update(status="FAILED", errorCode=self.fail_with)
                self.fail_with = None
                continue
            name = operation["id"].rpartition("/")[2]
            self._shop.files[name] = b"".join(line + b"\n" for line in lines)
            roots = sum(b'"__parentId"' not in line for line in lines)
            operation.update(
                status="COMPLETED",
                objectCount=str(len(lines)),
                rootObjectCount=str(roots),
                url=f"{self.url}/bulk/{name}.jsonl" if lines else None,
            )

    def _lines(self, root: FieldNode, *, group: bool) -> Iterator[bytes]:
        """Yield the file's lines. Sorted by id: sort keys are ignored, as the platform may."""
        query = next(
            (
                argument.value.value
                for argument in root.arguments or ()
                if argument.name.value == "query" and isinstance(argument.value, StringValueNode)
            ),
            None,
        )
        assert SCHEMA.query_type is not None
        kind = _node_type(SCHEMA.query_type, root)
        selection = _node_selection(root)
        found = self._shop.search(root.name.value, "ID", query, None, reverse=False)
        plan = _plan(selection, kind)
        children = [
            (child, _plan(_node_selection(child), _node_type(kind, child)))
            for child in selection.selections
            if isinstance(child, FieldNode) and _is_connection(kind, child)
        ]
        late: list[bytes] = []
        for thing in found:
            yield _encoded(plan, thing)
            for child, child_plan in children:
                for each in thing[child.name.value]:
                    line = _encoded(child_plan, each, parent=thing["id"])
                    if group:
                        yield line
                    else:
                        late.append(line)
        yield from late


def _refused(code: str, message: str) -> dict[str, Any]:
    problem = {"code": code, "field": None, "message": message}
    return {"bulkOperation": None, "userErrors": [problem]}


def _encoded(plan: Plan, thing: Mapping[str, Any], parent: str | None = None) -> bytes:
    data = Project(without_connections=True).object(plan, thing)
    if parent is not None:
        data["__parentId"] = parent
    return msgspec.json.encode(data)


def _plan(selection: SelectionSetNode, kind: GraphQLObjectType) -> Plan:
    operation = OperationDefinitionNode(operation=OperationType.QUERY, selection_set=selection)
    return compile_plan(SCHEMA, operation, {}, VariableValues({}, {}), kind)


def _is_connection(kind: GraphQLObjectType, field: FieldNode) -> bool:
    definition = kind.fields.get(field.name.value)
    return definition is not None and get_named_type(definition.type).name.endswith("Connection")


def _node_type(kind: GraphQLObjectType, field: FieldNode) -> GraphQLObjectType:
    connection = get_named_type(kind.fields[field.name.value].type)
    assert isinstance(connection, GraphQLObjectType)
    node = get_named_type(connection.fields["nodes"].type)
    assert isinstance(node, GraphQLObjectType)
    return node


def _node_selection(field: FieldNode) -> SelectionSetNode:
    """Return what is selected below `edges { node { ... } }`."""
    assert field.selection_set is not None
    for edges in field.selection_set.selections:
        if isinstance(edges, FieldNode) and edges.name.value == "edges" and edges.selection_set:
            for node in edges.selection_set.selections:
                if isinstance(node, FieldNode) and node.name.value == "node":
                    assert node.selection_set is not None
                    return node.selection_set
    raise GraphQLError("Bulk queries must select edges and node of every connection")
