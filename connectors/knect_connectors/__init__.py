"""The connectors that ship with Knect, one folder each; none knows another.

The package itself holds nothing: the registry finds connectors by entry point, never by import.
"""

__all__: list[str] = []
