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

POSITIONS = 510
"""Tokens that the network reads at one go; its base has 512 positions."""

ROOM = 64
"""Least room for the essay beside the points; rules so long that they leave less are cut."""

SENTENCE_TOKENS = 200
"""Tokens of one sentence; what is beyond is not read: no sentence is that long unless its full stops are missing."""

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


@dataclass(frozen=True, slots=True)
class Passage:
    """Hold what is read at one go: question, points and part of an essay, with the tokens of each point and span."""

    ids: list[int]
    points: list[tuple[int, int]]
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class Packer:
    """Turn text into the token ids that the network reads."""

    tokenize: Tokenize
    cls: int
    sep: int

    def head(self, question: str, points: Sequence[str]) -> Passage:
        """Return question and points without an essay; over-long rules are cut to leave room for one."""
        ids = [self.cls, *self.tokenize(question)[0][:100], self.sep]
        limit = (POSITIONS - ROOM - len(ids)) // max(1, len(points)) - 1
        ends = []
        for text in points:
            first = len(ids)
            ids += [*self.tokenize(text)[0][:limit], self.sep]
            ends.append((first, len(ids)))
        return Passage(ids, ends, [])

    def chunks(self, windows: Sequence[Window], room: int) -> Iterator[Chunk]:
        """Cut an essay into chunks of whole sentences, each of at most `room` tokens."""
        encoded = [self._encode(w, room - 1) for w in windows]
        begin = 0
        while begin < len(windows):
            end, size = begin, 0
            while end < len(windows) and (end == begin or size + len(encoded[end][0]) + 1 <= room):
                size += len(encoded[end][0]) + 1
                end += 1
            yield self._chunk(windows, {n: encoded[n] for n in range(begin, end)})
            if end >= len(windows):
                return
            begin = max(end - OVERLAP, begin + 1)

    def _encode(self, window: Window, room: int) -> Encoded:
        ids, offsets = self.tokenize(window.reading)
        limit = min(SENTENCE_TOKENS, room)
        return ids[:limit], offsets[:limit]

    def _chunk(self, windows: Sequence[Window], encoded: Mapping[int, Encoded]) -> Chunk:
        ids: list[int] = []
        spans: list[Span] = []
        for number, (tokens, offsets) in encoded.items():
            window, first = windows[number], len(ids)
            ids += [*tokens, self.sep]
            spans.append(Span(window.start, window.end, first, len(ids), number))
            spans += _clause_spans(window, offsets, first, number)
        return Chunk(ids, spans)


def join(head: Passage, chunk: Chunk) -> Passage:
    """Return question, points and chunk as one passage."""
    offset = len(head.ids)
    return Passage([*head.ids, *chunk.ids], head.points, [(s.first + offset, s.last + offset) for s in chunk.spans])


def point_text(point: RequiredPoint) -> str:
    """Return what the network reads of a point: its statement, when it earns credit, and when not."""
    parts = [point.statement, point.credit, f"Not: {point.no_credit}" if point.no_credit else ""]
    return " ".join(p for p in parts if p)


def _clause_spans(window: Window, offsets: Sequence[tuple[int, int]], first: int, number: int) -> Iterator[Span]:
    """Find the tokens of each clause by its share of the reading, which differs from the text only in names."""
    scale = len(window.reading) / max(1, window.end - window.start)
    for start, end in window.clauses:
        a, b = (start - window.start) * scale, (end - window.start) * scale
        inside = [i for i, (x, y) in enumerate(offsets) if (x + y) / 2 >= a and (x + y) / 2 < b]
        if inside:
            yield Span(start, end, first + inside[0], first + inside[-1] + 1, number, clause=True)
