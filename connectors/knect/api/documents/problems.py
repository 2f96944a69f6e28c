"""What is wrong with documents: where, what, and what was probably meant.

Why: people repair a file once, not once per mistake, so problems are values that are gathered.
Must not: quote a value of a Secret.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

__all__ = ["Code", "DocumentErrors", "Problem", "closest"]


class Code(StrEnum):
    """Stable codes; the name says what they mean."""

    NOT_READABLE = "KN1001"
    NOT_UTF8 = "KN1002"
    BAD_YAML = "KN1003"
    DUPLICATE_KEY = "KN1004"
    TOO_LARGE = "KN1005"
    AMBIGUOUS_VALUE = "KN1006"
    TAG_NOT_ALLOWED = "KN1007"
    UNKNOWN_KIND = "KN1010"
    DUPLICATE_DOCUMENT = "KN1011"
    UNKNOWN_FIELD = "KN1020"
    MISSING_FIELD = "KN1021"
    WRONG_TYPE = "KN1022"
    BAD_VALUE = "KN1023"
    BAD_DURATION = "KN1024"
    BAD_SCHEDULE = "KN1025"
    BROKEN_RULE = "KN1026"
    MISSING_REFERENCE = "KN1030"
    UNKNOWN_CONNECTOR = "KN1031"
    BAD_CONFIG = "KN1032"
    MISSING_CREDENTIAL = "KN1033"
    ENTITY_NOT_SUPPORTED = "KN1034"
    UNKNOWN_DESTINATION_FIELD = "KN1035"
    FIELD_OWNED_ELSEWHERE = "KN1036"
    BAD_EXPRESSION = "KN1037"
    UNKNOWN_RECORD_FIELD = "KN1038"
    BAD_TABLE = "KN1039"
    NO_DOOR = "KN1040"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem. Lines and columns count from 1; 0 means the file as a whole."""

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str | None
    code: Code

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = f" {self.path}:" if self.path else ""
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{place}:{path} {self.message}{hint} [{self.code}]"


class DocumentErrors(ValueError):
    """All problems of a set of documents, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (one.file, one.line, one.column)))
        super().__init__("\n".join(map(str, self.problems)))


def closest(name: str, known: Sequence[str]) -> str | None:
    """Return what was probably meant, or what there is if that is short."""
    lowered = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), list(lowered), 1, 0.6)
    if near:
        return f"did you mean {lowered[near[0]]}?"
    if known and len(known) <= 12:
        return f"known: {', '.join(sorted(known))}"
    return None
