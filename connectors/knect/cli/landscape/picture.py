"""A landscape as an SVG picture: hubs on the right, the others on the left, a line for each flow.

Why a layout of our own: systems stand around a hub, so lines can be straight, in the order of
their names, and the picture of tomorrow differs from today's only in what has changed.
Must not: need a font, a script or a style sheet that is elsewhere.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from knect.cli.landscape.systems import Block, Flow, Health, Landscape, Pair, System, blocks

__all__ = ["to_svg"]

#: What a whole line is drawn for.
_MOVES = (Health.FLOWS, Health.PARTLY)
_INK, _FAINT, _BOX, _EDGE = "#0f172a", "#475569", "#f8fafc", "#94a3b8"

# in pixels
_MARGIN, _BOX_WIDTH, _LANE, _ROW, _GAP = 24, 220, 400, 56, 16
_WIDTH = 2 * _MARGIN + 2 * _BOX_WIDTH + _LANE
_LEFT, _RIGHT = _MARGIN + _BOX_WIDTH, _MARGIN + _BOX_WIDTH + _LANE
_LEGEND, _LETTER = 36, 8
#: So many letters of a name have room in a box, and of a label on a line.
_IN_BOX, _ON_LINE = 26, 52


def to_svg(landscape: Landscape) -> str:
    """Return the text of an SVG document."""
    parts: list[str] = []
    top = _MARGIN
    for block in blocks(landscape):
        parts += _block(block, top)
        top += _height(block) + _GAP
    for system in landscape.unused:
        parts += _box(system, _MARGIN, top, _ROW, unused=True)
        parts.append(_text(_LEFT + 12, top + 33, "no pipeline reads or writes it", _FAINT))
        top += _ROW + _GAP
    parts += _legend(top + 8)
    height = top + _LEGEND
    return "\n".join((*_head(height, landscape), *parts, "</svg>", ""))


def _head(height: int, landscape: Landscape) -> Iterator[str]:
    told = [
        f"{flow.name}, {flow.entity} from {flow.source} to {flow.destination}: {flow.standing}"
        for flow in landscape.flows
    ]
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13">'
    )
    yield f"<title>{escape('; '.join(told) or 'no pipeline')}</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield "<defs>"
    for health in Health:
        yield (
            f'<marker id="{health.name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
            f' markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z"'
            f' fill="{health.colour}"/></marker>'
        )
    yield "</defs>"


def _height(block: Block) -> int:
    return sum(_pair_height(pair) for pair in block.pairs) + _GAP * (len(block.pairs) - 1)


def _pair_height(pair: Pair) -> int:
    return _ROW * len(pair.flows)


def _block(block: Block, top: int) -> Iterator[str]:
    yield from _box(block.hub, _RIGHT, top, _height(block))
    for pair in block.pairs:
        yield from _box(pair.system, _MARGIN, top, _pair_height(pair))
        for row, flow in enumerate(pair.flows):
            yield from _line(flow, top + row * _ROW, to_hub=flow.destination == block.hub.name)
        top += _pair_height(pair) + _GAP


def _line(flow: Flow, top: int, *, to_hub: bool) -> Iterator[str]:
    colour, middle = flow.standing.health.colour, top + _ROW // 2
    start, end = (_LEFT, _RIGHT) if to_hub else (_RIGHT, _LEFT)
    dashes = "" if flow.standing.health in _MOVES else ' stroke-dasharray="6 4"'
    yield (
        f'<line x1="{start}" y1="{middle}" x2="{end}" y2="{middle}" stroke="{colour}"'
        f' stroke-width="2"{dashes} marker-end="url(#{flow.standing.health.name})"/>'
    )
    centre = (_LEFT + _RIGHT) // 2
    label = _cut(f"{flow.entity} · {flow.name}", _ON_LINE)
    yield _text(centre, middle - 8, label, _INK, anchor="middle")
    yield _text(centre, middle + 18, _cut(str(flow.standing), _ON_LINE), colour, anchor="middle")


def _box(system: System, left: int, top: int, height: int, *, unused: bool = False) -> list[str]:
    stands = system.standing.health
    stopped = stands in (Health.STOPPED, Health.PAUSED)
    edge = stands.colour if stopped else _EDGE
    dashes = ' stroke-dasharray="4 4"' if unused else ""
    middle, centre = top + height // 2, left + _BOX_WIDTH // 2
    lines = [
        (_cut(system.name, _IN_BOX), _INK, ' font-weight="600"'),
        (_cut(system.connector, _IN_BOX), _FAINT, ""),
    ]
    if stopped:
        lines.append((_cut(str(system.standing), _IN_BOX), edge, ""))
    first = middle - 8 * (len(lines) - 1) + 4
    return [
        f'<rect x="{left}" y="{top}" width="{_BOX_WIDTH}" height="{height}" rx="8" fill="{_BOX}"'
        f' stroke="{edge}"{dashes}/>',
        *(
            _text(centre, first + 17 * row, text, colour, anchor="middle", more=more)
            for row, (text, colour, more) in enumerate(lines)
        ),
    ]


def _legend(top: int) -> Iterator[str]:
    left = _MARGIN
    for health in Health:
        label = f"{health.mark} {health}"
        yield _text(left, top + 4, label, health.colour)
        left += _LETTER * len(label) + _MARGIN


def _text(x: int, y: int, text: str, colour: str, *, anchor: str = "start", more: str = "") -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
