"""The mark scheme of one question, read from `rubric.toml`."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from marker.errors import RubricError

IDENTIFIER = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
MARKS_LIMIT = 100


@dataclass(frozen=True)
class RequiredPoint:
    """Describe one creditable point: what earns it, what does not, its marks, and a hint for who missed it.

    `accepted` are sentences that earn it; a student's sentence of nearly the same words does too.
    """

    id: str
    statement: str
    credit: str = ""
    no_credit: str = ""
    marks: int = 1
    hint: str = ""
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rubric:
    """Hold a question with its required points."""

    id: str
    question: str
    points: tuple[RequiredPoint, ...]
    subject: str = ""
    model_answer: str = ""

    @property
    def available(self) -> int:
        """Return the greatest total that an essay can earn."""
        return sum(p.marks for p in self.points)

    @cached_property
    def version(self) -> str:
        """Return 16 hexadecimal digits of the SHA-256 of the rubric's content."""
        content = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def point(self, id: str) -> RequiredPoint:
        """Return one point by its id; raises KeyError."""
        for point in self.points:
            if point.id == id:
                return point
        raise KeyError(id)

    @classmethod
    def load(cls, path: Path | str) -> Rubric:
        """Read a rubric from its folder or its file; raises RubricError that lists every fault."""
        file = Path(path)
        if file.is_dir():
            file = file / "rubric.toml"
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RubricError([f"{file}: no such file; a rubric is a folder that holds rubric.toml"]) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RubricError([f"{file}: not valid TOML in UTF-8: {error}"]) from None
        return cls.from_dict(data, str(file))

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str = "rubric") -> Rubric:
        """Build a rubric from plain data; raises RubricError that lists every fault as `where: field: reason`."""
        faults = [f"{where}: {fault}" for fault in _faults(data)]
        if faults:
            raise RubricError(faults)
        points = tuple(RequiredPoint(**{k: _clean(v) for k, v in p.items()}) for p in data["points"])
        rest = {k: _clean(v) for k, v in data.items() if k != "points"}
        return cls(points=points, **rest)


def _clean(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_clean(v) for v in value)
    return " ".join(value.split()) if isinstance(value, str) else value


def _faults(data: dict[str, Any]) -> list[str]:
    faults = _field_faults(data, Rubric, required=("id", "question", "points"))
    points = data.get("points", [])
    if not isinstance(points, list) or not points or not all(isinstance(p, dict) for p in points):
        return [*faults, "points: give at least one [[points]] table"]
    seen: set[str] = set()
    for number, point in enumerate(points, 1):
        name = f"points[{number}]"
        faults += [f"{name}.{f}" for f in _field_faults(point, RequiredPoint, required=("id", "statement"))]
        id = point.get("id")
        if isinstance(id, str) and id in seen:
            faults.append(f"{name}.id: {id!r} is used by an earlier point; ids must differ")
        seen.add(str(id))
    return faults


def _field_faults(data: dict[str, Any], kind: type, required: tuple[str, ...]) -> list[str]:
    known = {f.name for f in fields(kind)}
    faults = [f"{name}: unknown field; known are {', '.join(sorted(known))}" for name in data if name not in known]
    faults += [f"{name}: missing" for name in required if name not in data]
    for name, value in data.items():
        if name == "points" or name not in known:
            continue
        if name == "marks":
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MARKS_LIMIT:
                faults.append(f"marks: must be a whole number from 1 to {MARKS_LIMIT}")
        elif name == "accepted":
            if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v.strip() for v in value):
                faults.append("accepted: must be a list of sentences")
        elif not isinstance(value, str):
            faults.append(f"{name}: must be text")
        elif name in required and not value.strip():
            faults.append(f"{name}: is empty")
        elif name == "id" and not IDENTIFIER.fullmatch(value):
            faults.append(f"id: {value!r} must be lower-case letters, digits, - and _")
    return faults
