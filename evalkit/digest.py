"""Content digests: the same value has the same digest on every machine, whatever the order of its keys."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import PurePath

import orjson

from evalkit.errors import UsageError


def canonical(value: object) -> bytes:
    """`value` as JSON with sorted keys. Dataclasses, paths and mappings are taken as what they hold."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS)
    except orjson.JSONEncodeError as error:
        raise UsageError(f"no digest: {error.__cause__ or error}") from error


def digest(value: object) -> bytes:
    """The sha256 (32 bytes) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value)).digest()


def hex_digest(value: object, length: int = 64) -> str:
    """The first `length` hexadecimal digits of the digest of `value`."""
    return digest(value).hex()[:length]


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{value!r:.80} has no digest: JSON values, paths and dataclasses have one")
