"""Marked essays: the gold that a rubric is tested on and the model is trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from marker.errors import DocumentError
from marker.mark import Essay, Verdict

T = TypeVar("T")

MODEL_ANSWER = "model_answer"
"""Kind of the rubric's own model answer, labelled by sentence: trained on, never evaluated on."""

GENUINE = "genuine"


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """Hold a sentence with the points that it earns, alone or with what came before, and those it contradicts."""

    text: str
    points: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    paragraph: bool = False


@dataclass(frozen=True, slots=True)
class MarkedEssay:
    """Hold an essay with a person's labels; `kind` is "genuine", "model_answer", or an attempt to game the marker."""

    id: str
    question: str
    sentences: tuple[MarkedSentence, ...]
    kind: str = GENUINE
    profile: str = ""
    """The voice in which the essay is written; it often gives away the total, so it must never be fed to a model.

    It serves to compare groups of essays in a report.
    """

    @property
    def text(self) -> str:
        """Return the essay as it was handed in: its sentences joined with spaces."""
        return " ".join(s.text for s in self.sentences)

    @property
    def essay(self) -> Essay:
        """Return the essay without its labels."""
        return Essay(self.id, self.text)

    def verdict(self, point: str) -> Verdict:
        """Return the person's verdict on a point; credit anywhere outweighs a contradiction elsewhere."""
        if any(point in s.points for s in self.sentences):
            return Verdict.CREDITED
        if any(point in s.contradicts for s in self.sentences):
            return Verdict.CONTRADICTED
        return Verdict.OMITTED


@dataclass(frozen=True)
class Sample:
    """Hold an answer and, for the points that a teacher has judged, whether it earns them."""

    id: str
    text: str
    earned: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Hold one sentence that a person judged against one point alone: credited, contradicted, or omitted."""

    point: str
    text: str
    verdict: Verdict


def files(folder: Path) -> list[Path]:
    """Return the files of marked essays in a rubric's folder: `essays.jsonl`, and those that were added later."""
    return sorted(folder.glob("essays*.jsonl"))


def read(file: Path) -> list[MarkedEssay]:
    """Read marked essays from JSON Lines; raises DocumentError that names the line."""
    return list(_lines(file, _essay, '{"id", "question", "sentences": [{"text", "points", "contradicts"}]}'))


def _lines(file: Path, make: Callable[[dict[str, Any]], T], shape: str) -> Iterator[T]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(str(file), f"can't be read: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield make(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"line {number}: not of the shape {shape}: {error!r}"
            raise DocumentError(str(file), reason) from None


def _essay(data: dict[str, Any]) -> MarkedEssay:
    sentences = tuple(
        MarkedSentence(
            s["text"], tuple(s.get("points", ())), tuple(s.get("contradicts", ())), bool(s.get("para", False))
        )
        for s in data["sentences"]
    )
    profile = str(data.get("profile") or "")
    return MarkedEssay(str(data["id"]), data["question"], sentences, data.get("kind", GENUINE), profile)


def phrases(folder: Path) -> list[Phrase]:
    """Read a rubric folder's `phrases.jsonl`; none where there is no such file; raises DocumentError with the line."""
    file = folder / "phrases.jsonl"
    return list(_lines(file, _phrase, '{"point", "text", "verdict"}')) if file.exists() else []


def _phrase(data: dict[str, Any]) -> Phrase:
    return Phrase(data["point"], data["text"], Verdict(data["verdict"]))


def digest(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal: what a model's config says it was trained on."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
