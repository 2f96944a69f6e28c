"""Which traces are sent, when an installation wants fewer than all.

Why our own: OpenTelemetry's ratio sampler reads bits of the trace id that a UUIDv7 fixes (its
version and variant); at a ratio of one half it kept nothing at all. Ours hashes the whole id, and
may decide at the end, when the fate is known, because spans are rendered late.
Must not: drop a trace anyone will look for: whatever did not simply succeed is kept.
"""

from hashlib import blake2b

__all__ = ["PLAIN_SUCCESS", "Sampler"]

#: Fates of which a share is enough.
PLAIN_SUCCESS = frozenset({"delivered", "unchanged"})

_BITS = 64


class Sampler:
    """Keeps `ratio` (0 to 1) of the plain successes and all of the rest; same id, same answer."""

    def __init__(self, ratio: float = 1.0) -> None:
        if not 0.0 <= ratio <= 1.0:
            raise ValueError(f"the share of traces to keep must be between 0 and 1, not {ratio}")
        self.ratio = ratio
        self._threshold = round(ratio * (1 << _BITS))

    def keeps(self, transaction: str) -> bool:
        """Return whether this transaction is in the share, whatever becomes of it."""
        if self.ratio >= 1.0:
            return True
        digest = blake2b(transaction.encode(), digest_size=_BITS // 8).digest()
        return int.from_bytes(digest, "big") < self._threshold

    def keeps_end(self, transaction: str, fate: str | None, attempt: int) -> bool:
        """Return whether to send, now that `fate` is known (None: it has not ended).

        A transaction that needed a second attempt is kept too: it has a story.
        """
        return fate not in PLAIN_SUCCESS or attempt > 1 or self.keeps(transaction)
