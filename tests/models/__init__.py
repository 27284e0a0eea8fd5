"""Tiny models with the files, inputs and outputs of real ones, built in a moment and always the same."""
