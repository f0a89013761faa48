"""The requests and answers of the workshop, as the OpenAPI document describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas import Strict, Text

Whole = Annotated[int, Field(ge=0, le=100, strict=True)]
Ids = list[Text]


class RequiredPoint(Strict):
    """A required point."""

    id: Text = Field(description="Lower-case letters, digits, hyphens and underscores")
    statement: Text = Field(description="What an essay must say", examples=["Stalin left no clear successor."])
    credit: Text = Field("", description="When an answer earns the point, however worded")
    no_credit: Text = Field("", description="What does not earn it")
    marks: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    hint: Text = Field("", description="What a student who missed it is told")
    accepted: list[Text] = Field([], description="Sentences that earn it as they stand: rulings")
    rejected: list[Text] = Field([], description="Sentences that do not earn it: rulings")
    group: Text = Field("", description="The id of its group")
    needs: Ids = Field([], description="Points without which it earns nothing")


class Group(Strict):
    """What points earn together; 0 stands for no limit."""

    id: Text
    at_most: Whole = Field(0, description="Points that count")
    most_marks: Whole = 0
    exclusive: bool = Field(False, description="Two points that exclude each other earn nothing together")


class Misconception(Strict):
    """A mistake that earns a correction."""

    id: Text
    statement: Text
    correction: Text = ""


class Level(Strict):
    """A band of totals."""

    name: Text
    least: Whole
    most: Whole
    descriptor: Text = ""


class Rubric(Strict):
    """A question with its required points and how they add up."""

    id: Text
    question: Text
    subject: Text = ""
    model_answer: Text = ""
    points: list[RequiredPoint]
    groups: list[Group] = Field([])
    misconceptions: list[Misconception] = Field([])
    levels: list[Level] = Field([])


class DraftRequest(Strict):
    """What to draft from."""

    question: Text
    answers: list[Text] = Field(min_length=1, max_length=5, description="Model answers")
    notes: list[Text] = Field([], max_length=5, description="Source notes")


class Source(Strict):
    """Words of a model answer (or of a note, numbered on after the answers)."""

    answer: int
    start: int
    end: int
    quote: str


class DraftedPoint(Strict):
    """A proposed point with the words that it came from."""

    id: str
    statement: str
    credit: str
    no_credit: str
    marks: int
    hint: str
    sources: list[Source]


class LeftOut(Source):
    """Words that no point came from, and why."""

    reason: str


class Draft(Strict):
    """Proposed points, and what of the model answers is in none of them."""

    points: list[DraftedPoint]
    left_out: list[LeftOut]


class WorkSummary(Strict):
    """A rubric in the workshop, in short."""

    id: str
    question: str
    subject: str
    available: int
    revision: int = Field(description="Grows with every edit; the ETag")
    changed: datetime
    published_version: str | None = Field(description="The version that students are marked by")
    is_published: bool = Field(description="Whether that is just the working copy")


class Work(WorkSummary):
    """A rubric in the workshop."""

    rubric: Rubric


class Works(Strict):
    """All rubrics in the workshop."""

    rubrics: list[WorkSummary]


class Faults(Strict):
    """What is wrong with a rubric."""

    faults: list[str]


class Version(Strict):
    """A published version."""

    version: str
    created: datetime
    rubric: Rubric


class Versions(Strict):
    """What was published of a question."""

    versions: list[Version]


class Nothing(Strict):
    """An empty object."""


class Sample(Strict):
    """A sample answer with what was judged of it."""

    id: str
    text: str
    earned: dict[str, bool]


class Samples(Strict):
    """Sample answers."""

    samples: list[Sample]


class NewSamples(Strict):
    """Answers to add."""

    texts: list[Text] = Field(min_length=1, max_length=200)


class Judgement(Strict):
    """Which points a sample earns; null takes a judgement back."""

    earned: dict[Text, bool | None]


class EffectPoint(Strict):
    """A verdict on one point of a sample."""

    id: str
    verdict: Literal["credited", "doubtful", "contradicted", "omitted"]
    marks: int


class Step(Strict):
    """What a credited point adds to the total."""

    point: str
    marks: int
    reason: str


class SampleEffect(Strict):
    """What the rubric makes of one sample."""

    sample: str
    awarded: int
    before: int | None
    teacher: int | None = Field(description="The total by your judgements, where you judged every point")
    changed: bool
    missed: list[str] = Field(description="Points that you credit and the rubric does not")
    wrongly: list[str] = Field(description="Points that the rubric credits and you do not")
    points: list[EffectPoint]
    steps: list[Step]


class Effect(Strict):
    """What the rubric makes of all samples."""

    samples: list[SampleEffect]
    decisions: int
    agreement: float | None = Field(description="Share of your decisions that the rubric gives too")
    interval: tuple[float, float] | None = Field(description="Its 95% interval, resampling samples")
    warning: str


class RubricPath(BaseModel):
    """The address of a rubric."""

    id: str


class SamplePath(RubricPath):
    """The address of a sample."""

    sample: str


class Against(BaseModel):
    """What to compare with."""

    against: str | None = Field(None, description="A published version; the last edit unless given")
