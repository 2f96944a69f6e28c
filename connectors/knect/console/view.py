"""Pages from templates: what every page knows, and what no text on one can do.

Why: names, notes and answers come from systems of others. Every text is escaped, and what only
steers is written out. Must not: mark a text as safe, or hold anything of a person.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import msgspec
from markupsafe import Markup
from starlette.responses import HTMLResponse

from knect.console.waterfall import WIDTH, waterfall
from knect.ledger.again import is_edited
from knect.ledger.fates import HOLDING, Fate
from knect.ledger.instants import to_us
from knect.ledger.questions.explaining import FIGURES
from knect.people import times
from knect.people.connections import (
    budget_left,
    ended_so,
    how_fast,
    now_of,
    trouble,
    webhooks_came,
    written_by,
)
from knect.people.sentences import (
    can_be_edited,
    can_be_mapped,
    culprit_path,
    headline,
    next_steps,
    nobody_takes,
    read_until,
    reading_fails,
    why,
)
from knect.people.source import Source
from knect.people.texts import visible
from knect.people.traces import trace_url
from knect.seams import Clock

__all__ = ["Drawing", "Opening", "View"]

#: Opens whom the pages ask.
Opening = Callable[[], AbstractAsyncContextManager[Source]]
#: Returns the picture of what is connected, as SVG.
Drawing = Callable[[], Awaitable[str]]

#: fate -> its mark: a colour alone tells nobody who does not see it.
_MARKS = {
    Fate.DELIVERED: "✔",
    Fate.UNCHANGED: "✔",
    Fate.ECHO: "✔",
    Fate.SKIPPED: "○",
    Fate.SUPERSEDED: "○",
    Fate.REJECTED: "✗",
    Fate.WAITING: "◎",
    Fate.UNKNOWN: "?",
    Fate.IN_FLIGHT: "▷",
}


class View:
    """Renders pages. `whom` is what they are about; `has_map` whether there is a drawing."""

    def __init__(self, whom: str, clock: Clock, *, has_map: bool) -> None:
        self._clock = clock
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_harmless,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "whom": whom,
            "has_map": has_map,
            "headline": headline,
            "why": why,
            "next_steps": next_steps,
            "nobody_takes": nobody_takes,
            "read_until": read_until,
            "reading_fails": reading_fails,
            "now_of": now_of,
            "trouble": trouble,
            "ended_so": ended_so,
            "how_fast": how_fast,
            "written_by": written_by,
            "webhooks_came": webhooks_came,
            "budget_left": budget_left,
            "clock": times.clock,
            "ago": times.ago,
            "absolute": times.absolute,
            "trace_url": trace_url,
            "waterfall": waterfall,
            "can_be_edited": can_be_edited,
            "can_be_mapped": can_be_mapped,
            "culprit_path": culprit_path,
            "is_edited": is_edited,
            "width": WIDTH,
            "fates": tuple(Fate),
            "holding": HOLDING,
            "figures": FIGURES,
        }
        self._templates.filters |= {
            "mark": lambda fate: _MARKS[Fate(fate)],
            "words": lambda name: name.replace("_", " "),
            "indented": msgspec.json.format,
            "in_path": lambda text: quote(text, safe=""),
        }

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page."""
        now = self._clock.now()
        known = {"now": now, "now_us": to_us(now), "searched": "", **values}
        return HTMLResponse(
            self._templates.get_template(template).render(**known), status_code=status
        )


def _harmless(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
