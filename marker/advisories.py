"""Reasons to doubt a whole essay; each refers it to a teacher and changes no mark by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spacy.lang.en.stop_words import STOP_WORDS

from marker.language import stem, words
from marker.mark import Advisory
from marker.rubric import Rubric

BRIEF = 20
"""Words; no essay of the gold sets that earns two points is shorter."""

FUNCTION_WORDS = 0.24
"""Least share of function words in prose; genuine training essays, notes included, have 0.24 at the first percentile
and 0.57 in the middle, lists of keywords 0.23 in the middle."""

RELEVANCE = 0.06
"""Share of content words that the rubric also uses below which an essay is off the subject; genuine training essays
have 0.07 at the first percentile."""

WEAK_RELEVANCE = 0.3
WEAK_READING = 0.1
"""An essay below both, in shared words and in its strongest reading of any point, is off the subject too."""

COPIED_QUESTION = 0.07
COPIED_ANSWER = 0.3
"""Share of an essay's runs of four words that stand in the question, or in the model answer; genuine training essays
have 0.03 of either at the 99th percentile."""

RUN = 4

_ADDRESS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,60}"
    r"\b(?:mark(?:ing)? scheme|rubric|instructions?|criteria|prompts?|rules|above|previous)\b"
    r"|\b(?:award|give|grant|assign|output|return|record)\b[^.!?-]{0,40}"
    r"\b(?:full|maximum|max|top|all|highest|every)\b[^.!?-]{0,20}\b(?:marks?|points|scores?|grades?|credit)\b"
    r"|\b(?:dear|note to(?: the)?|attention|message (?:to|for)(?: the)?|hey|hello)\s+"
    r"(?:examiner|marker|grader|assessor|teacher|marking (?:system|engine|software))\b"
    r"|\b(?:as an ai|language model|system prompt|system\s*:|assistant\s*:|auto-?marker|automated (?:marker|grader))"
    r"|\bthis (?:essay|answer|response|candidate) "
    r"(?:(?:clearly |fully )?(?:deserves|satisfies|meets|earns|covers|merits)"
    r"|should (?:get|receive|be (?:given|awarded)))\b"
    r"|\b(?:final )?(?:mark|score|grade|total)\s*[:=]\s*(?:full|\d+\s*/\s*\d+|\d+ out of \d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Paper:
    """Hold what an advisory may look at."""

    text: str
    words: Sequence[str]
    rubric: Rubric
    strongest: float


def advise(text: str, rubric: Rubric, strongest: float) -> tuple[Advisory, ...]:
    """Return every advisory that an essay raises, in a fixed order.

    `strongest` is the greatest probability, from 0 to 1, that any sentence credits or contradicts any point.
    """
    paper = Paper(text, words(text), rubric, strongest)
    found = ((code, check(paper)) for code, check in ADVISORIES.items())
    return tuple(Advisory(code, message) for code, message in found if message)


def addresses_marker(text: str) -> bool:
    """Say whether a passage speaks to whoever marks it instead of answering."""
    return bool(_ADDRESS.search(text))


def _too_brief(paper: Paper) -> str:
    count = len(paper.words)
    return f"The answer has only {count} words." if count < BRIEF else ""


def _not_prose(paper: Paper) -> str:
    if len(paper.words) < BRIEF:
        return ""
    share = sum(w in STOP_WORDS for w in paper.words) / len(paper.words)
    return "The answer is not written in sentences: it reads like a list of terms." if share < FUNCTION_WORDS else ""


def _not_relevant(paper: Paper) -> str:
    content = {stem(w) for w in paper.words if w not in STOP_WORDS and len(w) > 3}
    if len(content) < 10:
        return ""
    share = len(content & _vocabulary(paper.rubric)) / len(content)
    off = share < RELEVANCE or (share < WEAK_RELEVANCE and paper.strongest < WEAK_READING)
    return "The answer shares next to no subject matter with the question." if off else ""


def _restatement(paper: Paper) -> str:
    share = _copied(paper.words, words(paper.rubric.question))
    return "Most of the answer repeats the question." if share >= COPIED_QUESTION else ""


def _copied_model_answer(paper: Paper) -> str:
    share = _copied(paper.words, words(paper.rubric.model_answer))
    return "Long passages are the same as in the model answer." if share >= COPIED_ANSWER else ""


def _addresses_marker(paper: Paper) -> str:
    found = addresses_marker(paper.text)
    return "The answer speaks to whoever marks it, for example to ask for marks." if found else ""


ADVISORIES: dict[str, Callable[[Paper], str]] = {
    "too_brief": _too_brief,
    "not_relevant": _not_relevant,
    "restatement": _restatement,
    "not_prose": _not_prose,
    "addresses_marker": _addresses_marker,
    "copied_model_answer": _copied_model_answer,
}


def _copied(essay: Sequence[str], source: Sequence[str]) -> float:
    """Return the share, from 0 to 1, of the essay's runs of words that the source holds."""
    runs = list(zip(*(essay[i:] for i in range(RUN)), strict=False))
    held = set(zip(*(source[i:] for i in range(RUN)), strict=False))
    return sum(r in held for r in runs) / max(1, len(runs))


def _vocabulary(rubric: Rubric) -> set[str]:
    text = " ".join([rubric.question, rubric.model_answer, *(f"{p.statement} {p.credit}" for p in rubric.points)])
    return {stem(w) for w in words(text) if w not in STOP_WORDS and len(w) > 3}
