"""The console as an application: routes, who may, and how a failure is told.

Why: whatever goes wrong, a person reads a sentence on a page, with what to do next; and no page
leaves without the headers that keep it to itself. Must not: know what a page shows.
"""

import asyncio
import logging
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from knect.console.acting import Acting
from knect.console.guard import ENTRANCE, Answer, Guard, sealed
from knect.console.pages import Pages
from knect.console.view import Drawing, Opening, View
from knect.gateway import Refusal
from knect.ledger import LedgerError
from knect.seams import Clock

__all__ = ["Console"]

_log = logging.getLogger("knect.console")

#: A page that takes longer says so: whoever waits for it will only ask again.
_SECONDS = 60.0


class Console:
    """Serves the pages of one source. `whom` is what the pages call it."""

    def __init__(
        self, opening: Opening, clock: Clock, *, whom: str, drawing: Drawing | None = None
    ) -> None:
        self.guard = Guard()
        self._view = View(whom, clock, has_map=drawing is not None)
        self._pages = Pages(opening, self._view, clock, drawing)
        self._acting = Acting(opening, self._view)

    def application(self) -> Starlette:
        """Return what is served."""
        pages, acting = self._pages, self._acting
        looked_at: dict[str, Answer] = {
            "/": pages.home,
            "/find": pages.find,
            "/transactions": pages.listed,
            "/transactions/{id}": pages.transaction,
            "/problems": pages.problems,
            "/pipelines": pages.pipelines,
            "/connections": pages.connections,
            "/unmapped": pages.unmapped,
            "/activity": pages.activity,
            "/explain": pages.explain,
            "/map": pages.map,
            "/map.svg": pages.drawing,
            "/act": acting.asked,
            "/done/{number:int}": acting.told,
        }
        done: dict[str, Answer] = {"/act": acting.done, "/unmapped": acting.mapped}
        routes: list[Route | Mount] = [
            Route(path, self._guarded(answer), methods=["GET"])
            for path, answer in looked_at.items()
        ]
        routes += [
            Route(path, self._guarded(answer), methods=["POST"]) for path, answer in done.items()
        ]
        routes.append(Route(ENTRANCE, self._told(self.guard.enter), methods=["GET"]))
        # Nothing in there is anybody's: a page that turns somebody away wants its looks, too.
        routes.append(Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")))
        return Starlette(routes=routes, exception_handlers={HTTPException: self._no_such_page})

    def _guarded(self, answer: Answer) -> Answer:
        return self._told(lambda request: self.guard.passed(request, answer))

    def _told(self, answer: Answer) -> Answer:
        """Return what answers with a page, also where it cannot."""

        async def told(request: Request) -> Response:
            try:
                async with asyncio.timeout(_SECONDS):
                    return sealed(await answer(request))
            except Refusal as refusal:
                return self._refused(str(refusal), refusal.status)
            except LedgerError as error:
                return self._refused(str(error), 503)
            except TimeoutError:
                said = f"no answer within {_SECONDS:.0f} s"
                if request.method == "POST":
                    said += "; it may still be done, look before you ask again"
                return self._refused(said, 504)
            except Exception as error:  # noqa: BLE001 - whatever it is, a page has a sentence
                _log.error("a page failed", exc_info=error)
                return self._refused(f"the console itself failed: {type(error).__name__}", 500)

        return told

    def _refused(self, sentence: str, status: int) -> Response:
        # Also for who may not look: not even what it is about.
        return sealed(
            self._view.page("refused.html", status=status, sentence=sentence, whom="console")
        )

    async def _no_such_page(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._refused("there is no such page here", error.status_code)
