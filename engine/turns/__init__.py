"""Whose turn it is, and what becomes of it: `table` has all states and events, `conversation` puts the parts together."""
