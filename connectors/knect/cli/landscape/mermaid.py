"""A landscape as a Mermaid flowchart: what GitHub, GitLab and wikis draw from text.

Source of the syntax: mermaid.js.org, "Flowcharts": labels in quotes, entities as `#name;`, and
`linkStyle` by the order of the links. Must not: let a name end a label.
"""

from knect.cli.landscape.systems import HUB, Health, Landscape, System

__all__ = ["to_mermaid"]

_ESCAPED = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})


def to_mermaid(landscape: Landscape) -> str:
    """Return the text of a flowchart."""
    named = dict.fromkeys(one.name for one in landscape.systems)
    for flow in landscape.flows:
        named |= dict.fromkeys((flow.source, flow.destination))
    ids = {name: f"s{number}" for number, name in enumerate(named)}
    lines = ["flowchart LR"]
    for name, known_as in ids.items():
        lines.append(f"  {known_as}{_shape(landscape.system(name))}")
    for number, flow in enumerate(landscape.flows):
        label = _label(f"{flow.entity}: {flow.name}", str(flow.standing))
        lines.append(f"  {ids[flow.source]} -->|{label}| {ids[flow.destination]}")
        lines.append(f"  linkStyle {number} stroke:{flow.standing.health.colour}")
    return "\n".join(lines) + "\n"


def _shape(system: System) -> str:
    """Return a box with what a system is; a hub is drawn as a store."""
    stops = system.standing.health is Health.STOPPED
    label = _label(system.name, system.connector, *([str(system.standing)] if stops else ()))
    return f"[({label})]" if system.role == HUB else f"[{label}]"


def _label(*lines: str) -> str:
    inner = "<br/>".join(line.translate(_ESCAPED) for line in lines)
    return f'"{inner}"'
