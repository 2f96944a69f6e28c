"""Which result of a batch is of which record. Pure.

Why: results go by their place, and an API that sorts them, leaves one out or repeats one would have
a record bound to another one's document for good.
Must not: take a place for certain where the results say otherwise.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from knect_connectors.rest.config import Write
from knect_connectors.rest.paths import MISSING, Getter, compile_path

__all__ = ["paired"]


def paired(results: Sequence[Any], sent: Sequence[str], write: Write) -> Sequence[Any] | None:
    """Return the results in the order of what was `sent` (our ids); None if they are of others.

    Without a look-up nobody could find out more than the answer says: then one id of the API's may
    stand for two records.
    """
    ids = _texts(results, write.id) if write.lookup is not None else []
    if any(count > 1 for one, count in Counter(ids).items() if one is not None):
        return None
    names = _texts(results, write.external_id)
    if not set(names) & set(sent):  # they do not name what they are of
        return results
    if sorted(filter(None, names)) == sorted(sent):
        by_name = dict(zip(names, results, strict=True))
        return [by_name[one] for one in sent]
    in_place = all(name in (None, one) for name, one in zip(names, sent, strict=True))
    return results if in_place else None


def _texts(results: Sequence[Any], path: str | None) -> list[str | None]:
    if path is None:
        return []
    getter: Getter = compile_path(path)
    found = [getter(one) for one in results]
    return [None if one is MISSING or one is None else str(one) for one in found]
