"""Pack an essay and a rubric's points into sequences that the network reads at one go.

Every sentence is read together with the sentences around it and with what a point asks for, which is what pronouns,
points split over sentences, and near misses need. Nothing is left unread, so no first stage has to choose windows by
similarity. The points stand side by side: all begin at the same position, each reads question and essay but none of the
other points, so neither their order nor their number changes what is read of one. Only a very long essay is cut, into
chunks that share two sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from marker.language import Window
from marker.scheme import RequiredPoint

Encoded = tuple[list[int], list[tuple[int, int]]]
Tokenize = Callable[[str], Encoded]
"""Text to token ids with the character offsets of each."""

POSITIONS = 512
"""Positions of the network's base; the points share theirs, so a passage may have more tokens."""

QUESTION_TOKENS, POINT_TOKENS = 100, 120
"""Longest question and point that are read whole; what is beyond is cut, so that an essay always has room."""

RULINGS = 2
"""Most accepted, and most rejected, sentences of a point that are read as examples: the last ones."""

SHARED = 0
"""Group of the tokens that all read: the question's and the essay's. A point's group is its number from 1."""

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
    positions: list[int]
    groups: list[int]
    points: list[tuple[int, int]]
    spans: list[tuple[int, int]]

    @property
    def room(self) -> int:
        """Return how many tokens of an essay fit behind what is there."""
        return POSITIONS - max(self.positions) - 1


@dataclass(frozen=True)
class Packer:
    """Turn text into the token ids that the network reads."""

    tokenize: Tokenize
    cls: int
    sep: int

    def head(self, question: str, points: Sequence[str]) -> Passage:
        """Return question and points without an essay."""
        ids = [self.cls, *self.tokenize(question)[0][:QUESTION_TOKENS], self.sep]
        positions, groups, ends = [*range(len(ids))], [SHARED] * len(ids), []
        start = len(ids)
        for number, text in enumerate(points, 1):
            tokens = [*self.tokenize(text)[0][:POINT_TOKENS], self.sep]
            ends.append((len(ids), len(ids) + len(tokens)))
            ids += tokens
            positions += range(start, start + len(tokens))
            groups += [number] * len(tokens)
        return Passage(ids, positions, groups, ends, [])

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
    offset, start = len(head.ids), POSITIONS - head.room
    return Passage(
        [*head.ids, *chunk.ids],
        [*head.positions, *range(start, start + len(chunk.ids))],
        [*head.groups, *[SHARED] * len(chunk.ids)],
        head.points,
        [(s.first + offset, s.last + offset) for s in chunk.spans],
    )


def point_text(point: RequiredPoint, *, rule: bool = True) -> str:
    """Return what the network reads of a point: its statement, when it earns credit, and a few rulings as examples."""
    accepted = [f"Yes: {text}" for text in point.accepted[-RULINGS:]]
    rejected = [f"No: {text}" for text in point.rejected[-RULINGS:]]
    parts = [point.statement, point.credit if rule else "", *accepted, *rejected]
    return " ".join(p for p in parts if p)


def _clause_spans(window: Window, offsets: Sequence[tuple[int, int]], first: int, number: int) -> Iterator[Span]:
    """Find the tokens of each clause by its share of the reading, which differs from the text only in names."""
    scale = len(window.reading) / max(1, window.end - window.start)
    for start, end in window.clauses:
        a, b = (start - window.start) * scale, (end - window.start) * scale
        inside = [i for i, (x, y) in enumerate(offsets) if (x + y) / 2 >= a and (x + y) / 2 < b]
        if inside:
            yield Span(start, end, first + inside[0], first + inside[-1] + 1, number, clause=True)
