"""What nobody is shown: values of masked fields, recognised wherever they stand.

Why: a mask names fields of the canonical record, but the same e-mail stands under other names in
the shop's payload and in the ERP's document. So the *values* are remembered, as hashes, and
blanked out wherever a payload is shown. Must not: keep a masked value in plain.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = [
    "HIDDEN",
    "hidden_values",
    "is_masked",
    "mask_payload",
    "masked_texts",
    "values_at",
    "without",
]

#: What is shown instead.
HIDDEN = "***"

_INDEX = re.compile(r"\[\d+\]")


def is_masked(path: str, mask: Iterable[str]) -> bool:
    """Tell whether a path of a record (`customer.email`, `lines[0].sku`) is masked."""
    bare = _INDEX.sub("", path)
    return any(bare == hidden or bare.startswith(f"{hidden}.") for hidden in mask)


def masked_texts(record: Mapping[str, Any], mask: Iterable[str]) -> frozenset[str]:
    """Return every masked text of a record, in plain: not to be kept."""
    return frozenset(text for value in values_at(record, mask) for text in _texts(value))


def hidden_values(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the hashes of masked texts, sorted."""
    return tuple(sorted(map(_digest, texts)))


def without(sentence: str, texts: Iterable[str]) -> str:
    """Return a sentence with masked texts blanked out, as a remote may have quoted them.

    A text stands for itself between other letters too, unless it is so short that it may be any.
    """
    spelled = {spelling for text in texts if text for spelling in _spellings(text)}
    if not spelled:
        return sentence
    choices = "|".join(
        re.escape(one) if len(one) >= _SHORT else rf"(?<!\w){re.escape(one)}(?!\w)"
        for one in sorted(spelled, key=len, reverse=True)
    )
    return re.sub(choices, HIDDEN, sentence, flags=re.IGNORECASE)


_SHORT = 4


def _spellings(text: str) -> Iterator[str]:
    """Yield a text as it stands in sentences: plain, in quotes, as JSON, in an address."""
    yield text
    yield text.replace("'", "\\'")
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote(text)
    yield quote(text, safe="")
    yield quote_plus(text)


def values_at(record: Any, mask: Iterable[str]) -> Iterator[Any]:
    """Yield what a record has at masked paths, whatever it is."""
    for path in mask:
        yield from _at(record, path.split("."))


def mask_payload(payload: Any, hidden: Iterable[str]) -> Any:
    """Return the payload with every hidden value blanked out."""
    hashes = frozenset(hidden)
    return _mask(payload, hashes) if hashes else payload


def _mask(value: Any, hashes: frozenset[str]) -> Any:
    match value:
        case dict():
            return {name: _mask(one, hashes) for name, one in value.items()}
        case list():
            return [_mask(one, hashes) for one in value]
        case str():
            return HIDDEN if _digest(value) in hashes else value
        case _:
            return value


def _at(value: Any, steps: list[str]) -> Iterator[Any]:
    """Yield what a path leads to, through every element of the lists on its way."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _at(one, steps)
    elif not steps:
        yield value
    elif isinstance(value, Mapping) and steps[0] in value:
        yield from _at(value[steps[0]], steps[1:])


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)
        case _:
            return


def _digest(text: str) -> str:
    return blake2b(text.casefold().encode(), digest_size=8).hexdigest()
