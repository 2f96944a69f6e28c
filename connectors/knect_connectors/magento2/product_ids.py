"""The ids of the products that one product of the ERP became, as one text: `7,9,12`.

Why: a product with hundreds of variants is hundreds of products here, and a database keeps no name
of any length in an index. Those made one after the other have ids one after the other, which a long
text says as `7-312`; a short one names each.
Must not: change their order, which is that of the variants.
"""

from collections.abc import Iterator, Sequence

__all__ = ["joined", "parted"]

#: The longest text that names each.
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
    start = 0
    for index in range(1, len(ids) + 1):
        if index < len(ids) and int(ids[index]) == int(ids[index - 1]) + 1:
            continue
        run = ids[start:index]
        yield run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}"
        start = index
