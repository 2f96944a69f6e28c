"""The wishes: retry, approve, edit, replay, skip, and what a value means; first the count.

Why: how many something means, and that more than a hundred are never meant by accident, is decided
in one place, whoever asks. Must not: act without the name of a person.
"""

import shlex
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import structs

from knect.engine.working.requests import MOST_IDS, Request
from knect.gateway.answers import Done, Mapped, Mapping, Wish
from knect.gateway.refusal import Refusal
from knect.ledger import Ledger
from knect.ledger.questions.queries import show
from knect.ledger.questions.waits import waited_for_at
from knect.model import EditError, steps_of

__all__ = ["ASK_ABOVE", "VERBS", "Carry", "act", "check", "map_value"]

#: More than so many are affected only by who says that it is meant.
ASK_ABOVE = 100
VERBS = ("approve", "edit", "replay", "retry", "skip")
_SHORTEST_ID = 8
_NOT_EDITED = " (stock, prices and deletions are not edited)"
_NOT_AS_THEN = " (as then goes what has ended, and came as far as being mapped)"
_SAY_WHY = {
    "skip": "what is skipped is ended for good",
    "approve": "what a rule holds is sent on your word",
    "edit": "what is written is not what the source said, on your word",
}

#: Carries a request out, where the ledger can be written.
Carry = Callable[[Request], Awaitable[dict[str, Any]]]


async def act(book: Ledger, verb: str, wish: Wish, *, actor: str, carry: Carry) -> Done:
    """Do it, or only count. Raises Refusal: nothing is named, nothing is there, or too much."""
    check(verb, wish)
    ids, keys = await _told_apart(book, wish.words)
    request = Request(
        verb=verb,
        actor=actor,
        reason=wish.reason,
        ids=ids,
        keys=keys,
        because=wish.because,
        pipeline=wish.pipeline,
        dry_run=True,
        edits=wish.edits,
        as_read=wish.as_read,
        as_then=wish.as_then,
    )
    counted = await carry(request)
    count = counted["count"]
    if count == 0:
        look = f"knect find {shlex.quote(wish.words[0])}" if wish.words else "knect stuck"
        but = _NOT_EDITED if verb == "edit" else _NOT_AS_THEN if wish.as_then else ""
        raise Refusal(404, f"nothing to {verb} there{but}; see how it stands:  {look}")
    if wish.dry_run:
        return Done(count=count)
    if count > ASK_ABOVE and not wish.yes:
        raise Refusal(400, f"{count} transactions would be affected; add --yes if that is meant")
    return await _in_parts(structs.replace(request, dry_run=False, until=counted["last"]), carry)


async def _in_parts(request: Request, carry: Carry) -> Done:
    """Carry out a wish, part after part, up to the last row that was counted.

    Replayed ones are new rows of the same records: without a last row there would be no end.
    """
    count, ids, after = 0, list[str](), 0
    while True:
        done = await carry(structs.replace(request, after=after))
        count += done["count"]
        ids += done.get("ids", ())
        after = done["last"]
        if not after:
            return Done(count=count, ids=ids[:MOST_IDS])


def check(verb: str, wish: Wish) -> None:
    """Refuse what names nothing, or ends something without a word. Raises Refusal."""
    if not (wish.words or wish.because or wish.pipeline or wish.everything):
        raise Refusal(
            400, f"say what to {verb}: ids or keys, --because REASON, --pipeline NAME, or --all"
        )
    if verb in _SAY_WHY and not (wish.reason or "").strip():
        raise Refusal(400, f"say why (--reason TEXT): {_SAY_WHY[verb]}")
    if wish.as_then and verb != "replay":
        raise Refusal(400, f"only replay goes as then; {verb} goes as now")
    if verb != "edit":
        if wish.edits or wish.as_read:
            raise Refusal(400, f"only edit sets fields; {verb} leaves the record as it is")
    elif not (wish.edits or wish.as_read):
        raise Refusal(400, "say what to set: --set PATH=VALUE, e.g. lines[2].sku=KN-0099")
    for edit in wish.edits:
        try:
            steps_of(edit.path)
        except EditError as error:
            raise Refusal(400, error.message) from None


async def _told_apart(
    book: Ledger, words: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell ids from keys: a word that begins a transaction's id is an id."""
    ids: list[str] = []
    keys: list[str] = []
    for word in words:
        begins = word.lower().replace("-", "")
        found = (
            await book.read(lambda c, b=begins: show(c, b))  # type: ignore[misc]
            if len(begins) >= _SHORTEST_ID
            else []
        )
        if len(found) > 1:
            raise Refusal(400, f"several transactions begin with {word}; give more of the id")
        if found:
            ids.append(found[0].id)
        else:
            keys.append(word.removeprefix("#"))
    return tuple(ids), tuple(keys)


async def map_value(book: Ledger, wish: Mapping, *, actor: str, carry: Carry) -> Mapped:
    """Say what a value means; what waits goes on. Raises Refusal if it is not clear where."""
    destination = wish.destination
    if not (wish.kind and wish.value and wish.mapped):
        raise Refusal(
            400, "say what the value is and what it means: VALUE=OTHER, e.g. KN-99=KN-0099"
        )
    if destination is None:
        waiting = await book.read(lambda c: waited_for_at(c, wish.kind, wish.value))
        if len(waiting) != 1:
            known = ", ".join(waiting) or "none"
            raise Refusal(
                400,
                f"say for which Connection (--destination); {wish.kind} {wish.value} is waited "
                f"for at: {known}",
            )
        destination = waiting.pop()
    answer = await carry(
        Request(
            verb="map",
            actor=actor,
            reason=wish.reason,
            destination=destination,
            kind=wish.kind,
            value=wish.value,
            mapped=wish.mapped,
        )
    )
    return Mapped(destination=destination, woke=answer["count"])
