"""The API's requests and answers, as the OpenAPI document describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.desk import CANDIDATE_LIMIT


def storable(text: str) -> str:
    """Refuse the two things that JSON can carry and a database of text cannot."""
    if "\0" in text:
        raise ValueError("the text holds a NUL character")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("the text holds half of a surrogate pair")
    return text


Text = Annotated[str, AfterValidator(storable)]


class Strict(BaseModel):
    """Refuse fields that are not described."""

    model_config = ConfigDict(extra="forbid")


class Submission(Strict):
    """An essay to mark."""

    question: Text = Field(description="The id of the question", examples=["ussr-1953-power-struggle"])
    text: Text = Field(
        description="The essay as plain text, at most 50,000 characters unless the service is set otherwise",
        examples=["After Stalin's death nobody had been named to follow him."],
        json_schema_extra={"minLength": 1},
    )
    candidate: Text | None = Field(
        None, max_length=CANDIDATE_LIMIT, description="A reference to the candidate, never a name"
    )


class MarkPath(BaseModel):
    """The address of a mark."""

    id: str = Field(description="The id of the mark")


class QuestionPath(BaseModel):
    """The address of a question."""

    id: str = Field(description="The id of the question")


class Evidence(Strict):
    """A passage of the essay."""

    start: int = Field(description="Where the passage begins, in Unicode code points from the start of the text")
    end: int = Field(description="Where it ends, exclusive")
    quote: str


class PointVerdict(Strict):
    """What the essay earns for one required point."""

    id: str
    verdict: Literal["credited", "doubtful", "contradicted", "omitted"]
    confidence: float = Field(
        ge=0,
        le=1,
        description="The probability that a second marker gives the same credit; for a doubtful point, the "
        "probability that the point is earned",
    )
    marks: int = Field(description="The marks awarded; a doubtful point earns none until a teacher decides")
    evidence: list[Evidence]


class Mistake(Strict):
    """A mistake that the rubric knows and the essay makes."""

    id: str
    confidence: float = Field(ge=0, le=1)
    evidence: list[Evidence]


class Advisory(Strict):
    """A reason to doubt the whole essay."""

    code: str
    message: str


class Comment(Strict):
    """One piece of feedback on one point."""

    point: str
    text: str
    evidence: Evidence | None = None


class Feedback(Strict):
    """Words for the student."""

    went_well: list[Comment]
    next_steps: list[Comment]
    corrections: list[Comment]


class Mark(Strict):
    """The mark of one essay."""

    id: str
    question: str
    candidate: str | None
    created: datetime
    awarded: int
    available: int
    referred: bool = Field(description="Whether a teacher must look: a point is doubtful or there is an advisory")
    points: list[PointVerdict]
    advisories: list[Advisory]
    mistakes: list[Mistake] = Field([], description="Left out where there is none")
    feedback: Feedback
    rubric_version: str
    model_version: str


class Question(Strict):
    """A question that essays can be marked for."""

    id: str
    question: str
    subject: str
    available: int = Field(description="The greatest total that an essay can earn")
    version: str = Field(description="Changes when anything in the rubric changes")


class Questions(Strict):
    """All questions."""

    questions: list[Question]


class Point(Strict):
    """A point that an essay should make; the rules for crediting it are not shown."""

    id: str
    statement: str
    marks: int
    hint: str


class QuestionInFull(Question):
    """A question with its points."""

    points: list[Point]


class Health(Strict):
    """Whether the service runs, and whether its engine is loaded."""

    status: Literal["ok"]
    ready: bool = Field(description="Whether the next essay is marked without first loading the engine")
    model_version: str | None = Field(None, description="Known once the engine is loaded")


class ProblemError(BaseModel):
    """One fault of a request."""

    pointer: str = Field(description="Where it is, as a JSON Pointer into the request's body", examples=["/text"])
    detail: str


class ProblemDetails(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(description="The kind of problem; a page for people is at this address")
    title: str
    status: int
    detail: str | None = None
    errors: list[ProblemError] | None = None
