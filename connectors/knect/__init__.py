"""Knect's data plane and shared language: see the folders for what each part owns.

The package itself holds nothing, so that importing one part never imports another.
"""

__all__: list[str] = []
