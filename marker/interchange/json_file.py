"""The same fields as rubric.toml in JSON, as the service gives them."""

from __future__ import annotations

import json
from typing import Any

from marker.errors import RubricError
from marker.interchange.shared import built, decoded
from marker.rubric import Rubric


def read(data: bytes, where: str) -> Rubric:
    """Read JSON; raises RubricError with line and column."""
    return built(parsed(data, where), where)


def write(rubric: Rubric) -> bytes:
    """Write JSON, without fields at their defaults."""
    return (json.dumps(rubric.as_dict(), ensure_ascii=False, indent=2) + "\n").encode()


def parsed(data: bytes, where: str) -> Any:
    """Parse JSON; raises RubricError with line and column."""
    try:
        value = json.loads(decoded(data, where))
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        told = f"{where}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}: correct it there"
    except UnicodeEncodeError:
        told = f"{where}: holds half of a character, as \\ud800 alone is: write the character itself"
    except ValueError:
        told = f"{where}: holds a number of thousands of digits: write a whole number up to 100"
    except RecursionError:
        told = f"{where}: nests too deeply: write the fields as the README shows"
    else:
        return value
    raise RubricError([told])
