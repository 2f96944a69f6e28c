"""What went wrong while a connection was being encrypted, and who can mend it.

Why: OpenSSL's own words name no side to act, and aiohttp says nothing at all of an end that hangs
up in the handshake, as one does that speaks only an older TLS.
Must not: decide whether a certificate is good.
"""

import ssl

__all__ = ["is_of_tls", "words_of_tls"]

_RENEW = "it has to be renewed there"
_TRUST = (
    "if the authority is your own, give it in the Connection's config.certificateAuthority, or for"
    " all of them name a file with it and the public ones in SSL_CERT_FILE where Knect runs"
)
_NAME = "correct the address in the Connection's config, or the certificate there"
#: By OpenSSL's number of what a certificate fails on.
_ADVICE = {
    9: "it is not good yet: see whether a clock is wrong",
    10: _RENEW,
    18: _TRUST,
    19: _TRUST,
    20: _TRUST,
    21: _TRUST,
    62: _NAME,
    64: _NAME,
}
_OLDER = "see whether TLS 1.2 or later is spoken at this port"


def is_of_tls(error: BaseException) -> bool:
    """Tell whether an error of connecting came after the connection was made: the other end ended
    it in the handshake. Before that an end refuses; it cannot reset.
    """
    return isinstance(getattr(error, "os_error", None), ConnectionResetError)


def words_of_tls(error: BaseException) -> str:
    """Return what happened, and what to do."""
    below = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(below, ssl.SSLCertVerificationError):
        advice = _ADVICE.get(below.verify_code, "see to the certificate there")
        return f"{below.verify_message.rstrip('.')}; {advice}"
    if isinstance(below, ssl.SSLError):
        return f"{below.reason or below.strerror or 'no handshake'}; {_OLDER}"
    return f"the other end hung up in the handshake; {_OLDER}"
