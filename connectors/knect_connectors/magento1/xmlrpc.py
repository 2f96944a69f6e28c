"""XML-RPC as Magento speaks it: requests out, answers in. Pure.

Why our own: an answer is read by the hardened reader only, a number keeps its digits, and what PHP
does to types is known here: an empty map comes as an empty array, a number as a text, a text
without a type is a text.
Must not: raise anything but XmlError for what a server sent, or read a float.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from knect.sdk.xml import XmlError, walk_xml

__all__ = [
    "Fault",
    "code_of",
    "read_answer",
    "read_request",
    "write_answer",
    "write_fault",
    "write_request",
]

#: Bytes no XML text may have, and people paste all the same. The zero byte is no such slip.
_PASTED = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CODE = re.compile(r"-?[0-9]{1,9}")
_REPLACEMENT = "\ufffd".encode()
_MISSING = object()


class Fault(Struct, frozen=True, kw_only=True):
    """What the API says instead of an answer."""

    code: int
    message: str


# ---------------------------------------------------------------- writing


def _escaped(text: str) -> str:
    clean = _FORBIDDEN.sub("", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _put(value: Any, out: list[str]) -> None:
    match value:
        case None:
            out.append("<value><nil/></value>")
        case bool():
            out.append(f"<value><boolean>{int(value)}</boolean></value>")
        case int():
            out.append(f"<value><int>{value}</int></value>")
        case Decimal():
            out.append(f"<value><double>{value:f}</double></value>")
        case str():
            out.append(f"<value><string>{_escaped(value)}</string></value>")
        case Mapping():
            out.append("<value><struct>")
            for name, one in value.items():
                out.append(f"<member><name>{_escaped(str(name))}</name>")
                _put(one, out)
                out.append("</member>")
            out.append("</struct></value>")
        case Sequence():
            out.append("<value><array><data>")
            for one in value:
                _put(one, out)
            out.append("</data></array></value>")
        case _:
            raise TypeError(f"{type(value).__name__} cannot be sent by XML-RPC")


_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def write_request(method: str, arguments: Sequence[Any]) -> bytes:
    """Return a call's body; characters XML does not have are left out."""
    out = [_HEAD, f"<methodCall><methodName>{_escaped(method)}</methodName><params>"]
    for one in arguments:
        out.append("<param>")
        _put(one, out)
        out.append("</param>")
    out.append("</params></methodCall>")
    return "".join(out).encode()


def write_answer(value: Any) -> bytes:
    """Return the body of a successful answer."""
    out = [_HEAD, "<methodResponse><params><param>"]
    _put(value, out)
    out.append("</param></params></methodResponse>")
    return "".join(out).encode()


def write_fault(fault: Fault) -> bytes:
    """Return the body of a fault."""
    out = [_HEAD, "<methodResponse><fault>"]
    _put({"faultCode": fault.code, "faultString": fault.message}, out)
    out.append("</fault></methodResponse>")
    return "".join(out).encode()


# ---------------------------------------------------------------- reading


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise XmlError(f"{text[:40]!r} is no whole number") from None


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise XmlError(f"{text[:40]!r} is no number") from None
    if not number.is_finite():
        raise XmlError(f"{text[:40]!r} is no number")
    return number


def _bytes(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise XmlError("a base64 text is broken") from None


_SCALARS = {
    "string": lambda text: text,
    "int": _integer,
    "i4": _integer,
    "i8": _integer,
    "boolean": lambda text: text.strip() == "1",
    "double": _number,
    "nil": lambda text: None,  # noqa: ARG005 - one of a table
    "dateTime.iso8601": lambda text: text,
    "base64": _bytes,
}


class _Document:
    """Builds values while the document is read; one frame per open container."""

    def __init__(self) -> None:
        self.root = ""
        self.method = ""
        self.values: list[Any] = []
        self.is_fault = False
        self._frames: list[Any] = []
        self._names: list[str] = []
        self._held: list[Any] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        del attributes
        if not self.root:
            self.root = name
        match name:
            case "fault":
                self.is_fault = True
            case "struct":
                self._frames.append({})
            case "array":
                self._frames.append([])
            case "value":
                self._held.append(_MISSING)
            case _:
                pass

    def end(self, name: str, text: str) -> None:
        match name:
            case "value":
                value = self._held.pop()
                self._keep(text if value is _MISSING else value)
            case "struct" | "array":
                self._hold(self._frames.pop())
            case "name":
                self._names.append(text)
            case "methodName":
                self.method = text
            case _ if (read := _SCALARS.get(name)) is not None:
                self._hold(read(text))
            case _:
                pass

    def _hold(self, value: Any) -> None:
        if not self._held:
            raise XmlError("a value stands where none can be")
        self._held[-1] = value

    def _keep(self, value: Any) -> None:
        if not self._frames:
            self.values.append(value)
        elif isinstance(self._frames[-1], list):
            self._frames[-1].append(value)
        elif self._names:
            self._frames[-1][self._names.pop()] = value
        else:
            raise XmlError("a member has no name")


def _read(body: bytes) -> _Document:
    document = _Document()
    walk_xml(_PASTED.sub(_REPLACEMENT, body), document.start, document.end)
    return document


def code_of(value: Any) -> int:
    """Return a fault's code, 0 for what is none."""
    found = _CODE.fullmatch(str(value))
    return int(found[0]) if found else 0


def read_answer(body: bytes) -> Any:
    """Return the value of an answer, or the Fault it is. Raises XmlError."""
    document = _read(body)
    if document.root != "methodResponse" or len(document.values) != 1:
        raise XmlError(f"it is no answer of XML-RPC but <{document.root[:40]}>")
    (value,) = document.values
    if not document.is_fault:
        return value
    if not isinstance(value, dict):
        raise XmlError("a fault without code and words")
    message = str(value.get("faultString") or "")
    return Fault(code=code_of(value.get("faultCode")), message=message)


def read_request(body: bytes) -> tuple[str, list[Any]]:
    """Return method and arguments of a call. Raises XmlError."""
    document = _read(body)
    if document.root != "methodCall":
        raise XmlError(f"it is no call of XML-RPC but <{document.root[:40]}>")
    return document.method, document.values
