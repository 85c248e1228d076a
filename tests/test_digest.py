"""Digests: equal values have equal digests, unequal ones do not, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.digest import canonical, digest, hex_digest
from evalkit.errors import UsageError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True, slots=True)
class Point:
    """A value with fields."""

    x: int
    y: Mapping[str, int]


def test_the_digest_is_the_sha256_of_canonical_json() -> None:
    """The digest of a value is the sha256 of its compact JSON with sorted keys."""
    assert canonical({"b": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"b":1}'.encode()
    assert digest({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').digest()


def test_hex_digest_is_the_head_of_the_digest() -> None:
    """`hex_digest` gives the first digits of the digest in hexadecimal, all 64 unless told."""
    assert hex_digest("x") == digest("x").hex()
    assert hex_digest("x", 16) == digest("x").hex()[:16]


@given(st.dictionaries(st.text(max_size=6), PLAIN, max_size=6))
def test_the_order_of_keys_makes_no_difference(value: dict[str, object]) -> None:
    """The same mapping written in another order has the same digest."""
    assert digest(dict(reversed(value.items()))) == digest(value)


@given(PLAIN, PLAIN)
def test_other_values_have_other_digests(first: object, second: object) -> None:
    """Two values share a digest only where they are the same JSON."""
    assert (digest(first) == digest(second)) == (canonical(first) == canonical(second))


@pytest.mark.parametrize(
    ("value", "same_as"),
    [
        (Point(1, {"b": 2, "a": 3}), {"x": 1, "y": {"a": 3, "b": 2}}),
        ({"p": Point(1, {})}, {"p": {"x": 1, "y": {}}}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (PurePosixPath("a/b"), "a/b"),
        (PureWindowsPath("a\\b"), "a/b"),
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (b"\x00\xff", "00ff"),
    ],
)
def test_a_value_is_taken_as_what_it_holds(value: object, same_as: object) -> None:
    """Dataclasses, mappings, paths, tuples, sets and bytes have the digest of the plain value that they hold."""
    assert digest(value) == digest(same_as)


@pytest.mark.parametrize(
    ("first", "second"), [("1", 1), (1, True), (0, False), (None, ""), ([], {}), ("a", ["a"]), ([1, [2]], [[1], 2])]
)
def test_types_tell_values_apart(first: object, second: object) -> None:
    """Values that merely look alike have different digests."""
    assert digest(first) != digest(second)


@pytest.mark.parametrize("value", [object(), Point, len, 1j])
def test_what_holds_no_value_has_no_digest(value: object) -> None:
    """Something that is no plain value raises UsageError instead of being digested by its address."""
    with pytest.raises(UsageError):
        digest(value)
