"""TOML's reader: the standard library's, or before CPython 3.11 the package it was made from.

Imported where a file is read, not at the top of a module: a worker gets its settings by shared memory, and its Python
need not have tomli.
"""

import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["tomllib"]
