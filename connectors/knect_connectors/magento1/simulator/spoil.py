"""What old PHP does to an answer on a bad day: notices before the XML, pages, bombs, faults.

Must not: change the shop; whether something was done is the caller's to decide.
"""

from collections.abc import Callable, Mapping

from knect.sdk.testing import Answer
from knect_connectors.magento1.xmlrpc import Fault, write_fault

__all__ = ["SPOILS", "spoil"]

_NOTICE = (
    b"<br />\n<b>Notice</b>:  Undefined index: tax_class_id in"
    b" <b>/var/www/shop/app/code/core/Mage/Tax/Model/Config.php</b> on line <b>412</b><br />\n"
)
_FATAL = (
    b"<br />\n<b>Fatal error</b>:  Allowed memory size of 268435456 bytes exhausted (tried to"
    b" allocate 32 bytes) in <b>/var/www/shop/lib/Zend/Db/Statement/Pdo.php</b> on line"
    b" <b>228</b><br />\n"
)
_REPORT = (
    b"<!DOCTYPE html><html><head><title>There has been an error processing your request</title>"
    b"</head><body><p>Error log record number: 96281530412</p></body></html>"
)
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(
        b'<!ENTITY lol%d "%s">' % (n, b"&lol%s;" % (b"" if n == 1 else b"%d" % (n - 1)) * 10)
        for n in range(1, 10)
    )
    + b"]><methodResponse><params><param><value><string>&lol9;</string></value></param></params>"
    b"</methodResponse>"
)
_EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><methodResponse>'
    b"<params><param><value><string>&f;</string></value></param></params></methodResponse>"
)
_DEADLOCK = (
    "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock; try"
    " restarting transaction"
)


def _html(body: bytes) -> Answer:
    return Answer(body=body, headers={"Content-Type": "text/html; charset=UTF-8"})


def _fault(code: int, message: str) -> Answer:
    body = write_fault(Fault(code=code, message=message))
    return Answer(body=body, headers={"Content-Type": "text/xml; charset=UTF-8"})


def _with(answer: Answer, body: bytes) -> Answer:
    return Answer(status=200, headers=answer.headers, body=body, key=answer.key,
                  committed=answer.committed)  # fmt: skip


#: Kind -> what the answer becomes. Those of `BEFORE` come instead of doing anything.
SPOILS: Mapping[str, Callable[[Answer], Answer]] = {
    "notice": lambda answer: _with(answer, _NOTICE + answer.body),
    "fatal": lambda answer: _with(answer, answer.body[: len(answer.body) // 2] + _FATAL),
    "memory": lambda answer: _html(_FATAL),  # noqa: ARG005 - one of a table
    "report": lambda answer: _html(_REPORT),  # noqa: ARG005 - one of a table
    "bomb": lambda answer: _with(answer, _BOMB),
    "external": lambda answer: _with(answer, _EXTERNAL),
    "deadlock": lambda answer: _fault(1, _DEADLOCK),  # noqa: ARG005 - one of a table
    "empty": lambda answer: _with(answer, b""),
}
#: Nothing is done when one of these comes.
BEFORE = frozenset({"memory", "report", "deadlock"})


def spoil(kind: str, answer: Answer) -> Answer:
    """Return the answer as it comes on that kind of day. Raises KeyError."""
    return SPOILS[kind](answer)
