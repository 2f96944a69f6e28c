"""What Knect is tried with. A package, so that it is found before a `tests` that a distribution of
somebody else's installs beside its own code (the vendor's client of BigCommerce does).
"""
