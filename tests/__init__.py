"""The suites and what they share.

Why there is this file: a package of somebody else's (the client of BigCommerce's vendor) installs a
`tests` of its own, which a folder without it would lose to: `python -m tests.pairs` found nothing.
"""
