"""H5P Essay, read only: content/content.json of an .h5p file, or that file alone. A keyword becomes a point.

Source of the format: otacke/h5p-essay, semantics.json. The keyword becomes the statement, with its variations the
credit rule; the feedback for who missed it the hint; the sample solution the model answer; ranges of the overall
feedback levels. Lost are the feedback for who included it, occurrences, spelling options and the page's buttons.
"""

from __future__ import annotations

from typing import Any

from marker.documents.archives import opened, unpacked
from marker.documents.source import MEGABYTE, Allowance, Limits, Source
from marker.errors import DocumentError, RubricError
from marker.interchange import json_file
from marker.interchange.shared import SIZE, built, count, identifier, plain, stem
from marker.rubric import MARKS_LIMIT, Rubric

LIMITS = Limits(file_size=20 * MEGABYTE, total_size=SIZE)  # a file carries libraries and pictures, which stay packed
MEMBER = "content/content.json"


def read(data: bytes, where: str) -> Rubric:
    """Read an .h5p file or its content.json; raises RubricError with line and column."""
    if data.startswith(b"PK"):
        data, where = _member(data, where), f"{where}/{MEMBER}"
    content = json_file.parsed(data, where)
    match content:
        case {"keywords": [dict(), *_] as keywords} if all(isinstance(k, dict) for k in keywords):
            count(keywords, where)
            return built(_rubric(content, keywords, where), where)
    raise RubricError([f"{where}: holds no keywords: choose the content of an H5P Essay"])


def _member(data: bytes, where: str) -> bytes:
    """Unpack the content; raises RubricError for an archive that is too large, damaged, or of something else."""
    if len(data) > LIMITS.file_size:
        raise RubricError([f"{where}: is larger than {LIMITS.file_size // MEGABYTE} MB: leave out its pictures"])
    source = Source(where, LIMITS, Allowance(LIMITS.total_size), data)
    try:
        with opened(source) as archive:
            return unpacked(source, archive, archive.getinfo(MEMBER), where)
    except DocumentError as error:
        told = str(error)
    except KeyError:
        told = f"{where}: holds no {MEMBER}: export the content from H5P again"
    except Exception:  # noqa: BLE001 - zipfile raises anything on damaged files
        told = f"{where}: is damaged: export the content from H5P again"
    raise RubricError([told])


def _rubric(content: dict[str, Any], keywords: list[dict[str, Any]], where: str) -> dict[str, Any]:
    ids: list[str] = []
    points = []
    for number, keyword in enumerate(keywords, 1):
        points.append(_point(keyword, ids, number, f"{where}: keywords[{number}]"))
        ids.append(points[-1]["id"])
    question = plain(_text(content.get("taskDescription")), where)
    match content.get("solution"):
        case {"sample": str() as sample}:
            model_answer = plain(sample, where)
        case _:
            model_answer = ""
    id = identifier(stem(where.removesuffix(f"/{MEMBER}")), (), "rubric")
    levels = _levels(content.get("overallFeedback"), sum(point["marks"] for point in points), where)
    return {"id": id, "question": question, "model_answer": model_answer, "points": points, "levels": levels}


def _point(keyword: dict[str, Any], taken: list[str], number: int, place: str) -> dict[str, Any]:
    name = plain(_text(keyword.get("keyword")), place).strip()
    others, options = keyword.get("alternatives") or [], keyword.get("options") or {}
    if not name or not isinstance(others, list) or not isinstance(options, dict):
        raise RubricError([f"{place}: needs a keyword, a list of alternatives and options: write them in H5P again"])
    marks = options.get("points", 1)
    if not isinstance(marks, int) or isinstance(marks, bool) or not 1 <= marks <= MARKS_LIMIT:
        raise RubricError([f"{place}.options.points: must be a whole number from 1 to {MARKS_LIMIT}"])
    words = [f"“{word}”" for word in [name, *(plain(_text(o), place).strip() for o in others)] if word]
    return {
        "id": identifier(name, taken, f"point-{number}"),
        "statement": f"The answer mentions {name.strip('/*') or name}.",
        "credit": f"Mentions {' or '.join(words)}, or says the same in other words.",
        "marks": marks,
        "hint": plain(_text(options.get("feedbackMissed")), place),
    }


def _levels(ranges: Any, available: int, where: str) -> list[dict[str, Any]]:
    """Return a level for each range of per cent that has feedback and holds a total of whole marks."""
    levels = []
    for row in ranges if isinstance(ranges, list) and available <= MARKS_LIMIT else []:
        match row:
            case {"from": int() as low, "to": int() as high, "feedback": str() as feedback}:
                totals = [t for t in range(available + 1) if low <= 100 * t // available <= high]
                if totals and (descriptor := plain(feedback, where)).strip():
                    name = f"{low}–{high}%"
                    levels.append({"name": name, "least": totals[0], "most": totals[-1], "descriptor": descriptor})
    return levels[:MARKS_LIMIT]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
