"""Whether a server's certificate is of the host that was meant.

Why: the driver's own check asks pyOpenSSL for what it no longer has, and knows no addresses; a
certificate that cannot be judged would be one that nobody has looked at.
Must not: accept a common name where the certificate lists names.
"""

from ipaddress import ip_address
from typing import Any

__all__ = ["is_of_host"]


def is_of_host(cert: Any, name: bytes) -> bool:
    """Return whether a certificate (pyOpenSSL's) is of a host, named or by its address."""
    from cryptography import x509  # noqa: PLC0415 - comes with pyOpenSSL, an extra

    certificate: x509.Certificate = cert.to_cryptography()
    wanted = name.decode("ascii", "replace").lower().rstrip(".")
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return any(_is_same(str(one.value).lower(), wanted) for one in common)
    try:
        address = ip_address(wanted)
    except ValueError:
        names = listed.get_values_for_type(x509.DNSName)
        return any(_is_same(one.lower(), wanted) for one in names)
    return address in listed.get_values_for_type(x509.IPAddress)


def _is_same(pattern: str, wanted: str) -> bool:
    """Return whether they are equal; `*.` stands for one label, never for a top-level domain's."""
    if pattern == wanted:
        return True
    _, _, rest = wanted.partition(".")
    return pattern.startswith("*.") and pattern[2:] == rest and "." in rest
