"""Nodes into closures: what is known of an expression is decided once, not per record.

Must not: use eval or exec, or decide at run time what the text already decides.
"""

from typing import Any

from knect.engine.mapping.access import MISSING, Access, Step
from knect.engine.mapping.closures import (
    Code,
    binary,
    chain,
    equals,
    host_call,
    list_of,
    logic,
    map_of,
    misfit,
    or_default,
    own_call,
)
from knect.engine.mapping.errors import ExpressionError
from knect.engine.mapping.frame import Frame
from knect.engine.mapping.functions import FUNCTIONS
from knect.engine.mapping.loops import LOOPS, Loop
from knect.engine.mapping.nodes import (
    Call,
    Chain,
    Choice,
    Compare,
    Has,
    ListOf,
    Literal,
    Logic,
    Macro,
    MapOf,
    Name,
    Node,
    Path,
    Unary,
    size_of,
)
from knect.engine.mapping.parser import SOFT_FUNCTION
from knect.engine.mapping.values import ARITHMETIC, ORDER, contains, describe, negate

__all__ = ["Compiler"]


class Compiler:
    """Compiles one expression; afterwards `loops` says how many slots a frame needs."""

    def __init__(self) -> None:
        self.loops = 0
        self._variables: dict[str, tuple[int, Code]] = {}

    def compile(self, node: Node) -> Code:  # noqa: C901, PLR0912 - one branch per kind of node
        """Return the closure of a node."""
        match node:
            case Literal(value=value):
                return Code(lambda _: value, constant=value if isinstance(value, str) else None)
            case Name():
                return self._name(node)
            case Path():
                return self._path(node)
            case Has(path=path):
                soft = self._access(path).soft
                return Code(lambda frame: soft(frame) is not MISSING)
            case Call():
                return self._call(node)
            case Macro():
                return self._macro(node)
            case Unary():
                return self._unary(node)
            case Chain():
                return self._chain(node)
            case Compare():
                return self._compare(node)
            case Logic():
                return self._logic(node)
            case Choice():
                return self._choice(node)
            case ListOf(items=items):
                runs = [self.compile(item).run for item in items]
                return Code(list_of(runs))
            case MapOf(entries=entries):
                return map_of([(self.compile(key), self.compile(value)) for key, value in entries])

    # ------------------------------------------------------------ fields

    def _name(self, node: Name) -> Code:
        name = node.name
        bound = self._variables.get(name)
        if bound is not None:
            slot, target = bound

            def where(frame: Frame) -> str | None:
                return target.name_item(frame, frame.turns[slot])

            return Code(lambda frame: frame.slots[slot], where, slot=slot)

        def run(frame: Frame) -> Any:
            try:
                return frame.scope[name]
            except KeyError:
                raise ExpressionError("no such variable", path=name) from None

        def soft(frame: Frame) -> Any:
            value = frame.scope.get(name)
            return MISSING if value is None else value

        return Code(run, lambda _: name, name, soft)

    def _access(self, node: Path) -> Access:
        root = self.compile(node.root)
        steps: list[Step] = []
        for step in node.steps:
            if isinstance(step, Literal) and isinstance(step.value, str):
                steps.append(step.value)
            else:
                steps.append(step if isinstance(step, str) else self.compile(step).run)
        return Access(root.run, root.where, root.variable, tuple(steps), root.slot)

    def _path(self, node: Path) -> Code:
        access = self._access(node)
        return Code(access.run(), access.where, soft=access.soft, field=access.field())

    # ------------------------------------------------------------ calls

    def _call(self, node: Call) -> Code:
        codes = [self.compile(argument) for argument in node.arguments]
        if node.name == SOFT_FUNCTION:
            return or_default(codes)
        wheres = [code.where for code in codes]
        runs = [code.run for code in codes]
        function = FUNCTIONS.get(node.name)
        if function is None:
            return Code(host_call(node.name, runs, wheres))
        listed = codes[0]
        where = (lambda frame: listed.name_item(frame, 0)) if node.name == "first" else None
        return Code(own_call(function, runs, wheres), where)

    # ------------------------------------------------------------ loops

    def _macro(self, node: Macro) -> Code:
        target = self.compile(node.target)
        slot = self.loops
        self.loops += 1
        outer = self._variables
        self._variables = outer | {node.variable: (slot, target)}
        body = self.compile(node.body)
        condition = None if node.condition is None else self.compile(node.condition).run
        self._variables = outer
        cost = 1 + size_of(node.body) + (0 if node.condition is None else size_of(node.condition))
        loop = Loop(
            name=node.name,
            slot=slot,
            target=target.run,
            target_where=target.where,
            name_item=target.name_item,
            body=body.run,
            each=body.each,
            condition=condition,
            cost=cost,
        )
        return Code(
            LOOPS[node.name](loop), items=loop.kept_where if node.name == "filter" else None
        )

    # ------------------------------------------------------------ operators

    def _unary(self, node: Unary) -> Code:
        operand = self.compile(node.operand)
        run, where = operand.run, operand.where
        if node.operator == "!":

            def invert(frame: Frame) -> bool:
                value = run(frame)
                if value is True:
                    return False
                if value is False:
                    return True
                raise misfit(f"! takes true or false, not {describe(value)}", where, frame, value)

            return Code(invert)

        def minus(frame: Frame) -> Any:
            value = run(frame)
            try:
                return negate(value)
            except ValueError as error:
                raise misfit(str(error), where, frame, value) from None

        return Code(minus)

    def _chain(self, node: Chain) -> Code:
        first = self.compile(node.first)
        rest = [(ARITHMETIC[operator], self.compile(operand)) for operator, operand in node.rest]
        if len(rest) == 1:
            operation, second = rest[0]
            return Code(binary(operation, first, second))
        return Code(chain(first, rest))

    def _compare(self, node: Compare) -> Code:
        left, right = self.compile(node.left), self.compile(node.right)
        one, other = left.run, right.run
        match node.operator:
            case "==":
                return Code(equals(one, other, node.right))
            case "!=":
                is_equal = equals(one, other, node.right)
                return Code(lambda frame: not is_equal(frame))
            case "in":
                return Code(binary(contains, left, right))
            case _:
                order = ORDER[node.operator]
                return Code(binary(lambda _, a, b: order(a, b), left, right))

    def _logic(self, node: Logic) -> Code:
        codes = [self.compile(operand) for operand in node.operands]
        return Code(logic(node.operator, codes))

    def _choice(self, node: Choice) -> Code:
        branches = [(self.compile(test), self.compile(value)) for test, value in node.branches]
        otherwise = self.compile(node.otherwise)

        def run(frame: Frame) -> Any:
            for test, value in branches:
                holds = test.run(frame)
                if holds is True:
                    return value.run(frame)
                if holds is not False:
                    raise misfit(
                        f"the condition before ? is {describe(holds)}, not true or false",
                        test.where,
                        frame,
                        holds,
                    )
            return otherwise.run(frame)

        return Code(run)
