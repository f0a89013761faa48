"""The mark scheme of one question, read from `rubric.toml`."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from marker import scheme
from marker.errors import RubricError
from marker.scheme import Group, Level, Misconception, RequiredPoint, Total

IDENTIFIER = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
MARKS_LIMIT = 100


@dataclass(frozen=True)
class Rubric:
    """Hold a question with its required points, and how they add up."""

    id: str
    question: str
    points: tuple[RequiredPoint, ...]
    subject: str = ""
    model_answer: str = ""
    groups: tuple[Group, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()
    levels: tuple[Level, ...] = ()

    @property
    def available(self) -> int:
        """Return the greatest total that an essay can earn."""
        return scheme.available(self.points, self.groups)

    @cached_property
    def version(self) -> str:
        """Return 16 hexadecimal digits of the SHA-256 of the rubric's content."""
        content = json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def point(self, id: str) -> RequiredPoint:
        """Return one point by its id; raises KeyError."""
        for point in self.points:
            if point.id == id:
                return point
        raise KeyError(id)

    @property
    def claims(self) -> tuple[RequiredPoint, ...]:
        """Return what the marker looks for: the points, then the misconceptions as if they were points."""
        return (*self.points, *(RequiredPoint(m.id, m.statement) for m in self.misconceptions))

    def total(self, credited: Collection[str]) -> Total:
        """Add up the credited points, given by their ids."""
        return scheme.total(self.points, self.groups, credited)

    def as_dict(self) -> dict[str, Any]:
        """Return the rubric as plain data, without what is at its default: what rubric.toml holds."""
        return _plain(self)

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
        tables: dict[str, Any] = {
            name: tuple(kind(**{k: _clean(v) for k, v in row.items()}) for row in data.get(name, ()))
            for name, kind in TABLES.items()
        }
        return cls(**{k: _clean(v) for k, v in data.items() if k not in TABLES}, **tables)


TABLES: dict[str, type] = {"points": RequiredPoint, "groups": Group, "misconceptions": Misconception, "levels": Level}


def _plain(item: Any) -> dict[str, Any]:
    data = {}
    for field in fields(item):
        value = getattr(item, field.name)
        if value == field.default:
            continue
        if isinstance(value, tuple):
            value = [_plain(v) if is_dataclass(v) else v for v in value]
        data[field.name] = value
    return data


def _clean(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_clean(v) for v in value)
    return " ".join(value.split()) if isinstance(value, str) else value


# --- faults ----------------------------------------------------------------------------------------------------------


def _faults(data: dict[str, Any]) -> list[str]:
    faults = _field_faults(data, Rubric)
    if "points" in data and not data["points"]:
        faults.append("points: give at least one [[points]] table")
    for name, kind in TABLES.items():
        rows = data.get(name, [])
        if not isinstance(rows, list | tuple) or not all(isinstance(r, dict) for r in rows):
            faults.append(f"{name}: give [[{name}]] tables")
            continue
        for number, row in enumerate(rows, 1):
            faults += [f"{name}[{number}].{f}" for f in _field_faults(row, kind)]
        faults += _repeated(name, rows)
    return faults or list(_crossing_faults(data))


def _repeated(name: str, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    seen: set[str] = set()
    singular = name.removesuffix("s")
    for number, row in enumerate(rows, 1):
        id = row.get("id")
        if isinstance(id, str) and id in seen:
            yield f"{name}[{number}].id: {id!r} is used by an earlier {singular}; ids must differ"
        seen.add(str(id))


def _crossing_faults(data: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong between tables whose fields are sound."""
    needs = {p["id"]: p.get("needs", ()) for p in data["points"]}
    groups = {g["id"] for g in data.get("groups", ())}
    for number, point in enumerate(data["points"], 1):
        if point.get("group", "") not in {"", *groups}:
            yield f"points[{number}].group: {point['group']!r} is not the id of a [[groups]] table"
        for need in point.get("needs", ()):
            if need not in needs:
                yield f"points[{number}].needs: {need!r} is not the id of a point"
        if point["id"] in _needed(point["id"], needs):
            yield f"points[{number}].needs: {point['id']!r} needs itself, through what it needs"
    for number, level in enumerate(data.get("levels", ()), 1):
        if level["least"] > level["most"]:
            yield f"levels[{number}].least: is greater than most"


def _needed(id: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*needs[id]]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += needs.get(one, ())
    return found


def _field_faults(data: dict[str, Any], kind: type) -> list[str]:
    known = {f.name: f for f in fields(kind)}
    required = [f.name for f in known.values() if f.default is MISSING]
    faults = [f"{name}: unknown field; known are {', '.join(sorted(known))}" for name in data if name not in known]
    faults += [f"{name}: missing" for name in required if name not in data]
    for name, value in data.items():
        if name not in known or (kind is Rubric and name in TABLES):
            continue
        fault = _value_fault(name, value, known[name].type, required=name in required)
        faults += [f"{name}: {fault}"] if fault else []
    return faults


def _value_fault(name: str, value: Any, kind: Any, *, required: bool) -> str:
    if kind == "bool":
        return "" if isinstance(value, bool) else "must be true or false"
    if kind == "int":
        least = 1 if name == "marks" else 0
        sound = isinstance(value, int) and not isinstance(value, bool) and least <= value <= MARKS_LIMIT
        return "" if sound else f"must be a whole number from {least} to {MARKS_LIMIT}"
    if kind != "str":
        listed = isinstance(value, list | tuple) and all(isinstance(v, str) and v.strip() for v in value)
        return "" if listed else f"must be a list of {'ids' if name == 'needs' else 'sentences'}"
    return _text_fault(name, value, required=required)


def _text_fault(name: str, value: Any, *, required: bool) -> str:
    if not isinstance(value, str):
        return "must be text"
    if required and not value.strip():
        return "is empty"
    if name == "id" and not IDENTIFIER.fullmatch(value):
        return f"{value!r} must be lower-case letters, digits, - and _"
    return ""
