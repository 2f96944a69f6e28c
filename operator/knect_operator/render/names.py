"""Names of the objects the operator makes: from what they serve, never by chance.

Why: a name that is a function of the declared object makes every apply repeatable. Object names
reach 253 characters while labels and pods' host names end at 63, so long ones keep their beginning
and get a hash. Must not: be changed; a changed name orphans what runs.
"""

import hashlib

__all__ = ["ReceiverName", "UnitName", "job_name", "label_value", "short", "unit_name"]

_SERVED = "receiver"
_LONGEST = 52  # room for what controllers append to the names of pods


def short(name: str, role: str, most: int = _LONGEST) -> str:
    """Return `name-role` in at most `most` characters, still unique; no dots."""
    plain = name.replace(".", "-")
    if role == _SERVED and plain[0].isdigit():
        plain = f"c-{plain}"  # a Service's name begins with a letter (DNS-1035)
    whole = f"{plain}-{role}"
    if len(whole) <= most and plain == name:
        return whole
    mark = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    kept = plain[: most - len(role) - len(mark) - 2].rstrip("-")
    return f"{kept}-{mark}-{role}"


def label_value(name: str) -> str:
    """Return a name as a label's value: itself if it fits, else cut with a hash."""
    if len(name) <= 63:
        return name
    mark = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[:54].rstrip('-.')}-{mark}"


class UnitName(str):
    """The name of a worker and of everything that belongs to it."""

    __slots__ = ()


class ReceiverName(str):
    """The name of a Connection's webhook receiver."""

    __slots__ = ()

    @classmethod
    def of(cls, connection: str) -> "ReceiverName":
        """Return the receiver of a Connection."""
        return cls(short(connection, _SERVED))


def unit_name(pipeline: str, group: str | None) -> UnitName:
    """Return the worker that runs a pipeline: its group's, or one of its own."""
    return UnitName(short(group, "group") if group else short(pipeline, "worker"))


def job_name(subject: str, role: str, token: str) -> str:
    """Return the name of a Job: the same request always has the same name."""
    mark = hashlib.blake2b(token.encode(), digest_size=5).hexdigest()
    return f"{short(subject, role, _LONGEST - len(mark) - 1)}-{mark}"
