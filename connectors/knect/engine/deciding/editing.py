"""A record as a person set it, and what of it was there before: a mask hides that, too.

Why: what an edit changes is what the mapping reads; the payload in the ledger stays what the source
sent. Must not: let an edit make another record of it.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from knect.engine.deciding.keys import label_of
from knect.model import Edit, EditError, Order, Record, edit_raw, edit_record, raw_values
from knect.sdk.contract import Source

__all__ = ["Edited", "Edits", "edited"]


class Edits(Struct, frozen=True, kw_only=True):
    """What is set, and of which record: its id at the source, and what people call it."""

    of: str
    called: str
    edits: Sequence[Edit]


class Edited(Struct, frozen=True, kw_only=True):
    """A payload and its record as they are now; the record before its own fields were set, and
    what stood where the payload was changed.
    """

    raw: Any
    record: Record
    before: Record
    replaced: Sequence[Any]


def edited(source: Source, entity: str, raw: Any, record: Record | None, wanted: Edits) -> Edited:
    """Return what was read, as a person set it; `record` is what `raw` stands for, if known.

    Raises EditError: an edit does not fit; BadRecord: what came of it is no record.
    """
    now = edit_raw(raw, wanted.edits)
    before = record if record is not None and now is raw else source.to_record(entity, now)
    after = edit_record(before, wanted.edits)
    number = label_of(after) if isinstance(after, Order) else wanted.called
    if (after.source_id, number) != (wanted.of, wanted.called):
        raise EditError(wanted.edits[0].path, "with this it would be another record")
    return Edited(raw=now, record=after, before=before, replaced=raw_values(raw, wanted.edits))
