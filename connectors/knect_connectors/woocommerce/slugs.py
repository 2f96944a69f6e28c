"""How a new product of ours is called in addresses of the shop. Pure.

Must not: be unlike for the same record.
"""

import re
import unicodedata
from hashlib import blake2b

__all__ = ["slug_of"]

_LONGEST = 60


def slug_of(title: str, external_id: str) -> str:
    """Return the slug of a new variable product: its title, and what nobody else's ends in."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")
    mark = blake2b(external_id.encode(), digest_size=4).hexdigest()
    return f"{words}-{mark}" if words else mark
