"""An API server in memory and the objects tests put into it."""
