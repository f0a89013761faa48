"""rubric.toml, the project's own format."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import tomli_w

from marker.errors import RubricError
from marker.interchange.shared import built, decoded
from marker.rubric import Rubric

_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?:\.[ \t]*{_PART}[ \t]*){{16}}")  # tomllib takes 18 seconds for one key of 16,000 parts
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")


def read(data: bytes, where: str) -> Rubric:
    """Read rubric.toml; raises RubricError with line and column."""
    return built(parsed(decoded(data, where), where), where)


def write(rubric: Rubric) -> bytes:
    """Write rubric.toml, without fields at their defaults."""
    return tomli_w.dumps(rubric.as_dict()).encode()


def parsed(text: str, where: str) -> dict[str, Any]:
    """Parse TOML; raises RubricError with line and column."""
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise RubricError([f"{where}:{line}: has more dots than a field's name may: write spaces between the words"])
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        found = _PLACE.search(reason)
        place = f"{found[1]}:{found[2]}" if found and found[1] else f"{text.count(chr(10)) + 1}"
        told = f"{where}:{place}: not valid TOML: {_PLACE.sub('', reason)}: correct it there"
    except RecursionError:
        told = f"{where}: not a rubric: nests too deeply: write the fields as the README shows"
    raise RubricError([told])
