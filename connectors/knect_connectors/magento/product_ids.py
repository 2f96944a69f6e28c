"""The ids of the products that one product of the ERP became, as one text: `7,9,12`.

Why: a product with hundreds of variants is hundreds of products here, and a database keeps no name
of any length in an index. Those made one after the other have ids one after the other, which a long
text says as `7-312`; a short one stays as it always was.
Must not: change their order, which is that of the variants.
"""

from collections.abc import Iterator, Sequence

__all__ = ["joined", "parted"]

#: PostgreSQL takes 2,704 bytes for all that stands in one row of an index.
_LONG = 1_000


def joined(ids: Sequence[str]) -> str:
    """Return ids as one text."""
    text = ",".join(ids)
    return text if len(text) <= _LONG else ",".join(_runs(ids))


def parted(text: str) -> list[str]:
    """Return the ids of a text."""
    ids: list[str] = []
    for one in text.split(","):
        first, dash, last = one.partition("-")
        if dash and first.isdecimal() and last.isdecimal():
            ids += map(str, range(int(first), int(last) + 1))
        elif one:
            ids.append(one)
    return ids


def _runs(ids: Sequence[str]) -> Iterator[str]:
    first = last = ""
    for one in ids:
        if last.isdecimal() and one == str(int(last) + 1):
            last = one
            continue
        if first:
            yield first if first == last else f"{first}-{last}"
        first = last = one
    if first:
        yield first if first == last else f"{first}-{last}"
