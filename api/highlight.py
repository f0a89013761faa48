"""Cut an essay at every boundary of its evidence, so that overlapping passages can be shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Say that the evidence of point number `point` runs from character `start` to before `end`."""

    point: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Hold a piece of the essay that the same points claim from end to end."""

    text: str
    points: tuple[int, ...]
    """The points whose evidence covers the piece."""
    closes: tuple[int, ...]
    """The points whose evidence ends with it: where their numbers are shown."""


def segments(text: str, spans: Iterable[Span]) -> list[Segment]:
    """Cut the text at the boundaries of its spans; the pieces put together are the text."""
    merged = merge(span for span in (clip(span, len(text)) for span in spans) if span.start < span.end)
    cuts = sorted({0, len(text), *(s.start for s in merged), *(s.end for s in merged)})
    return [
        Segment(
            text[start:end],
            tuple(sorted(s.point for s in merged if s.start <= start and end <= s.end)),
            tuple(sorted(s.point for s in merged if s.end == end)),
        )
        for start, end in zip(cuts, cuts[1:], strict=False)
    ]


def merge(spans: Iterable[Span]) -> list[Span]:
    """Join the spans of each point that touch or overlap, so that its number stands once at their end."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.point, s.start)):
        last = merged[-1] if merged else None
        if last and last.point == span.point and span.start <= last.end:
            merged[-1] = Span(last.point, last.start, max(last.end, span.end))
        else:
            merged.append(span)
    return merged


def clip(span: Span, length: int) -> Span:
    """Keep a span within the text."""
    return Span(span.point, max(0, span.start), min(length, span.end))
