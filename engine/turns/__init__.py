"""Whose turn it is, and what becomes of it: `table` has states and events, `conversation` puts the parts together."""
