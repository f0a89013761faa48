"""Pack an essay and a rubric's points into sequences that the network reads at one go.

Every sentence is read together with the sentences around it and with the whole rule of a point, which is what
pronouns, points split over sentences, and near misses need. Nothing is left unread, so no first stage has to choose
windows by similarity. Only an essay longer than one sequence is cut, into chunks that share two sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from marker.language import Window
from marker.rubric import RequiredPoint

Encoded = tuple[list[int], list[tuple[int, int]]]
Tokenize = Callable[[str], Encoded]
"""Text to token ids with the character offsets of each."""

ESSAY_TOKENS = 420
"""Tokens of one chunk; the base network has 512 positions, and two sentences of overlap must fit."""

SENTENCE_TOKENS = 200
"""Tokens of one sentence; what is beyond is not read, as no sentence of an essay is that long unless by mistake."""

OVERLAP = 2


@dataclass(frozen=True, slots=True)
class Span:
    """Hold one stretch of an essay and its tokens `first` to `last` (exclusive) within a chunk."""

    start: int
    end: int
    first: int
    last: int
    sentence: int
    clause: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hold the token ids of consecutive sentences, and the spans (sentences and clauses) that are judged."""

    ids: list[int]
    spans: list[Span]


def point_text(point: RequiredPoint) -> str:
    """Return what the network reads of a point: its statement, when it earns credit, and when not."""
    parts = [point.statement, point.credit, f"Not: {point.no_credit}" if point.no_credit else ""]
    return " ".join(p for p in parts if p)


def chunks(windows: Sequence[Window], tokenize: Tokenize, cls: int, sep: int) -> Iterator[Chunk]:
    """Cut an essay into chunks of whole sentences, each of at most ESSAY_TOKENS tokens."""
    encoded = [_encode(w, tokenize) for w in windows]
    begin = 0
    while begin < len(windows):
        end, size = begin, 1
        while end < len(windows) and (end == begin or size + len(encoded[end][0]) + 1 <= ESSAY_TOKENS):
            size += len(encoded[end][0]) + 1
            end += 1
        yield _chunk(windows, {n: encoded[n] for n in range(begin, end)}, cls, sep)
        if end >= len(windows):
            return
        begin = max(end - OVERLAP, begin + 1)


def _encode(window: Window, tokenize: Tokenize) -> Encoded:
    ids, offsets = tokenize(window.reading)
    return ids[:SENTENCE_TOKENS], offsets[:SENTENCE_TOKENS]


def _chunk(windows: Sequence[Window], encoded: Mapping[int, Encoded], cls: int, sep: int) -> Chunk:
    ids, spans = [cls], []
    for number, (tokens, offsets) in encoded.items():
        window = windows[number]
        first = len(ids)
        ids += [*tokens, sep]
        spans.append(Span(window.start, window.end, first, len(ids), number))
        spans += _clause_spans(window, offsets, first, number)
    return Chunk(ids, spans)


def _clause_spans(window: Window, offsets: Sequence[tuple[int, int]], first: int, number: int) -> Iterator[Span]:
    """Find the tokens of each clause by its share of the reading, which differs from the text only in names."""
    scale = len(window.reading) / max(1, window.end - window.start)
    for start, end in window.clauses:
        a, b = (start - window.start) * scale, (end - window.start) * scale
        inside = [i for i, (x, y) in enumerate(offsets) if (x + y) / 2 >= a and (x + y) / 2 < b]
        if inside:
            yield Span(start, end, first + inside[0], first + inside[-1] + 1, number, clause=True)
