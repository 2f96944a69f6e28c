"""The pages that are looked at: each is a question or two, and a template.

Must not: write, or make a sentence that the command line does not have.
"""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from knect.api.fields import Duration
from knect.console.view import Drawing, Opening, View
from knect.gateway import Refusal
from knect.gateway.answers import Sums
from knect.gateway.bounds import flag, row_or_instant, text, texts
from knect.gateway.questions import DETAILED
from knect.ledger.instants import to_us
from knect.ledger.questions.explaining import FIGURES
from knect.ledger.questions.listing import Which
from knect.people.explaining import figure
from knect.people.sentences import never_seen
from knect.seams import Clock

__all__ = ["Pages"]

#: So many causes, values and warnings are a page.
_RECENT, _MOST = 8, 200
#: Calls are counted over one of these; the first where nothing is said.
_SPANS = ("1h", "1d", "7d")
#: So many transactions are one.
_ROWS = 100
#: A picture of ours has its style within itself, and needs nothing else.
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class Pages:
    """Answers with pages about what `opening` opens."""

    def __init__(self, opening: Opening, view: View, clock: Clock, drawing: Drawing | None) -> None:
        self._opening = opening
        self._view = view
        self._clock = clock
        self._drawing = drawing

    async def home(self, _request: Request) -> Response:
        """Return the search box, and below it what is stopped."""
        async with self._opening() as source:
            groups = await source.stuck(None, limit=_RECENT)
            sums = await source.status(None)
        return self._view.page("home.html", groups=groups, sums=sums, whole=_whole(sums))

    async def find(self, request: Request) -> Response:
        """Return where a key leads, or until when it was never seen."""
        key = (text(request.query_params, "key") or "").strip()
        if not key:
            raise Refusal(
                400, "say what to find: an order number, an e-mail, a SKU, a document, an id"
            )
        async with self._opening() as source:
            found = await source.find(key)
        if found.items:
            return self._view.page("found.html", searched=key, found=found, detailed=DETAILED)
        lines = never_seen(key, found.feeds, self._clock.now(), found.forgotten, found.like)
        return self._view.page(
            "never_seen.html", status=404, searched=key, lines=lines, like=found.like
        )

    async def listed(self, request: Request) -> Response:
        """Return the transactions that the address says, and a form that makes such an address."""
        query = request.query_params
        which = Which(
            pipeline=text(query, "pipeline") or None,
            fates=tuple(filter(None, [text(query, "fate")])),
            because=(text(query, "because") or "").strip() or None,
            stopped=flag(query, "stopped"),
            replaced=flag(query, "replaced"),
            since_us=row_or_instant(query, "since_us"),
            before=row_or_instant(query, "before"),
        )
        async with self._opening() as source:
            found = await source.listed(which, limit=_ROWS)
            sums = await source.status(None)
        asked = {name: value for name, value in query.items() if name != "before" and value}
        older = urlencode({**asked, "before": found.items[-1].seq}) if found.truncated else None
        return self._view.page(
            "list.html", which=which, found=found, sums=sums, older=older, newest=urlencode(asked)
        )

    async def transaction(self, request: Request) -> Response:
        """Return all that is known of one transaction."""
        identifier: str = request.path_params["id"]
        texts(identifier)
        async with self._opening() as source:
            shown = await source.show(identifier, payload=flag(request.query_params, "payload"))
        if shown.one is None:
            return self._view.page("several.html", items=shown.several, identifier=identifier)
        return self._view.page("transaction.html", one=shown.one, shown=shown)

    async def problems(self, request: Request) -> Response:
        """Return what is stopped, by cause."""
        pipeline = text(request.query_params, "pipeline") or None
        async with self._opening() as source:
            groups = await source.stuck(pipeline, limit=_MOST)
        return self._view.page("problems.html", groups=groups, pipeline=pipeline)

    async def pipelines(self, _request: Request) -> Response:
        """Return the sum of each pipeline, and until when its source is read."""
        async with self._opening() as source:
            sums = await source.status(None)
        return self._view.page("pipelines.html", sums=sums, most=_MOST)

    async def connections(self, request: Request) -> Response:
        """Return how each Connection is: what it answered, what hangs on it."""
        span = text(request.query_params, "since") or _SPANS[0]
        if span not in _SPANS:
            raise Refusal(400, f"calls are counted since {', '.join(_SPANS)} ago")
        now = self._clock.now()
        since_us = to_us(now - Duration.read(span).delta)
        async with self._opening() as source:
            answer = await source.connections(since_us)
        return self._view.page(
            "connections.html", items=answer.items, since_us=since_us, span=span, spans=_SPANS
        )

    async def unmapped(self, _request: Request) -> Response:
        """Return the values that somebody has to say the meaning of."""
        async with self._opening() as source:
            values = await source.unmapped(limit=_MOST)
        return self._view.page("unmapped.html", values=values)

    async def activity(self, _request: Request) -> Response:
        """Return who did what."""
        async with self._opening() as source:
            done = await source.activity(limit=_MOST)
        return self._view.page("activity.html", done=done)

    async def explain(self, request: Request) -> Response:
        """Return why the shop says seven; without a SKU, what to ask for."""
        sku = (text(request.query_params, "sku") or "").strip()
        if not sku:
            return self._view.page("explain.html", sku="", figures=[], lines=[])
        async with self._opening() as source:
            known = await source.explain(sku)
        now = self._clock.now()
        figures = [figure(one, known.feeds, now) for one in known.items]
        feeds = [feed for feed in known.feeds if feed.entity in FIGURES]
        lines = [] if figures else never_seen(f"A stock or price of {sku}", feeds, now)
        return self._view.page(
            "explain.html",
            status=200 if figures else 404,
            sku=sku,
            figures=figures,
            lines=lines,
        )

    async def map(self, _request: Request) -> Response:
        """Return the page with the picture."""
        self._drawn()
        return self._view.page("map.html")

    async def drawing(self, _request: Request) -> Response:
        """Return the picture of what is connected."""
        draw = self._drawn()
        return Response(
            await draw(),
            media_type="image/svg+xml",
            headers={"Content-Security-Policy": _PICTURE},
        )

    def _drawn(self) -> Drawing:
        if self._drawing is None:
            raise Refusal(404, "nothing was run in this folder yet: name files with -f")
        return self._drawing


def _whole(sums: Sums) -> bool:
    return all(one.balanced for one in sums.sums) and not sums.warnings
