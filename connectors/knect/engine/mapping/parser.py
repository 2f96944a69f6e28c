"""Tokens into nodes: CEL's grammar by precedence climbing.

Must not: recurse deeper than the limit allows, whatever the text; names of functions are checked
here, so that a misspelled one is known before any record is read.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NoReturn

from knect.engine.mapping.errors import ExpressionSyntaxError
from knect.engine.mapping.lexer import Token, tokenize
from knect.engine.mapping.limits import Limits
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
    depth_of,
)

__all__ = ["MACROS", "SOFT_FUNCTION", "Arities", "parse"]

#: The loops; the first argument names the variable.
MACROS = ("all", "exists", "exists_one", "filter", "map")
#: The function whose first argument may be missing.
SOFT_FUNCTION = "orDefault"

#: Function -> least and most number of arguments.
Arities = Mapping[str, tuple[int, int]]

_CHOICE, _OR, _AND, _RELATION, _SUM, _PRODUCT, _UNARY = range(1, 8)
_POWER = {
    "?": _CHOICE,
    "||": _OR,
    "&&": _AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _RELATION),
    "+": _SUM,
    "-": _SUM,
    **dict.fromkeys("*/%", _PRODUCT),
}
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1


def parse(text: str, limits: Limits, functions: Arities) -> Node:
    """Return the root node. Raises ExpressionSyntaxError."""
    if len(text) > limits.text:
        raise ExpressionSyntaxError(
            f"the expression is longer than {limits.text} characters", limits.text
        )
    node = _Parser(tokenize(text), limits.depth, functions).whole()
    if depth_of(node) > limits.depth:
        raise ExpressionSyntaxError(f"the expression nests deeper than {limits.depth}", 0)
    return node


class _Parser:
    def __init__(self, tokens: list[Token], depth: int, functions: Arities) -> None:
        self._tokens = tokens
        self._at = 0
        self._left = depth
        self._limit = depth
        self._functions = functions

    def whole(self) -> Node:
        node = self._expression(0)
        if self._token.kind != "end":
            self._unexpected()
        return node

    # ------------------------------------------------------------ tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, operator: str) -> bool:
        return self._token.kind == "operator" and self._token.text == operator

    def _take(self, operator: str) -> bool:
        if self._is(operator):
            self._at += 1
            return True
        return False

    def _expect(self, operator: str, opened: Token | None = None) -> None:
        if self._take(operator):
            return
        if self._token.kind == "end" and opened is not None:
            raise ExpressionSyntaxError(
                f"{opened.text!r} is not closed", opened.position, f"add {operator!r}"
            )
        self._unexpected(f"expected {operator!r}")

    def _unexpected(self, expected: str | None = None) -> NoReturn:
        token = self._token
        what = (
            "the expression ends too early"
            if token.kind == "end"
            else (f"{token.text!r} is not expected here")
        )
        raise ExpressionSyntaxError(what, token.position, expected)

    # ------------------------------------------------------------ operators

    def _expression(self, power: int) -> Node:
        """Parse operators that bind tighter than `power`."""
        self._left -= 1
        if self._left < 0:
            raise ExpressionSyntaxError(
                f"the expression nests deeper than {self._limit}", self._token.position
            )
        left = self._unary()
        while True:
            token = self._token
            binds = _POWER.get(token.text, 0) if token.kind == "operator" else 0
            if binds <= power:
                break
            left = self._operator(left, token, binds)
        self._left += 1
        return left

    def _operator(self, left: Node, token: Token, binds: int) -> Node:
        if binds == _CHOICE:
            return self._choice(left, token)
        if binds == _RELATION:
            self._next()
            return Compare(token.position, token.text, left, self._expression(binds))
        if binds in (_OR, _AND):
            operands = [left]
            while self._take(token.text):
                operands.append(self._expression(binds))
            return Logic(token.position, token.text, tuple(operands))
        rest: list[tuple[str, Node]] = []
        while self._token.kind == "operator" and _POWER.get(self._token.text) == binds:
            rest.append((self._next().text, self._expression(binds)))
        return Chain(token.position, left, tuple(rest))

    def _choice(self, condition: Node, token: Token) -> Node:
        branches: list[tuple[Node, Node]] = []
        while self._take("?"):
            value = self._expression(_CHOICE - 1)
            self._expect(":")
            branches.append((condition, value))
            condition = self._expression(_CHOICE)
        return Choice(token.position, tuple(branches), condition)

    def _unary(self) -> Node:
        token = self._token
        if token.kind == "operator" and token.text in "!-":
            self._next()
            following = self._token
            if token.text == "-" and following.kind == "literal" and _is_number(following.value):
                self._next()
                literal = Literal(token.position, -following.value)
                return self._postfix(self._in_range(literal))
            return Unary(token.position, token.text, self._expression(_UNARY))
        return self._postfix(self._primary())

    # ------------------------------------------------------------ operands

    def _in_range(self, literal: Literal) -> Literal:
        value = literal.value
        if type(value) is int and not _MIN_INT <= value <= _MAX_INT:
            raise ExpressionSyntaxError("the number does not fit 64 bits", literal.position)
        return literal

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "literal":
            self._next()
            return self._in_range(Literal(token.position, token.value))
        if token.kind == "name":
            self._next()
            if self._is("("):
                return self._call(token, None)
            return Name(token.position, token.text)
        if self._take("("):
            inside = self._expression(0)
            self._expect(")", token)
            return inside
        if self._take("["):
            return ListOf(token.position, tuple(self._items("]", token)))
        if self._take("{"):
            return self._map(token)
        return self._unexpected()

    def _items(self, closing: str, opened: Token) -> list[Node]:
        items: list[Node] = []
        while not self._take(closing):
            items.append(self._expression(0))
            if not self._take(","):
                self._expect(closing, opened)
                break
            if closing == ")" and self._is(closing):
                self._unexpected("expected an argument")
        return items

    def _map(self, opened: Token) -> Node:
        entries: list[tuple[Node, Node]] = []
        seen: set[str] = set()
        while not self._take("}"):
            key = self._expression(0)
            if isinstance(key, Literal):
                if not isinstance(key.value, str):
                    raise ExpressionSyntaxError("keys of a map are texts", key.position)
                if key.value in seen:
                    raise ExpressionSyntaxError(f"key {key.value!r} is there twice", key.position)
                seen.add(key.value)
            self._expect(":")
            entries.append((key, self._expression(0)))
            if not self._take(","):
                self._expect("}", opened)
                break
        return MapOf(opened.position, tuple(entries))

    def _postfix(self, node: Node) -> Node:
        """Parse `.field`, `[index]` and `.method(…)` behind an operand."""
        steps: list[str | Node] = []
        start = node
        while True:
            token = self._token
            if self._take("."):
                name = self._next()
                if name.kind != "name":
                    self._at -= 1
                    self._unexpected("expected the name of a field")
                if self._is("("):
                    start = self._call(name, _path(start, steps))
                    steps = []
                else:
                    steps.append(name.text)
            elif self._take("["):
                steps.append(self._expression(0))
                self._expect("]", token)
            else:
                return _path(start, steps)

    def _call(self, name: Token, receiver: Node | None) -> Node:
        opened = self._next()
        arguments = self._items(")", opened)
        if name.text == "has":
            return self._has(name, receiver, arguments)
        if receiver is not None and name.text in MACROS:
            return self._macro(name, receiver, arguments)
        if name.text not in self._functions:
            near = get_close_matches(name.text, [*self._functions, *MACROS, "has"], 1)
            raise ExpressionSyntaxError(
                f"there is no function {name.text!r}",
                name.position,
                f"did you mean {near[0]}?" if near else None,
            )
        whole = arguments if receiver is None else [receiver, *arguments]
        least, most = self._functions[name.text]
        if not least <= len(whole) <= most:
            takes = f"{least}" if least == most else f"{least} to {most}"
            noun = "argument" if most == 1 else "arguments"
            raise ExpressionSyntaxError(
                f"{name.text}() takes {takes} {noun}, not {len(whole)}", name.position
            )
        return Call(name.position, name.text, tuple(whole))

    def _has(self, name: Token, receiver: Node | None, arguments: list[Node]) -> Node:
        if receiver is not None or len(arguments) != 1 or not isinstance(arguments[0], Path):
            raise ExpressionSyntaxError(
                "has() takes one field", name.position, "write has(order.note)"
            )
        return Has(name.position, arguments[0])

    def _macro(self, name: Token, target: Node, arguments: list[Node]) -> Node:
        most = 3 if name.text == "map" else 2
        if not 2 <= len(arguments) <= most or not isinstance(arguments[0], Name):
            raise ExpressionSyntaxError(
                f"{name.text}() takes a variable and an expression",
                name.position,
                f"write list.{name.text}(x, …)",
            )
        return Macro(
            name.position,
            name.text,
            target,
            arguments[0].name,
            arguments[-1],
            arguments[1] if len(arguments) == 3 else None,
        )


def _is_number(value: object) -> bool:
    return not isinstance(value, (bool, str)) and value is not None


def _path(start: Node, steps: list[str | Node]) -> Node:
    return Path(start.position, start, tuple(steps)) if steps else start
