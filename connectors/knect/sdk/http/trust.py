"""The authority of one Connection's own: `config.certificateAuthority`.

Why: in-house systems often have certificates that no public authority gave, and what one of them is
to be trusted with is not for all others.
Must not: loosen anything else: names, dates and chains are checked as ever.
"""

import ssl
from functools import lru_cache

from knect.sdk.errors import Fatal

__all__ = ["trusting"]

_PATH = "config.certificateAuthority"


@lru_cache(maxsize=32)  # a Connection has several clients
def trusting(authority: str) -> ssl.SSLContext:
    """Return what trusts certificates of an authority, given as PEM, beside the system's own.

    Raises Fatal for what is none; the text is not repeated, for it may be a key by mistake.
    """
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError):
        raise Fatal(
            f"{_PATH} is no certificate; give it as PEM, the text from -----BEGIN CERTIFICATE-----"
            " to -----END CERTIFICATE-----",
            path=_PATH,
        ) from None
    return context
