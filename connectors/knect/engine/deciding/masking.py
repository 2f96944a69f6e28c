"""What nobody is shown: values of masked fields, recognised wherever they stand.

Why: a mask names fields of the canonical record, but the same e-mail stands under other names in
the shop's payload and in the ERP's document. So the *values* are remembered, as hashes, and
blanked out wherever a payload is shown. Must not: keep a masked value in plain.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from knect.model.edits import RAW, steps_of
from knect.sdk.spellings import Hider, forms_of

__all__ = [
    "HIDDEN",
    "hidden_values",
    "is_masked",
    "mask_payload",
    "mask_payloads",
    "masked_texts",
    "parts_in",
    "shown_edits",
    "texts_in",
    "values_at",
    "without",
]

#: What is shown instead.
HIDDEN = "***"

#: A shorter text is looked for as a whole only: as a part of another it may be any.
_SHORT = 4
#: A text of more words is no name.
_MOST_WORDS = 5
_FEWEST_LETTERS = 2

_INDEX = re.compile(r"\[\d+\]")


def is_masked(path: str, mask: Iterable[str]) -> bool:
    """Tell whether a path of a record (`customer.email`, `lines[0].sku`) is masked."""
    bare = _INDEX.sub("", path)
    return any(bare == hidden or bare.startswith(f"{hidden}.") for hidden in mask)


def masked_texts(record: Mapping[str, Any], mask: Iterable[str]) -> frozenset[str]:
    """Return every masked text of a record, in plain: not to be kept."""
    return frozenset(text for value in values_at(record, mask) for text in _texts(value))


def parts_in(payload: Any, texts: Iterable[str]) -> frozenset[str]:
    """Return what of a payload are words of masked texts: a first name of a name.

    A source may have in two fields what the record has in one, and a mask names the record's.
    """
    parts = {part for text in texts for part in _runs_of_words(text)}
    if not parts:
        return frozenset()
    longest = max(map(len, parts))
    return frozenset(
        leaf for leaf in _texts(payload) if len(leaf) <= longest and leaf.casefold() in parts
    )


def texts_in(value: Any) -> frozenset[str]:
    """Return every text in a value, whatever it is."""
    return frozenset(_texts(value))


def _runs_of_words(text: str) -> Iterator[str]:
    words = text.casefold().split()
    if not 1 < len(words) <= _MOST_WORDS:
        return
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            run = " ".join(words[start:end])
            if sum(map(str.isalpha, run)) >= _FEWEST_LETTERS:
                yield run


def hidden_values(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the hashes of masked texts, in each form Unicode has for them, sorted."""
    return tuple(sorted({_digest(form) for text in texts for form in forms_of(text)}))


def without(sentence: str, texts: Iterable[str]) -> str:
    """Return a sentence with masked texts blanked out, as a remote may have quoted them."""
    return Hider(texts, shown=HIDDEN).clean(sentence)


def values_at(record: Any, mask: Iterable[str]) -> Iterator[Any]:
    """Yield what a record has at masked paths, whatever it is."""
    for path in mask:
        yield from _at(record, path.split("."))


def mask_payload(payload: Any, hidden: Iterable[str]) -> Any:
    """Return the payload with every hidden value blanked out."""
    hashes = frozenset(hidden)
    return _mask(payload, hashes) if hashes else payload


def mask_payloads(payloads: Mapping[str, Any], hidden: Iterable[str]) -> dict[str, Any]:
    """Return payloads of one record with every hidden value blanked out.

    Only hashes are kept, but what stands somewhere as a whole is then known: so it is found within
    longer texts of all of them as well.
    """
    hashes = frozenset(hidden)
    if not hashes:
        return dict(payloads)
    there = [one for one in (*_texts(payloads), *_names(payloads)) if len(one) >= _SHORT]
    whole = {one for one in there if _is_hidden(one, hashes)}
    clean = Hider(whole, shown=HIDDEN, cut=False).for_all_of(there).clean
    return {name: _mask(one, hashes, clean) for name, one in payloads.items()}


def shown_edits(edits: Iterable[Mapping[str, Any]], mask: Collection[str]) -> list[dict[str, Any]]:
    """Return what a person set, as it may be shown before anything was made of it.

    What is set in a source's payload is not told by its path, so a mask hides all of it.
    """
    return [
        {**one, "value": HIDDEN if mask and _may_be_masked(one["path"], mask) else one["value"]}
        for one in edits
    ]


def _may_be_masked(path: str, mask: Iterable[str]) -> bool:
    names = [step for step in steps_of(path) if isinstance(step, str)]
    bare = ".".join(names)
    above = any(one.startswith(f"{bare}.") for one in mask)
    return names[0] == RAW or above or is_masked(bare, mask)


def _mask(value: Any, hashes: frozenset[str], clean: Callable[[str], str] = str) -> Any:
    match value:
        case dict():
            return {
                _mask(name, hashes, clean): _mask(one, hashes, clean) for name, one in value.items()
            }
        case list():
            return [_mask(one, hashes, clean) for one in value]
        case str():
            return HIDDEN if _is_hidden(value, hashes) else clean(value)
        case _:
            return value


def _is_hidden(text: str, hashes: frozenset[str]) -> bool:
    if _digest(text) in hashes:
        return True
    plain = " ".join(text.split())
    return plain != text and _digest(plain) in hashes


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
        case Mapping():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)
        case _:
            return


def _names(value: Any) -> Iterator[str]:
    """Yield what stands where names of fields do: a map may have anything there."""
    match value:
        case Mapping():
            for name, one in value.items():
                yield name
                yield from _names(one)
        case list() | tuple():
            for one in value:
                yield from _names(one)
        case _:
            return


def _digest(text: str) -> str:
    return blake2b(text.casefold().encode(), digest_size=8).hexdigest()
