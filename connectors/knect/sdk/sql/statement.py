"""A statement of a closed catalogue: its name is what is logged, its text is all that is sent.

Must not: be made from values; they travel as parameters.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

__all__ = ["Kind", "Statement"]


class Kind(StrEnum):
    """How a statement is sent."""

    QUERY = "QUERY"  # rows, read only
    CALL = "CALL"  # a stored procedure, by name
    BATCH = "BATCH"  # a command without parameters: BEGIN, COMMIT …


class Statement(Struct, frozen=True, kw_only=True):
    """One entry of a catalogue.

    `text` of a query has one `%s` per parameter, of a call it is the procedure's name. `outputs`
    are a call's output parameters and their SQL types; `types` say what SQL types its parameters
    have, so that no value is sent as something the server has to convert.
    """

    name: str
    kind: Kind
    text: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
