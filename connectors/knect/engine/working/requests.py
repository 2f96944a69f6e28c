"""What people ask a worker to do, as values: retry, approve, edit, skip, replay, set a value.

Why: on SQLite one process writes, so the CLI hands its wish to the worker when one lives and
carries it out itself when none does; both run this same function.
Must not: trust a selector to be small; the count comes back before and after.
"""

from typing import Any

from msgspec import Struct

from knect.api.reasons import Reason
from knect.ledger import OPEN, Connection, Fate
from knect.ledger.actions import (
    approve,
    note_action,
    retry,
    select_transactions,
    skip,
)
from knect.ledger.anew import edit, replay
from knect.ledger.fates import ENDED
from knect.ledger.goods import goods_of, let_go
from knect.ledger.values import set_value
from knect.model import Edit, paths_of
from knect.seams import IdSource

__all__ = ["HELD_BY_RULE", "MOST_IDS", "Request", "perform"]

#: So many transactions are changed in one commit: others write in between, and leases are renewed.
_AT_ONCE = 5_000
#: So many new ones are named; the rest is counted.
MOST_IDS = 100

#: What a person can let pass.
HELD_BY_RULE = (Reason.NEEDS_APPROVAL.value, Reason.ADMIT_WAIT.value)


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One wish: retry, approve, edit, skip, replay or map. A selector's parts are joined by *and*.

    What is meant is done in parts, each of them past the row `after` and up to the row `until`.
    """

    verb: str
    actor: str
    reason: str | None = None
    ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    because: str | None = None
    pipeline: str | None = None
    dry_run: bool = False
    after: int = 0
    until: int | None = None
    destination: str = ""
    kind: str = ""
    value: str = ""
    mapped: str = ""
    edits: tuple[Edit, ...] = ()
    as_read: bool = False
    as_then: bool = False

    @property
    def selector(self) -> str:
        """Return what was asked for, as text for the record of actions."""
        parts = [*self.ids, *self.keys]
        parts += [f"reason={self.because}"] if self.because else []
        parts += [f"pipeline={self.pipeline}"] if self.pipeline else []
        if self.verb == "edit":
            parts += ["as read"] if self.as_read else []
            parts += [f"set {paths_of(self.edits)}"] if self.edits else []
        parts += ["as then"] if self.as_then else []
        if self.verb == "map":
            parts = [f"{self.kind} {self.value}={self.mapped} at {self.destination}"]
        return " ".join(parts) or "all"


def perform(
    connection: Connection, request: Request, *, now_us: int, new_id: IdSource
) -> dict[str, Any]:
    """Carry out a wish, or the next part of it, and return what it did.

    `count` transactions; `last`, the row after which to go on, 0 if nothing was left; of new ones
    the first `ids`. A dry run counts all, and its `last` is the last row that is meant.
    """
    if request.verb == "map":
        woke = set_value(
            connection,
            destination=request.destination,
            kind=request.kind,
            value=request.value,
            mapped=request.mapped,
            actor=request.actor,
            now_us=now_us,
        )
        note_action(
            connection,
            verb=request.verb,
            selector=request.selector,
            actor=request.actor,
            reason=request.reason,
            count=woke,
            now_us=now_us,
        )
        return {"count": woke}
    named = request.verb == "edit" and (request.ids or request.keys)
    fates = tuple(Fate) if request.verb == "replay" or named else (*OPEN, Fate.REJECTED)
    fates = ENDED if request.as_then else fates
    seqs = select_transactions(
        connection,
        ids=request.ids,
        keys=request.keys,
        reasons=_reasons(request),
        pipeline=request.pipeline,
        fates=fates,
        after=request.after,
        until=request.until,
        limit=None if request.dry_run else _AT_ONCE,
        editable=request.verb == "edit",
        edited=request.as_read and not request.edits,
        mapped=request.as_then,
    )
    last = seqs[-1] if seqs else 0
    if request.dry_run or not seqs:
        return {"count": len(seqs), "last": last}
    who = {"selector": request.selector, "actor": request.actor, "now_us": now_us}
    if request.verb == "retry":
        count = retry(connection, seqs, reason=request.reason, **who)  # type: ignore[arg-type]
    elif request.verb == "approve":
        count = approve(connection, seqs, reason=request.reason or "", **who)  # type: ignore[arg-type]
    elif request.verb == "skip":
        goods = goods_of(connection, seqs)
        count = skip(connection, seqs, reason=request.reason or "", **who)  # type: ignore[arg-type]
        let_go(connection, goods, new_id=new_id, now_us=now_us)
    elif request.verb == "edit":
        count, made = edit(
            connection, seqs, edits=request.edits, as_read=request.as_read, new_id=new_id,
            reason=request.reason or "", **who,  # type: ignore[arg-type]
        )  # fmt: skip
        return {"count": count, "last": last, "ids": made[:MOST_IDS]}
    else:
        count, made = replay(
            connection, seqs, as_then=request.as_then, new_id=new_id, reason=request.reason,
            **who,  # type: ignore[arg-type]
        )  # fmt: skip
        return {"count": count, "last": last, "ids": made[:MOST_IDS]}
    return {"count": count, "last": last}


def _reasons(request: Request) -> tuple[str, ...]:
    """Return the reasons meant; approving means what a rule holds, and nothing else."""
    if request.because is not None:
        return (request.because,)
    return HELD_BY_RULE if request.verb == "approve" else ()
