"""Text into tokens, each with its position.

Must not: accept a number it cannot hold exactly; 64 bits for whole numbers, 34 digits for decimals.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from knect.engine.mapping.errors import ExpressionSyntaxError

__all__ = ["Token", "tokenize"]

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\n\r\f]+|//[^\n]*)
    | (?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?
                |[0-9]+)
    | (?P<string>[rR]?(?:\"\"\"|'''|"|'))
    | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    | (?P<operator>===|!==|&&|\|\||==|!=|<=|>=|\*\*|[-+*/%!<>?:.,()\[\]{}=&|])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))"
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WRONG_OPERATORS = {
    "=": "to compare, write ==",
    "===": "write ==",
    "!==": "write !=",
    "&": "write &&",
    "|": "write ||",
    "**": "there are no powers",
}
_WRONG_NAMES = {
    "and": "write &&",
    "or": "write ||",
    "not": "write !",
    "is": "write ==",
    "None": "write null",
    "nil": "write null",
    "True": "write true",
    "False": "write false",
    "lambda": "write a condition or list.map(x, …)",
}
_RESERVED = frozenset(
    "as break const continue else for function if import let loop package namespace return var "
    "void while".split()
)
_MAX_INT = 2**63
_MAX_DIGITS = 34
_MAX_EXPONENT = 6111


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, literal, operator, or end; an operator's `text` is itself."""

    kind: str
    text: str
    value: Any
    position: int


def tokenize(text: str) -> list[Token]:
    """Return the tokens and one `end`. Raises ExpressionSyntaxError."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionSyntaxError(_odd_character(text[position]), position)
        kind, word, end = str(found.lastgroup), found.group(), found.end()
        if kind == "number":
            tokens.append(Token("literal", word, _number(text, word, position), position))
        elif kind == "string":
            value, end = _string(text, word, position)
            tokens.append(Token("literal", text[position:end], value, position))
        elif kind == "name":
            tokens.append(_name(word, position, tokens))
        elif kind == "operator":
            if word in _WRONG_OPERATORS:
                raise ExpressionSyntaxError(
                    f"{word!r} is no operator", position, _WRONG_OPERATORS[word]
                )
            tokens.append(Token("operator", word, None, position))
        position = end
    tokens.append(Token("end", "", None, len(text)))
    return tokens


def _odd_character(character: str) -> str:
    if character in "“”„‘’«»":  # noqa: RUF001 - the very characters people paste
        return f"{character} is a typographic quote; use \" or '"
    return f"character {character!r} has no meaning here"


def _name(word: str, position: int, before: list[Token]) -> Token:
    after_dot = bool(before) and before[-1].text == "." and before[-1].kind == "operator"
    if after_dot:
        return Token("name", word, None, position)
    if word in ("true", "false"):
        return Token("literal", word, word == "true", position)
    if word == "null":
        return Token("literal", word, None, position)
    if word == "in":
        return Token("operator", word, None, position)
    if word in _WRONG_NAMES:
        raise ExpressionSyntaxError(f"{word!r} is no operator", position, _WRONG_NAMES[word])
    if word in _RESERVED:
        raise ExpressionSyntaxError(f"{word!r} is a reserved word", position)
    return Token("name", word, None, position)


def _number(text: str, word: str, position: int) -> int | Decimal:
    following = text[position + len(word) : position + len(word) + 1]
    if following.isalnum() or following == "_":
        if following in "uU":
            raise ExpressionSyntaxError(
                "there are no unsigned numbers", position, f"write {word} without u"
            )
        raise ExpressionSyntaxError(f"{word + following!r} is no number", position)
    if word[:2] in ("0x", "0X"):
        value = int(word, 16) if len(word) <= 18 else _MAX_INT + 1
    elif word.isdigit():
        value = int(word) if len(word) <= 19 else _MAX_INT + 1
    else:
        return _decimal(word, position)
    # 2^63 itself is let through for -2^63; the parser refuses it without the sign
    if value > _MAX_INT:
        raise ExpressionSyntaxError("the number does not fit 64 bits", position)
    return value


def _decimal(word: str, position: int) -> Decimal:
    mantissa, _, exponent = word.lower().partition("e")
    digits = mantissa.replace(".", "").lstrip("0")
    if len(digits) > _MAX_DIGITS:
        raise ExpressionSyntaxError(f"more than {_MAX_DIGITS} digits", position)
    if exponent and (len(exponent) > 5 or abs(int(exponent)) > _MAX_EXPONENT):
        raise ExpressionSyntaxError("the exponent is out of range", position)
    return Decimal(word)


def _string(text: str, opening: str, position: int) -> tuple[str, int]:
    """Return the value and the position behind the closing quote."""
    raw = opening[0] in "rR"
    quote = opening.lstrip("rR")
    start = at = position + len(opening)
    parts: list[str] = []
    while True:
        if at >= len(text) or (text[at] in "\n\r" and len(quote) == 1):
            raise ExpressionSyntaxError(
                "the text is not closed", position, f"add {quote} at its end"
            )
        if text.startswith(quote, at):
            parts.append(text[start:at])
            return "".join(parts), at + len(quote)
        if text[at] == "\\" and not raw:
            parts.append(text[start:at])
            character, at = _escape(text, at)
            parts.append(character)
            start = at
        else:
            at += 1


def _escape(text: str, at: int) -> tuple[str, int]:
    found = _ESCAPE.match(text, at)
    if found is None:
        raise ExpressionSyntaxError(
            f"unknown escape {text[at : at + 2]!r}", at, 'for a backslash write \\\\, or r"…"'
        )
    simple, two, four, eight, octal = found.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple), found.end()
    code = int(octal, 8) if octal else int(two or four or eight, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ExpressionSyntaxError("the escape is no character", at)
    return chr(code), found.end()
