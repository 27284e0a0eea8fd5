"""Line numbers of TOML keys, and TOML that is written: both against tomllib."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.schema import Key
from engine.toml import tomllib
from engine.toml_lines import key_lines
from engine.toml_write import write

TRICKY = '''\
# [not.a.table]
top = 1 # = 2
[a]
b.c = "x # = [y]"
"d.e" = 'no \\ escape ]'
"\\u0066\\"g" = 1
'h"i' = { j = 1, k.l = [ { m = "}" } ] }
multi = """
[fake]
key = 1 \\"""
""""
literal = \'\'\'
[[fake]]
'' quoted\'\'\'\'\'
empty = """"""
list = [
  1, # one ]
  [2, 3],

  "four",
]
when = 1979-05-27 07:32:00
[[many]]
x = 1
[many.inner]
y = 1
[[many.inner2]]
z = 1
[[many]]
x = 2
[[many.inner2]]
[ a . "spaced" ]
  indented   =   +1_000
last = false'''

EXPECTED: dict[Key, int] = {
    ("top",): 2,
    ("a",): 3,
    ("a", "b"): 4,
    ("a", "b", "c"): 4,
    ("a", "d.e"): 5,
    ("a", 'f"g'): 6,
    ("a", 'h"i'): 7,
    ("a", 'h"i', "j"): 7,
    ("a", 'h"i', "k"): 7,
    ("a", 'h"i', "k", "l"): 7,
    ("a", 'h"i', "k", "l", 0): 7,
    ("a", 'h"i', "k", "l", 0, "m"): 7,
    ("a", "multi"): 8,
    ("a", "literal"): 12,
    ("a", "empty"): 15,
    ("a", "list"): 16,
    ("a", "list", 0): 17,
    ("a", "list", 1): 18,
    ("a", "list", 1, 0): 18,
    ("a", "list", 1, 1): 18,
    ("a", "list", 2): 20,
    ("a", "when"): 22,
    ("many",): 23,
    ("many", 0): 23,
    ("many", 0, "x"): 24,
    ("many", 0, "inner"): 25,
    ("many", 0, "inner", "y"): 26,
    ("many", 0, "inner2"): 27,
    ("many", 0, "inner2", 0): 27,
    ("many", 0, "inner2", 0, "z"): 28,
    ("many", 1): 29,
    ("many", 1, "x"): 30,
    ("many", 1, "inner2"): 31,
    ("many", 1, "inner2", 0): 31,
    ("a", "spaced"): 32,
    ("a", "spaced", "indented"): 33,
    ("a", "spaced", "last"): 34,
}


def keys_of(value: Any, at: Key = ()) -> Iterator[Key]:
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield from keys_of(item, (*at, name))


def test_every_key_has_its_line_whatever_the_way_it_is_written() -> None:
    assert set(keys_of(tomllib.loads(TRICKY))) == set(EXPECTED)
    assert key_lines(TRICKY) == EXPECTED


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "a=[]", "a={}", "a=[[],[{}]]", "[a]", "[[a]]", "a=''"])
def test_small_documents_have_the_keys_that_tomllib_finds(text: str) -> None:
    assert set(key_lines(text)) == set(keys_of(tomllib.loads(text)))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=12)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
TABLES = st.dictionaries(
    TEXTS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(SCALARS, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    )
    | st.lists(st.dictionaries(TEXTS, SCALARS, max_size=3), max_size=3),
    max_size=5,
)


@given(TABLES)
def test_what_is_written_is_read_back_and_every_key_of_it_has_a_line(table: dict[str, Any]) -> None:
    text = write(table)
    assert tomllib.loads(text) == table
    assert set(key_lines(text)) == set(keys_of(table))


def test_a_comment_stands_after_its_value_and_changes_nothing() -> None:
    table: dict[str, Any] = {"a": 1, "b": {"c": ["long " * 9] * 3, "d": [{"e": 1}, {"e": 2}]}}
    text = write(table, lambda key: "from # " + ".".join(map(str, key)))
    assert tomllib.loads(text) == table
    assert "a = 1  # from # a\n" in text
    assert "]  # from # b.c\n" in text
    assert "[[b.d]]  # from # b.d\n" in text
