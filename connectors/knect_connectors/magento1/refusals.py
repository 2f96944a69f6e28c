"""What Magento's faults and broken pages mean: one error of the SDK each, in a sentence.

Why: everything comes with status 200: a fault, a page of the web server, a notice of PHP before
the answer, half an answer. Must not: call the shop.
"""

import re
from html import unescape

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    Refused,
    ScopeMissing,
    UnexpectedAnswer,
)
from knect_connectors.magento1.xmlrpc import Fault

__all__ = [
    "EXPIRED",
    "TOO_MUCH",
    "error_of_fault",
    "error_of_page",
    "login_refused",
    "words_of_page",
]

EXPIRED = 5
#: Code of an error that a smaller question may not meet.
TOO_MUCH = "MemoryExhausted"

_WORDS = 200
_TAG = re.compile(r"<[^>]*>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_PHP = re.compile(
    r"(?:Fatal error|Parse error|Warning|Notice|Deprecated)\s*(?:</b>)?\s*:.*?"
    r"(?:on line\s*(?:<b>)?\d+|$)",
    re.DOTALL,
)
_CONFIGURATION = {
    3: "the shop does not know this call; the module that has it is switched off, or the Magento"
    " is older",
    4: "the shop knows this call and cannot make it; look into its exception.log",
    620: "no such method at this address: config.path must lead to Magento's XML-RPC API",
    623: "the shop's API takes other arguments; it may be another product",
}


def words_of_page(body: bytes) -> str:
    """Return what a page says, in one line: PHP's own error, else its title."""
    text = body[:20_000].decode("utf-8", "replace")
    for pattern in (_PHP, _TITLE):
        if found := pattern.search(text):
            text = found[found.lastindex or 0]
            break
    return " ".join(unescape(_TAG.sub(" ", text)).split())[:_WORDS]


def error_of_page(where: str, body: bytes) -> UnexpectedAnswer:
    """Return the error for a body that is no XML-RPC; `where` is host and call."""
    if not body.strip():
        return UnexpectedAnswer(
            f"{where} was answered with nothing; PHP ended there, see the shop's error log"
        )
    words = words_of_page(body)
    if "Allowed memory size" in words:
        return UnexpectedAnswer(
            f"{where}: the shop ran out of memory while answering: {words}", code=TOO_MUCH
        )
    return UnexpectedAnswer(
        f"{where} was answered with a page instead of XML: {words or 'without words'}; a login"
        " page, a firewall, maintenance or an error of PHP may stand in between"
    )


def error_of_fault(where: str, fault: Fault) -> ConnectorError:
    """Return the error for a fault; `where` is host and call."""
    words = " ".join(unescape(fault.message).split())[: _WORDS * 2]
    sentence = f"{where}: {words or 'a fault without words'}"
    code = str(fault.code)
    match fault.code:
        case 0 | 1:
            return UnexpectedAnswer(f"{sentence} (fault {code})", code=code)
        case 2:
            return ScopeMissing(
                f"{sentence} The role of the API user lacks the right to it; add it under System >"
                " Web Services > SOAP/XML-RPC - Roles",
                code=code,
            )
        case _ if advice := _CONFIGURATION.get(fault.code):
            return Fatal(f"{sentence} ({advice})", code=code)
        case _ if fault.code == EXPIRED:
            return UnexpectedAnswer(sentence, code=code, could_have_been_seen=False)
        case _ if 600 <= fault.code < 700:
            return UnexpectedAnswer(f"{sentence} (fault {code})", code=code)
    return Refused(sentence, code=code)


def login_refused(where: str, fault: Fault) -> ConnectorError:
    """Return the error for a fault at log-in."""
    if fault.code in (2, 6):
        return CredentialsRejected(
            f"{where} does not accept apiUser and apiKey; renew them in the Connection's Secret, or"
            " activate the user under System > Web Services",
            code=str(fault.code),
        )
    return error_of_fault(where, fault)
