"""The web console: one search box, what is stopped and why, and who has to act.

Why: customer service has no shell. It asks what the command line asks, of the same ledger or the
same `knect api`, and says the same sentences. Must not: hold rights of its own, keep state that
matters, or need a script in the browser.
"""

__all__: list[str] = []
