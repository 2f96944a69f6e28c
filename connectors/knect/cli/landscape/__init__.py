"""The systems that are kept in step, and what flows between them, as something to look at.

Why: "what is connected with what, and where does it stop?" is asked before any number is. Must not:
ask anybody; `knect diagram` gathers, this draws.
"""

from knect.cli.landscape.mermaid import to_mermaid
from knect.cli.landscape.picture import to_svg
from knect.cli.landscape.systems import Flow, Health, Landscape, Standing, System

__all__ = ["Flow", "Health", "Landscape", "Standing", "System", "to_mermaid", "to_svg"]
