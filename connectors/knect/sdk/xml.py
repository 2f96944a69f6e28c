"""Reads XML that a remote sent: no document type, no entities, bounded in depth and number.

Why: XML can name files to read and grow without end (S7). Whoever reads it here cannot forget to
forbid that: a document type is refused where it begins, before anything of it is looked at, and
what is left of XML are elements, attributes and text. The size is bounded before: the HTTP client
caps bodies.
Must not: fetch anything, expand an entity that XML itself does not have, or know a format.
"""

from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat  # what it could be made to do is forbidden below

from msgspec import Struct, field

__all__ = ["Element", "XmlError", "XmlLimits", "parse_xml", "walk_xml"]

_Start = Callable[[str, Mapping[str, str]], None]
_End = Callable[[str, str], None]


class XmlError(ValueError):
    """The text is no XML, or XML that is not read; the sentence says what and where."""


class XmlLimits(Struct, frozen=True, kw_only=True):
    """Bounds of one document."""

    depth: int = 64
    elements: int = 2_000_000
    attributes: int = 64


_DEFAULT = XmlLimits()


class Element(Struct, kw_only=True):
    """One element: `text` is what stands in it before, between and after its children."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element | None":
        """Return the first child of a name."""
        return next((one for one in self.children if one.name == name), None)


class _Walk:
    """One document being read."""

    def __init__(self, start: _Start, end: _End, limits: XmlLimits) -> None:
        self._start = start
        self._end = end
        self._limits = limits
        self._elements = 0
        self._texts: list[list[str]] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.EntityDeclHandler = self._refuse_doctype
        self.parser.ExternalEntityRefHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._started
        self.parser.EndElementHandler = self._ended
        self.parser.CharacterDataHandler = self._told

    def _where(self) -> str:
        return f"line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"

    def _refuse_doctype(self, *_: Any) -> int:
        raise XmlError(
            f"it declares a document type ({self._where()}); entities are not read, an answer has"
            " no use for them"
        )

    def _started(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > self._limits.elements:
            raise XmlError(f"it has more than {self._limits.elements} elements")
        if len(self._texts) >= self._limits.depth:
            raise XmlError(f"it is nested deeper than {self._limits.depth} ({self._where()})")
        if len(attributes) > self._limits.attributes:
            raise XmlError(
                f"an element has more than {self._limits.attributes} attributes ({self._where()})"
            )
        self._texts.append([])
        self._start(name, attributes)

    def _told(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def _ended(self, name: str) -> None:
        self._end(name, "".join(self._texts.pop()))


def walk_xml(body: bytes, start: _Start, end: _End, *, limits: XmlLimits = _DEFAULT) -> None:
    """Call `start(name, attributes)` and `end(name, text)` for each element, in document order.

    A name in a namespace is `uri name`. Raises XmlError; what was told before it counts for
    nothing.
    """
    walk = _Walk(start, end, limits)
    try:
        walk.parser.Parse(body, True)  # noqa: FBT003 - it has no keyword for "that is all"
    except expat.ExpatError as error:
        raise XmlError(str(error)) from None
    except (LookupError, UnicodeError):
        raise XmlError("it declares an encoding that is not known") from None


def parse_xml(body: bytes, *, limits: XmlLimits = _DEFAULT) -> Element:
    """Return the document's root. Raises XmlError."""
    roots: list[Element] = []
    stack: list[Element] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        stack.append(Element(name=name, attributes=attributes))

    def end(name: str, text: str) -> None:
        del name
        element = stack.pop()
        element.text = text
        (stack[-1].children if stack else roots).append(element)

    walk_xml(body, start, end, limits=limits)
    return roots[0]
