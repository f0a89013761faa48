"""Open edX open response assessment (ORA), read only: its OLX, the rubric's XML alone, or the same as JSON.

Source of the format: openedx/edx-ora2, openassessment/xblock/xml.py and defaults.py. A criterion becomes a point: its
prompt the statement, the best option's points the marks, its explanation the credit rule, and the lowest option's
explanation what earns none. Lost are the options between, criteria without options, and how peers assess.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from marker.errors import RubricError
from marker.interchange import json_file
from marker.interchange.shared import SIZE, built, count, identifier, plain, stem
from marker.rubric import Rubric


def read(data: bytes, where: str) -> Rubric:
    """Read XML, or JSON where it begins with a brace; raises RubricError by line."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        content = json_file.parsed(data, where)
        content = content | content["rubric"] if isinstance(content.get("rubric"), dict) else content
        return _built(content, where, [])
    return _built(*_from_xml(data, where))


def _built(content: dict[str, Any], where: str, lines: list[int]) -> Rubric:
    criteria = content.get("criteria")
    if not isinstance(criteria, list) or not criteria:
        raise RubricError([f"{where}: holds no criteria: export the rubric again"])
    count(criteria, where)
    points: dict[int, dict[str, Any]] = {}
    faults = []
    for number, criterion in enumerate(criteria, 1):
        try:
            points[number] = _point(criterion, number, {p.get("id", "") for p in points.values()}, where)
        except ValueError as error:
            faults.append(f"{where}:{lines[number - 1]}: {error}" if lines else f"{where}: criteria[{number}]: {error}")
    points = {number: point for number, point in points.items() if point}
    if faults or not points:
        raise RubricError(faults or [f"{where}: no criterion has options: only those that have can be marked"])
    places = [lines[number - 1] for number in points] if lines else []
    id = identifier(_text(content, "url_name") or _text(content, "title") or stem(where), (), "rubric")
    return built({"id": id, "question": _question(content, where), "points": [*points.values()]}, where, places)


def _point(criterion: Any, number: int, taken: Collection[str], where: str) -> dict[str, Any]:
    """Return a point, or nothing for a criterion without options; raises ValueError that says what is wrong."""
    options = criterion.get("options") if isinstance(criterion, dict) else None
    if not isinstance(options, list) or not all(isinstance(o, dict) for o in options):
        raise ValueError("needs a name, a prompt and options: export the rubric again")
    if not options:
        return {}
    best, lowest = max(options, key=_points), min(options, key=_points)
    name = _text(criterion, "label") or _text(criterion, "name")
    point: dict[str, Any] = {
        "id": identifier(_text(criterion, "name") or name, taken, f"point-{number}"),
        "statement": plain(_text(criterion, "prompt"), where) or name,
        "credit": _text(best, "explanation"),
        "marks": _points(best),
    }
    if point["marks"] < 1:
        raise ValueError("no option gives points: give the best one at least 1")
    return point | ({"no_credit": _text(lowest, "explanation")} if _points(lowest) < _points(best) else {})


def _points(option: dict[str, Any]) -> int:
    try:
        return int(str(option["points"]))
    except (KeyError, ValueError):
        raise ValueError("an option's points must be a whole number: write one") from None


def _question(content: dict[str, Any], where: str) -> str:
    """Return what the prompts ask, or the title where there is none."""
    prompts = content.get("prompts")
    texts = [_text(p, "description") for p in prompts if isinstance(p, dict)] if isinstance(prompts, list) else []
    texts = texts or [_text(content, "prompt")]
    return plain(" ".join(t for t in texts if t), where) or _text(content, "title")


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""


# --- XML -------------------------------------------------------------------------------------------------------------


def _from_xml(data: bytes, where: str) -> tuple[dict[str, Any], str, list[int]]:
    """Return what the JSON form would hold, the file's name, and the line of each criterion."""
    root = _tree(data, where)
    rubric = next(root.iter("rubric"), None)
    if rubric is None:
        raise RubricError([f"{where}:{root.sourceline}: holds no <rubric>: export the assessment again"])
    criteria = rubric.findall("criterion")
    prompts = [{"description": d.text or ""} for d in root.iterfind("prompts/prompt/description")]
    content = {
        "url_name": root.get("url_name", ""),
        "title": root.findtext("title"),
        "prompts": prompts,
        "prompt": rubric.findtext("prompt"),
        "criteria": [_fields(c) | {"options": [_fields(o) for o in c.findall("option")]} for c in criteria],
    }
    return content, where, [c.sourceline for c in criteria]


def _fields(element: Any) -> dict[str, Any]:
    names = ("name", "label", "prompt", "explanation")
    return {**element.attrib, **{name: element.findtext(name) for name in names}}


def _tree(data: bytes, where: str) -> Any:
    """Return the root by lxml, which knows lines, once defusedxml has found no DTD; raises RubricError by line."""
    from lxml import etree  # noqa: PLC0415 - heavy

    if len(data) > SIZE:
        raise RubricError([f"{where}: is larger than {SIZE // 1024} kB, as no rubric is: choose the rubric's file"])
    guard = XMLParser(target=object(), forbid_dtd=True)
    line = 1
    try:
        guard.feed(data)
        guard.close()
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    except DefusedXmlException:
        line, reason = guard.parser.CurrentLineNumber, "holds a DTD, which may hide entities: delete it"
    except ParseError as error:
        line, reason = error.position[0], f"not valid XML: {error}: correct it there"
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        line, reason = getattr(error, "lineno", None) or line, "not XML that can be read: export the rubric again"
    raise RubricError([f"{where}:{line}: {reason}"])
