"""Answers GraphQL queries from plain dictionaries, and counts what they cost.

Why not the reference executor: it takes milliseconds an order, and a simulator must not be the
slowest part of a test. Parsing, validation and argument coercion are the reference's; only the
walk over the data is ours: a compiled plan per query text.
Must not: decide who may see what, or throttle.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from msgspec import Struct

__all__ = ["Connection", "Plan", "Project", "ProjectionError", "compile_plan"]

#: Gives a root field's value: (name, arguments) -> value.
Resolve = Callable[[str, Mapping[str, Any]], Any]


class ProjectionError(Exception):
    """The query is valid but cannot be answered; `code` goes to extensions."""

    def __init__(self, message: str, code: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.path = list(path)


class Connection(Struct, kw_only=True):
    """One page a resolver already cut; a plain list is cut here."""

    nodes: Sequence[Mapping[str, Any]]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool = False


class Step(Struct, kw_only=True):
    """One selected field."""

    key: str
    name: str
    arguments: Mapping[str, Any]
    is_connection: bool
    plan: "Plan | None"


class Plan(Struct, kw_only=True):
    """What is selected, by the concrete type of the object; `requested` is the cost limit."""

    by_type: dict[str, list[Step]]
    requested: float


class Project:
    """Runs plans; `actual` is the cost of what was returned so far."""

    def __init__(self, *, without_connections: bool = False) -> None:
        self.actual = 0.0
        self._without_connections = without_connections

    def root(self, plan: Plan, type_name: str, resolve: Resolve) -> dict[str, Any]:
        """Answer an operation."""
        data: dict[str, Any] = {}
        for step in plan.by_type[type_name]:
            if step.name == "__typename":
                data[step.key] = type_name
            else:
                value = resolve(step.name, step.arguments)
                data[step.key] = self._value(step, value, (step.key,))
        return data

    def object(
        self, plan: Plan, source: Mapping[str, Any], path: tuple[str | int, ...] = ()
    ) -> dict[str, Any]:
        """Answer for one object."""
        self.actual += 1
        type_name = source.get("__typename") or next(iter(plan.by_type))
        data: dict[str, Any] = {}
        for step in plan.by_type.get(type_name, ()):
            if step.name == "__typename":
                data[step.key] = type_name
            elif step.is_connection and self._without_connections:
                continue
            elif step.name in source:
                value = source[step.name]
                if callable(value):
                    value = value(step.arguments)
                data[step.key] = self._value(step, value, (*path, step.key))
            # else: a field the state lost, as after a change of the platform: it is not sent
        return data

    def _value(self, step: Step, value: Any, path: tuple[str | int, ...]) -> Any:
        if step.plan is None or value is None:
            return value
        if step.is_connection:
            page = value if isinstance(value, Connection) else _cut(value, step, path)
            return self._connection(step.plan, page, path)
        if isinstance(value, list):
            first = step.arguments.get("first")
            return [
                None if each is None else self.object(step.plan, each, (*path, index))
                for index, each in enumerate(value[:first] if first is not None else value)
            ]
        return self.object(step.plan, value, path)

    def _connection(
        self, plan: Plan, page: Connection, path: tuple[str | int, ...]
    ) -> dict[str, Any]:
        self.actual += 2
        data: dict[str, Any] = {}
        for step in next(iter(plan.by_type.values())):
            if step.name == "nodes" and step.plan:
                data[step.key] = [
                    self.object(step.plan, node, (*path, "nodes", index))
                    for index, node in enumerate(page.nodes)
                ]
            elif step.name == "edges" and step.plan:
                data[step.key] = [
                    self._edge(step.plan, node, cursor, (*path, "edges", index))
                    for index, (node, cursor) in enumerate(
                        zip(page.nodes, page.cursors, strict=True)
                    )
                ]
            elif step.name == "pageInfo" and step.plan:
                info = {
                    "hasNextPage": page.has_next,
                    "hasPreviousPage": page.has_previous,
                    "startCursor": page.cursors[0] if page.cursors else None,
                    "endCursor": page.cursors[-1] if page.cursors else None,
                }
                data[step.key] = {
                    inner.key: info[inner.name] for inner in step.plan.by_type["PageInfo"]
                }
        return data

    def _edge(
        self, plan: Plan, node: Mapping[str, Any], cursor: str, path: tuple[str | int, ...]
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for step in next(iter(plan.by_type.values())):
            if step.name == "cursor":
                data[step.key] = cursor
            elif step.plan:
                data[step.key] = self.object(step.plan, node, (*path, "node"))
        return data


def _cut(value: Sequence[Any], step: Step, path: tuple[str | int, ...]) -> Connection:
    """Cut a nested list into a page; cursors are positions."""
    arguments = step.arguments
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise ProjectionError(
            f"you must provide one of first or last for {step.name}", "BAD_REQUEST", path
        )
    items = list(enumerate(value))
    if arguments.get("reverse"):
        items.reverse()
    if after := arguments.get("after"):
        items = [item for item in items if item[0] > int(after)]
    page = items[:first] if first is not None else items[-int(last or 0) :]
    return Connection(
        nodes=[node for _, node in page],
        cursors=[str(position) for position, _ in page],
        has_next=first is not None and len(items) > len(page),
    )


# ---------------------------------------------------------------- compiling


def compile_plan(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: VariableValues,
    root: GraphQLObjectType,
) -> Plan:
    """Return the plan of a validated operation; its cost is what it could return at most."""
    compiler = _Compiler(schema, fragments, variables)
    return compiler.plan(operation.selection_set, root, per_page=None)


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def plan(
        self, selection: SelectionSetNode, parent: GraphQLCompositeType, *, per_page: int | None
    ) -> Plan:
        """Compile for each concrete type the parent may be; a cost is the dearest of them."""
        if isinstance(parent, GraphQLObjectType):
            types: Sequence[GraphQLObjectType] = [parent]
        else:
            types = list(self._schema.get_possible_types(parent))
        by_type: dict[str, list[Step]] = {}
        requested = 0.0
        for concrete in types:
            fields = self._fields(selection, concrete)
            steps = [self._step(node, concrete, per_page) for node in fields]
            by_type[concrete.name] = [step for step, _ in steps]
            requested = max(requested, sum(cost for _, cost in steps))
        return Plan(by_type=by_type, requested=requested)

    def _fields(
        self, selection: SelectionSetNode, concrete: GraphQLObjectType
    ) -> Iterator[FieldNode]:
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node
                continue
            inner: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(node, FragmentSpreadNode):
                inner = self._fragments[node.name.value]
            else:
                assert isinstance(node, InlineFragmentNode)
                inner = node
            condition = inner.type_condition
            if condition is None or self._matches(condition.name.value, concrete):
                yield from self._fields(inner.selection_set, concrete)

    def _matches(self, name: str, concrete: GraphQLObjectType) -> bool:
        return name == concrete.name or name in {each.name for each in concrete.interfaces}

    def _step(
        self, node: FieldNode, parent: GraphQLObjectType, per_page: int | None
    ) -> tuple[Step, float]:
        name = node.name.value
        key = node.alias.value if node.alias else name
        if name == "__typename":
            step = Step(key=key, name=name, arguments={}, is_connection=False, plan=None)
            return step, 0.0
        definition: GraphQLField = parent.fields[name]
        arguments = get_argument_values(definition, node, self._variables)
        kind = get_named_type(definition.type)
        is_connection = kind.name.endswith("Connection")
        plan = None
        cost = 0.0
        if node.selection_set is not None and is_composite_type(kind):
            size = arguments.get("first") or arguments.get("last")
            if is_connection:
                plan = self.plan(node.selection_set, kind, per_page=size or 0)
                cost = 2 + plan.requested
            else:
                plan = self.plan(node.selection_set, kind, per_page=None)
                is_page = parent.name.endswith("Connection") and name in ("nodes", "edges")
                if is_page:
                    # an edge is no object of its own
                    each = plan.requested + (0 if name == "edges" else 1)
                    cost = (per_page or 0) * each
                elif name == "pageInfo":
                    cost = 0.0
                elif name == "nodes" and "ids" in arguments:
                    cost = len(arguments["ids"]) * (1 + plan.requested)
                else:
                    cost = (size or 1) * (1 + plan.requested)
        step = Step(key=key, name=name, arguments=arguments, is_connection=is_connection, plan=plan)
        return step, cost
