"""What an answer says of records: which result is of which, and what it is known by. Pure.

Why: results go by their place, and an API that sorts them, leaves one out or repeats one would have
a record bound to another one's document for good.
Must not: take a place for certain where the results say otherwise.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from knect.sdk.contract import Call, Found
from knect_connectors.rest.config import Write
from knect_connectors.rest.paths import MISSING, compile_path

__all__ = ["paired", "reader_of", "text_at"]


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
    return [] if path is None else [text_at(path)(one) for one in results]


def reader_of(write: Write) -> Callable[[Any, Call], Found | None]:
    """Return what reads from an answer what it says of a record; None if an id should be there."""
    if write.id is None:  # the API knows it by our id, or by the one it was addressed with
        return lambda _, call: Found(destination_id=call.effect.target or call.effect.external_id)
    id_of, number_of, token_of = text_at(write.id), text_at(write.number), text_at(write.token)

    def read(data: Any, call: Call) -> Found | None:
        identifier = id_of(data) or call.effect.target
        if identifier is None:
            return None
        return Found(destination_id=identifier, number=number_of(data), token=token_of(data))

    return read


def text_at(path: str | None) -> Callable[[Any], str | None]:
    """Return what reads a text at a path; where there is no path it reads None."""
    if path is None:
        return _nothing
    getter = compile_path(path)

    def text(data: Any) -> str | None:
        found = getter(data)
        return None if found is MISSING or found is None else str(found)

    return text


def _nothing(_data: Any) -> None:
    """Say nothing."""
