"""What people are told, and whom their questions are put to: the same for terminal and browser.

Why: two places that say where an order is would soon say two things. Must not: print, render, or
know a framework for either.
"""

__all__: list[str] = []
