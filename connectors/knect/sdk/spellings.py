"""How a text may stand in somebody else's words: quoted, escaped, in other letters, cut short.

Why: secrets and masked values are hidden wherever a remote quotes them, and each system quotes as
its format has it: JSON, XML, an address, a page, PHP. What is quoted is often cut as well, so a
beginning of a text counts for it. One list, for what hides secrets and for what hides people.
Must not: know what is hidden, or keep any of it longer than who hides it does.
"""

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from html.entities import codepoint2name
from typing import Self
from urllib.parse import quote, quote_plus

__all__ = ["Hider", "forms_of", "spellings"]

#: A shorter text may be any: it counts only between what is no letter.
_SHORT = 4
#: So many characters of a beginning are no chance; fewer may be an ordinary word.
_BEGINNING = 8
_FORMS: tuple[str, ...] = ("NFC", "NFD", "NFKC", "NFKD")


def forms_of(text: str) -> set[str]:
    """Return a text as it is, with its blanks made one, and in the forms Unicode has for it."""
    plain = {text, text.strip(), " ".join(text.split())}
    return {
        unicodedata.normalize(form, one)  # type: ignore[arg-type]  # it wants literals
        for one in plain
        for form in _FORMS
    } | plain


def spellings(text: str) -> set[str]:
    """Return a text in all the ways systems spell one; capitals are who searches' affair."""
    return {spelled for form in forms_of(text) for spelled in _spelled(form) if spelled}


def _spelled(text: str) -> Iterator[str]:
    yield text
    yield text.upper()  # it may have more letters: STRASSE
    for quoted in {repr(text)[1:-1], text.replace("'", "\\'"), *_in_json(text)}:
        yield quoted
        yield from _in_json(quoted)  # what was quoted is quoted again
    yield from _in_addresses(text)
    yield from _in_pages(text)
    if not text.isascii():
        raw = text.encode("utf-8", "replace")
        yield raw.decode("latin-1")
        yield re.sub(r"[^\x00-\x7f]", "?", text)
        yield re.sub(r"[^\x00-\x7f]", "\ufffd", text)


def _in_json(text: str) -> Iterator[str]:
    for quoted in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield quoted
        yield quoted.replace("/", "\\/")


def _in_addresses(text: str) -> Iterator[str]:
    raw = text.encode("utf-8", "replace")
    yield quote(raw)
    yield quote(raw, safe="")
    yield quote_plus(raw)
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        if len(raw) >= _SHORT:
            yield encoded.decode().rstrip("=")


def _in_pages(text: str) -> Iterator[str]:
    plain = html.escape(text, quote=False)
    for mark in ("'", "&#39;", "&#039;", "&#x27;", "&apos;"):
        quoted = plain.replace("'", mark)
        yield quoted
        yield quoted.replace('"', "&quot;")
    if not text.isascii():
        escaped = html.escape(text)
        yield escaped.encode("ascii", "xmlcharrefreplace").decode()
        yield "".join(_named(one) for one in escaped)


def _named(letter: str) -> str:
    name = None if letter.isascii() else codepoint2name.get(ord(letter))
    return letter if name is None else f"&{name};"


class Hider:
    """Takes texts out of sentences. Made for one use: it holds them in plain.

    Args:
        texts: what is to be hidden.
        shown: what stands in its place.
        cut: also the beginning of a text, as whoever quotes it may have cut it.
    """

    def __init__(self, texts: Iterable[str], *, shown: str, cut: bool = True) -> None:
        self._shown = shown
        self._cut = cut
        self._known = {
            spelled: spelled.casefold()
            for text in texts
            if text.strip()
            for spelled in spellings(text)
        }

    def for_all_of(self, sentences: Iterable[str]) -> Self:
        """Leave out what is in none of these sentences, before each of them is cleaned."""
        folded = "\n".join(sentences).casefold()
        self._known = {one: low for one, low in self._known.items() if low in folded}
        return self

    def clean(self, sentence: str) -> str:
        """Return a sentence without them.

        A text stands for itself between other letters too, unless it is so short that it may be
        any.
        """
        folded = sentence.casefold()
        there = [one for one, low in self._known.items() if low in folded]
        if there:
            choices = "|".join(map(_choice, sorted(there, key=len, reverse=True)))
            sentence = re.sub(choices, self._shown, sentence, flags=re.IGNORECASE)
            folded = sentence.casefold()
        for one, low in self._known.items() if self._cut else ():
            if len(one) > _BEGINNING and low[:_BEGINNING] in folded:
                sentence = self._without_beginning(sentence, one)
        return sentence

    def _without_beginning(self, sentence: str, text: str) -> str:
        """Hide as much of a text as a sentence has from its beginning on, up to the end of a word
        or where it was cut.
        """
        start = re.compile(re.escape(text[:_BEGINNING]), re.IGNORECASE)
        parts: list[str] = []
        at = 0
        while found := start.search(sentence, at):
            end = _end_of_quote(sentence, found.end(), text)
            hides = sum(map(str.isalnum, sentence[found.start() : end])) >= _BEGINNING
            parts += [sentence[at : found.start()], self._shown if hides else found[0]]
            at = end if hides else found.end()
        return "".join([*parts, sentence[at:]])


def _end_of_quote(sentence: str, end: int, text: str) -> int:
    """Return how far a sentence goes on like a text, of which it has the beginning up to `end`."""
    for letter in text[_BEGINNING:]:
        if sentence[end : end + 1].casefold() != letter.casefold():
            break
        end += 1
    while end and sentence[end - 1].isalnum() and sentence[end : end + 1].isalnum():
        end -= 1  # in the middle of another word
    return len(sentence[:end].rstrip())


def _choice(text: str) -> str:
    return re.escape(text) if len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)"
