"""What a person does: first the count and a question, then the deed, then a page that can be read
again without doing it again.

Must not: do anything on a GET, or more than was counted without a word.
"""

from collections import OrderedDict
from itertools import count
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from knect.console.view import Opening, View
from knect.gateway import Refusal
from knect.gateway.answers import Mapping, Wish
from knect.gateway.bounds import content_of, text, texts
from knect.gateway.wishes import ASK_ABOVE, VERBS
from knect.model import Edit
from knect.people.sentences import deed, meaning
from knect.people.source import Source

__all__ = ["Acting"]

#: So many deeds can be read again.
_KEPT = 200
#: So many of what is meant are said in words.
_NAMED = 3
#: What a count is asked with where a reason is asked for only afterwards.
_COUNTING = "counting"
#: What it is asked with where the field is, too.
_ANY_EDIT = Edit(path="note", value="")


class Deed(Struct, frozen=True, kw_only=True):
    """What was done, and where to look next."""

    sentence: str
    ids: list[str]
    back: str


class Acting:
    """Asks, acts and tells."""

    def __init__(self, opening: Opening, view: View) -> None:
        self._opening = opening
        self._view = view
        self._numbers = count(1)
        self._deeds: OrderedDict[int, Deed] = OrderedDict()

    async def asked(self, request: Request) -> Response:
        """Return how many a wish means, and a button."""
        verb, wish = _wish(dict(request.query_params))
        async with self._opening() as source:
            meant = await _counted(source, verb, wish)
            named = await source.find(wish.words[0]) if wish.words else None
        return self._view.page(
            "act.html",
            verb=verb,
            wish=wish,
            count=meant,
            many=meant > ASK_ABOVE,
            needs_reason=verb in ("approve", "edit", "skip"),
            path=text(request.query_params, "path") or "",
            named=_named(wish),
            found=named.items[:_NAMED] if named else [],
        )

    async def done(self, request: Request) -> Response:
        """Do it."""
        said = await _form(request)
        verb, wish = _wish(said)
        async with self._opening() as source:
            if await _counted(source, verb, wish) > _shown(said):
                raise Refusal(409, "nothing was done: there are more by now; count them again")
            done = await source.act(verb, structs.replace(wish, yes=said.get("yes") == "true"))
        back = f"/find?{urlencode({'key': wish.words[0]})}" if wish.words else "/problems"
        return self._tell(Deed(sentence=deed(verb, done), ids=done.ids, back=back))

    async def mapped(self, request: Request) -> Response:
        """Say what a value means."""
        said = await _form(request)
        wish = Mapping(
            kind=said.get("kind", ""),
            value=said.get("value", ""),
            mapped=said.get("mapped", "").strip(),
            destination=said.get("destination") or None,
            reason=said.get("reason", "").strip() or None,
        )
        texts(wish.kind, wish.value, wish.mapped, wish.destination, wish.reason)
        async with self._opening() as source:
            done = await source.map_value(wish)
        return self._tell(Deed(sentence=meaning(wish, done), ids=[], back="/unmapped"))

    async def told(self, request: Request) -> Response:
        """Return what was done; a page that is read again does nothing."""
        found = self._deeds.get(request.path_params["number"])
        if found is None:
            raise Refusal(404, "what was done is in the story of each transaction; look there")
        return self._view.page("done.html", deed=found)

    def _tell(self, done: Deed) -> Response:
        number = next(self._numbers)
        self._deeds[number] = done
        while len(self._deeds) > _KEPT:
            self._deeds.popitem(last=False)
        return RedirectResponse(f"/done/{number}", 303)


async def _counted(source: Source, verb: str, wish: Wish) -> int:
    counting = structs.replace(wish, dry_run=True, reason=wish.reason or _COUNTING)
    if verb == "edit" and not wish.edits:
        counting = structs.replace(counting, edits=(_ANY_EDIT,))
    return (await source.act(verb, counting)).count


def _shown(said: dict[str, str]) -> int:
    """Return how many the person was shown; more are not meant."""
    count = said.get("count", "")
    return int(count) if count.isascii() and count.isdecimal() and len(count) < 12 else 0


async def _form(request: Request) -> dict[str, str]:
    body = await content_of(request)
    try:
        return dict(parse_qsl(body.decode(), strict_parsing=True, keep_blank_values=True))
    except ValueError:
        raise Refusal(400, "nothing was done: the form is not what a page of ours sends") from None


def _wish(said: dict[str, str]) -> tuple[str, Wish]:
    verb = said.get("verb", "")
    if verb not in VERBS:
        raise Refusal(400, f"say what to do: {', '.join(VERBS)}")
    word = text(said, "word") or None
    wish = Wish(
        words=(word,) if word else (),
        because=text(said, "because") or None,
        pipeline=text(said, "pipeline") or None,
        reason=(text(said, "reason") or "").strip() or None,
        edits=_edits(said),
        as_then=said.get("as_then") == "true",
    )
    return verb, wish


def _edits(said: dict[str, str]) -> tuple[Edit, ...]:
    """Return what the form sets; the question before it sets nothing yet."""
    path, value = (text(said, "path") or "").strip(), text(said, "value")
    if value is None:
        return ()
    return (Edit(path=path, value=None if said.get("clear") == "true" else value),)


def _named(wish: Wish) -> str:
    """Return what a wish names, for the button's page."""
    parts = [f"{wish.words[0]}"] if wish.words else []
    parts += [f"all that stopped for {wish.because}"] if wish.because else []
    parts += [f"of {wish.pipeline}"] if wish.pipeline else []
    return " ".join(parts)
