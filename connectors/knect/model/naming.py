"""The form in which names are compared: by people who search, and by keys in the ledger.

Must not: be used to match or merge records; a folded name is for finding only.
"""

import unicodedata

__all__ = ["normalise"]

_LIMIT = 200


def normalise(text: str) -> str:
    """Return the form keys are stored and asked for in: folded, without decoration."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    folded = plain.casefold().strip()
    return folded.removeprefix("#").strip()[:_LIMIT]
