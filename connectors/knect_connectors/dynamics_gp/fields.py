"""Values on their way into GP and out of it: lengths, code page, dates, padding. Pure.

* A char parameter of eConnect is one character shorter than GP's column; what is longer is
  refused here, with the field of the record it came from, and never cut.
* GP's code page is cp1252: what it does not have is refused, or (`config.characters: Replace`)
  written without its accents, and with a question mark where nothing is like it.
* What comes out is padded with blanks; an empty date is 1900-01-01.

Must not: parse a number from text. GP's numbers travel as numbers, whatever a locale writes.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from knect.sdk.errors import BadRecord
from knect_connectors.dynamics_gp.procedures import Procedure

__all__ = ["at_of", "fit", "instant", "plain", "text", "token_of", "typed"]

_CODEPAGE = "cp1252"
_NO_DATE = date(1900, 1, 1)


def fit(
    procedure: Procedure,
    values: Mapping[str, Any],
    paths: Mapping[str, str],
    *,
    replace: bool = False,
) -> dict[str, Any]:
    """Return JSON-able parameters that GP can take.

    `paths` says where in the record a parameter comes from. Raises BadRecord with path and value.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        kind = procedure.types[name]
        if "char" in kind:
            found[name] = _fitting(name, kind, str(value or ""), paths.get(name, name), replace)
        elif isinstance(value, Decimal):
            found[name] = f"{value:f}"
        elif isinstance(value, date):
            found[name] = value.isoformat()[:10]
        else:
            found[name] = value
    return found


def _fitting(name: str, kind: str, value: str, path: str, replace: bool) -> str:  # noqa: FBT001
    value = " ".join(value.split()) if kind.startswith("char") else value
    value = _in_codepage(name, value, path, replace)
    limit = int(kind.partition("(")[2].rstrip(")"))
    if len(value) > limit:
        raise BadRecord(
            f"{value!r} has {len(value)} characters, GP's {name} takes {limit}; shorten it in the"
            " shop, or set the field in mapping.set",
            path=path,
            value=value,
        )
    return value


def _in_codepage(name: str, value: str, path: str, replace: bool) -> str:  # noqa: FBT001
    try:
        value.encode(_CODEPAGE)
    except UnicodeEncodeError as error:
        if not replace:
            raise BadRecord(
                f"GP cannot store {value[error.start]!r} (its code page is {_CODEPAGE}), which is"
                f" in {name}; change it in the shop, or let config.characters be Replace",
                path=path,
                value=value,
            ) from None
        value = "".join(map(_alike, value))
    return value


def _alike(character: str) -> str:
    try:
        character.encode(_CODEPAGE)
    except UnicodeEncodeError:
        plain_one = unicodedata.normalize("NFKD", _LIKE.get(character, character))
        kept = "".join(one for one in plain_one if not unicodedata.combining(one))
        return kept.encode(_CODEPAGE, "replace").decode(_CODEPAGE)
    return character


#: Letters Unicode does not take apart.
_LIKE = {"Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "İ": "I", "\u0131": "i", "Ħ": "H", "ħ": "h"}


def typed(procedure: Procedure, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `fit` made as the driver sends it."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        kind = procedure.types[name]
        if kind.startswith("numeric"):
            found[name] = Decimal(str(value))
        elif kind == "datetime":
            found[name] = datetime.fromisoformat(str(value)[:10])
        else:
            found[name] = value
    return found


def text(value: Any) -> str:
    """Return a char column's text without its padding."""
    return str(value or "").rstrip(" ")


def instant(value: datetime | None) -> datetime | None:
    """Return a date column's instant, None for GP's empty date."""
    if value is None or value.date() <= _NO_DATE:
        return None
    return value.replace(tzinfo=UTC)


def at_of(value: datetime) -> datetime:
    """Return a change mark: they are in UTC."""
    return value.replace(tzinfo=UTC)


def token_of(at: datetime) -> str:
    """Return the ordering token of an instant."""
    return at.isoformat(timespec="microseconds")


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON has it: text without padding, empty dates as null."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            at = instant(value)
            found[name] = token_of(at) if at else None
        elif isinstance(value, str):
            found[name] = text(value)
        elif isinstance(value, Decimal):
            found[name] = value.normalize() + Decimal(0)
        else:
            found[name] = value
    return found
