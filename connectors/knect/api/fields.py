"""The field types of every document: each with its limit, so that each has one.

Why: a CRD without limits on strings, lists and maps exceeds the API server's budget for CEL rules
and is refused; and a document read from a file must obey the same limits as one from a cluster.
Durations and start points are strings that know what they mean.
Must not: coerce ("5" is no number, "yes" no truth); a document says what it says.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    SecretStr,
    StrictBool,
    StrictInt,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = [
    "PATTERNS",
    "ApiModel",
    "Bool",
    "Duration",
    "Expression",
    "FieldName",
    "FieldPath",
    "Host",
    "Int",
    "Label",
    "LabelValue",
    "LongText",
    "Name",
    "SecretText",
    "StartPoint",
    "Text",
    "TextMap",
    "Word",
]


class ApiModel(BaseModel):
    """What all documents have in common: camelCase outside, nothing unknown, nothing changed."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
    )


Bool = StrictBool
Int = StrictInt

#: A Kubernetes object name (DNS-1123 subdomain).
Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", strict=True
    ),
]
#: A DNS-1123 label: names of worker groups and value maps' files.
Label = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", strict=True
    ),
]
LabelValue = Annotated[str, StringConstraints(max_length=63, strict=True)]
#: An identifier of ours: a connector's id, an entity, a value map, a rule.
Word = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=63, pattern=r"^[a-zA-Z]([-_a-zA-Z0-9]*[a-zA-Z0-9])?$", strict=True
    ),
]
#: A destination's field, as its system spells it.
FieldName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]*$", strict=True
    ),
]
#: A field of the canonical record: `customer.email`, `lines[].sku`.
FieldPath = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=256,
        pattern=r"^[a-z_][a-z0-9_]*(\[[0-9]*\])?(\.[A-Za-z_][A-Za-z0-9_]*(\[[0-9]*\])?)*$",
        strict=True,
    ),
]
#: A mapping expression; the evaluator's own bound is the same 4,096 characters.
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4096, strict=True)]
Text = Annotated[str, StringConstraints(max_length=256, strict=True)]
LongText = Annotated[str, StringConstraints(max_length=4096, strict=True)]
Host = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=253,
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        strict=True,
    ),
]


class _Pattern(str):
    """A string with a pattern and a meaning, both in one place."""

    __slots__ = ()
    pattern = ""
    min_length = 2
    max_length = 64
    expected = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the value. Raises ValueError with a sentence."""
        value = cls(text)
        if len(text) > cls.max_length or re.fullmatch(cls.pattern, text) is None:
            raise ValueError(f"expected {cls.expected}")
        value.check()
        return value

    def check(self) -> None:
        """Raise ValueError for a text that fits the pattern and still means nothing."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def validate(text: str) -> "_Pattern":
            try:
                return cls.read(text)
            except ValueError as error:
                why = {"why": str(error)}
                raise PydanticCustomError("bad_pattern", "{why}", why) from None

        return core_schema.no_info_after_validator_function(
            validate,
            core_schema.str_schema(strict=True),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": cls.pattern,
            "minLength": cls.min_length,
            "maxLength": cls.max_length,
        }


_NUMBER = "[1-9][0-9]{0,5}"
_DURATION = re.compile(
    rf"^(?:({_NUMBER})d)?(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?(?:({_NUMBER})ms)?$"
)


class Duration(_Pattern):
    """A length of time above zero: `250ms`, `30s`, `5m`, `1h30m`, `7d`."""

    __slots__ = ()
    pattern = rf"^({_NUMBER}d)?({_NUMBER}h)?({_NUMBER}m)?({_NUMBER}s)?({_NUMBER}ms)?$"
    max_length = 32
    expected = 'a duration such as "30s", "5m" or "1h30m"'

    def check(self) -> None:
        """Refuse the empty text, which the pattern lets through."""
        if not self:
            raise ValueError(f"expected {self.expected}")

    @property
    def delta(self) -> timedelta:
        """Return the length of time."""
        found = _DURATION.match(self)
        days, hours, minutes, seconds, millis = (
            int(part or 0) for part in (found.groups() if found else (0,) * 5)
        )
        return timedelta(
            days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis
        )

    @property
    def seconds(self) -> float:
        """Return the length of time in seconds."""
        return self.delta.total_seconds()


#: When everything begins that has a beginning.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class StartPoint(_Pattern):
    """Where reading begins: `Now`, `Beginning`, or an RFC 3339 instant with its offset."""

    __slots__ = ()
    pattern = (
        r"^(Now|Beginning|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}"
        r"(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))$"
    )
    expected = 'Now, Beginning or an RFC 3339 instant such as "2026-01-31T00:00:00Z"'

    def check(self) -> None:
        """Refuse the 31st of February."""
        if self not in ("Now", "Beginning"):
            try:
                datetime.fromisoformat(self)
            except ValueError:
                raise ValueError(f"expected {self.expected}") from None

    def begins_at(self, now: datetime) -> datetime:
        """Return the instant it means, in UTC: `now`, the beginning of time, or what it says."""
        if self == "Now":
            return now
        return _BEGINNING if self == "Beginning" else datetime.fromisoformat(self).astimezone(UTC)


class SecretText(SecretStr):
    """A secret value of a document; printed, logged or dumped it is `***`."""

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def _display(self) -> str:
        return "***"


#: Texts by short keys, e.g. labels or a node selector.
TextMap = Annotated[dict[Annotated[str, Field(max_length=316)], LabelValue], Field(max_length=64)]

#: Pattern -> what it asks for, in words.
PATTERNS = {
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": "lower-case letters, digits, - and .",
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "lower-case letters, digits and -",
    r"^[a-zA-Z]([-_a-zA-Z0-9]*[a-zA-Z0-9])?$": "a word of letters, digits, - and _",
    r"^[A-Za-z_][A-Za-z0-9_.\-]*$": "the name of a field: letters, digits, _, . and -",
    r"^[a-z_][a-z0-9_]*(\[[0-9]*\])?(\.[A-Za-z_][A-Za-z0-9_]*(\[[0-9]*\])?)*$": (
        "the path of a field, such as customer.email or lines[].sku"
    ),
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]*[a-z0-9])?$": (
        "a host name, such as hooks.acme.com"
    ),
    r"^[-._a-zA-Z0-9]+$": "a key of letters, digits, -, _ and .",
    r"^[A-Za-z0-9_+/-]+$": "an IANA time zone, such as Europe/Berlin",
}
