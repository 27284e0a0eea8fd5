"""The stages: one process each, started by executing an interpreter with plain arguments (see join.py)."""
