"""A rubric and an examiner for the tests of the service: a point is found where the essay holds its phrase."""

import re
from dataclasses import dataclass

from api import create_app
from marker import Advisory, EssayError, Evidence, Mark, PointVerdict, Rubric, Verdict

RUBRIC = """
id = "tea"
subject = "History"
question = "Why did tea become the drink of the British?"
model_answer = "SECRET-ANSWER"

[[points]]
id = "trade"
statement = "The East India Company brought tea in."
credit = "SECRET-CREDIT"
no_credit = "SECRET-NO-CREDIT"
hint = "Who carried the tea?"

[[points]]
id = "price"
statement = "Lower duty made tea cheap."
marks = 2
hint = "What happened to its price?"

[[points]]
id = "temperance"
statement = "Tea was favoured over alcohol."
hint = "What did people drink before?"

[[points]]
id = "boiling"
statement = "Boiled water was safer."
hint = "Think of the water."
"""

OTHER = """
id = "cells"
subject = "Biology"
question = "What does a cell membrane do?"

[[points]]
id = "barrier"
statement = "It keeps the inside apart from the outside."
"""

PHRASES = {
    "trade": (Verdict.CREDITED, "the East India Company brought it", 0.97),
    "price": (Verdict.CREDITED, "brought it cheaply once the duty fell", 0.88),
    "temperance": (Verdict.DOUBTFUL, "people thought it was better than gin", 0.55),
    "boiling": (Verdict.CONTRADICTED, "nobody boiled the water", 0.91),
}

ESSAY = (
    "Tea was strange at first, but the East India Company brought it cheaply once the duty fell. "
    "By then people thought it was better than gin.\n\nIn those days nobody boiled the water."
)
"""Earns trade and price with overlapping evidence, may earn temperance, and contradicts boiling."""


@dataclass(frozen=True)
class PretendExaminer:
    rubric: Rubric
    model_version: str = "pretend-1"

    def mark(self, essay):
        if "unmarkable" in essay.text:
            raise EssayError("The essay is unmarkable.")
        if "crash" in essay.text:
            raise RuntimeError(f"the examiner fell over {essay.text}")
        verdicts = tuple(self._judge(point, essay.text) for point in self.rubric.points)
        advisories = (Advisory("too_brief", "The answer has only few words."),) if len(essay.text) < 40 else ()
        return Mark(essay.id, verdicts, advisories, self.rubric.available, self.rubric.version, self.model_version)

    def mark_many(self, essays):
        return [self.mark(e) for e in essays]

    def _judge(self, point, text):
        verdict, phrase, confidence = PHRASES.get(point.id, (Verdict.OMITTED, None, 0.9))
        found = phrase and re.search(re.escape(phrase), text)
        if not found:
            return PointVerdict(point.id, Verdict.OMITTED, 0.93, 0)
        marks = point.marks if verdict is Verdict.CREDITED else 0
        evidence = (Evidence(found.start(), found.end(), found.group(), confidence),)
        return PointVerdict(point.id, verdict, confidence, marks, evidence)


def make_app(folder, **config):
    """Build the service on rubrics and a real SQLite file below a folder."""
    rubrics = folder / "rubrics"
    if not rubrics.exists():
        write_rubrics(rubrics)
    settings = {"INSTANCE": folder / "instance", "RUBRICS": rubrics, "EXAMINER_FACTORY": PretendExaminer}
    settings["SAMPLE_EXAMINER_FACTORY"] = PretendExaminer
    return create_app({**settings, **config})


def write_rubrics(folder):
    """Write two good rubrics and a broken one."""
    for name, content in {"tea": RUBRIC, "cells": OTHER, "broken": 'id = "broken"'}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "rubric.toml").write_text(content, encoding="utf-8")
    return folder
