"""The trace that many transactions have in common, written once, with gaps.

Why: most transactions take the same course, and then their spans differ in ids, instants and a few
texts. To put these into what is written already takes a third of the time of drawing the spans
and encoding them. An example is drawn by the code that draws all others: there is one truth.
Must not: know what a trace looks like; the gaps are found in what was written of the example.
"""

import re
from collections.abc import Sequence
from json.encoder import encode_basestring as quoted
from operator import itemgetter

from knect.telemetry.otlp import encode_spans
from knect.telemetry.spans import SHORTEST_US, TransactionStory, render

__all__ = ["Pattern", "gap"]

_FIRST_GAP, _ID_BYTES = 0xE000, 8
#: An id, an instant in microseconds, a text that stands for another.
_GAPS = re.compile('(?<=Id":")[0-9a-f]+|(?<=Nano":")[0-9]+(?=000")|"[\ue000-\uf8ff]"')


def gap(number: int) -> str:
    """Return what an example has for a text that differs: a character no name of ours holds."""
    return chr(_FIRST_GAP + number)


class Pattern:
    """The trace of stories like an example.

    Args:
        example: a story without links, with a `gap` for each text that differs.
        instants: when it was discovered, and all from which its trace is drawn, no two the same.
        texts: its gaps.
    """

    def __init__(
        self, example: TransactionStory, instants: Sequence[int], texts: Sequence[str]
    ) -> None:
        spans = render(example)
        written = encode_spans(spans).decode()
        gaps = _GAPS.findall(written)
        ids = list(dict.fromkeys(i for s in spans for i in (s.span_id, s.parent_span_id) if i))
        times, words = list(map(str, _with_end(instants))), list(map(quoted, texts))
        used_times, used_words = [t for t in times if t in gaps], [w for w in words if w in gaps]
        places = [example.id, *ids, *used_times, *used_words]
        self.example = example
        self.spans = len(spans)
        self._instants = itemgetter(*map(times.index, used_times))
        self._texts = itemgetter(*map(words.index, used_words))
        self._in_order = itemgetter(*map(places.index, gaps))
        self._written = [""] * (2 * len(gaps) + 1)
        self._written[::2] = _GAPS.split(written)
        # All ids are one number, so that a transaction's chance is put into all of them at once.
        self._ids_bytes = len(ids) * _ID_BYTES
        self._each_id = int(f"{1:016x}" * len(ids), 16)
        self._places = int("".join(ids), 16) ^ (_chance(example.id) * self._each_id)

    def filled(self, transaction: str, instants: Sequence[int], texts: Sequence[str]) -> str:
        """Return the spans of a transaction as `encode_spans` writes them. Instants and texts are
        in the example's order.
        """
        ids = self._places ^ (_chance(transaction) * self._each_id)
        values = (
            transaction,
            *ids.to_bytes(self._ids_bytes, "big").hex(" ", _ID_BYTES).split(),
            *map(str, self._instants(_with_end(instants))),
            *map(quoted, self._texts(texts)),
        )
        written = self._written.copy()
        written[1::2] = self._in_order(values)
        return "".join(written)


def _chance(transaction: str) -> int:
    """Return what makes a transaction's span ids its own, see `stage_span_id`."""
    return int(transaction[16:], 16)


def _with_end(instants: Sequence[int]) -> Sequence[int]:
    """Return the instants and the root's end."""
    return (instants[0] + SHORTEST_US, *instants)
