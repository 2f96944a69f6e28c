"""The chart's generated files, and a Helm to render it with."""
