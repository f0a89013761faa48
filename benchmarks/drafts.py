"""Measure how many of a rubric's own points are found when its points are drafted from its model answer.

Truth is the model answer as a person labelled it, sentence by sentence (essays.jsonl, kind `model_answer`): which
points a sentence earns. A point's part of a sentence is the content stems that its statement shares with the sentence
and that the statements of the sentence's other points lack; where nothing is left, those of the statement that the
sentence has, and where the wording is quite another, those of the sentence that the other statements lack. A drafted
point means the same as a point of the rubric when it comes from a sentence that earns the point (their words overlap)
and its statement covers at least half of the point's part.

Found is the share of the rubric's points that a drafted point means, where one drafted point may stand for one point
only (a greatest matching): a sentence left whole that earns two points finds one of them. Spurious is the share of
drafted points that mean no point of the rubric; `repeated` is the share that mean one, but are not needed for the
matching. Points that the labelled model answer does not earn can't be found and aren't counted. The reading asks where
a statement comes from and what it covers; it does not judge its grammar or whom its pronouns were taken for.

Sentences taken whole are measured beside it, as what a draft without grammar would give. The rules were settled on one
half of the rubrics, by a hash of their ids; the figures of the other half are the ones to quote.

A harder reading needs no labels and so takes in every rubric that has a model answer: the share of its points to whose
statement some drafted statement has a content-stem F1 of at least a half. It punishes other wording, too.

`--mark FOLDER` measures the price of not editing a draft: the marked essays of every rubric in the folder that has a
model answer are marked by the untouched draft, where each drafted point stands for the point whose statement it is most
like (content-stem F1 of at least a third), and by the rubric itself. F1 of the person's credited points is printed.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import f1_score

from marker import EssayError, Examiner, Rubric, Verdict, drafting, essays
from marker.language import content_stems

COVERED = 0.5
"""Least share of a point's part that a drafted statement covers."""

ALIKE = 0.5
"""Least F1 of the content stems of two statements that say the same in much the same words."""


STANDS_FOR = 1 / 3
"""Least F1 of the content stems at which a drafted point stands for a point of the rubric."""


@dataclass(frozen=True)
class Part:
    """Hold what one sentence of the model answer says for one point."""

    point: str
    start: int
    end: int
    stems: frozenset[str]


@dataclass(frozen=True)
class Proposal:
    """Hold a drafted statement with where its words stand in the model answer."""

    statement: str
    spans: tuple[tuple[int, int], ...]

    def means(self, part: Part) -> bool:
        """Say whether it comes from the part's sentence and covers half of the part."""
        overlaps = any(start < part.end and part.start < end for start, end in self.spans)
        return overlaps and len(content_stems(self.statement) & part.stems) >= COVERED * len(part.stems)


@dataclass(frozen=True)
class Count:
    """Count the points of rubrics and of drafts."""

    points: int = 0
    found: int = 0
    drafted: int = 0
    spurious: int = 0

    def __add__(self, other: Count) -> Count:
        """Add up two counts."""
        return Count(
            self.points + other.points,
            self.found + other.found,
            self.drafted + other.drafted,
            self.spurious + other.spurious,
        )

    def __str__(self) -> str:
        """Return the shares as a line."""
        drafted = max(1, self.drafted)
        repeated = self.drafted - self.spurious - self.found
        return (
            f"found {self.found / max(1, self.points):.1%} of {self.points}, spurious {self.spurious / drafted:.1%} "
            f"and repeated {repeated / drafted:.1%} of {self.drafted} drafted"
        )


def parts(rubric: Rubric, answer: essays.MarkedEssay) -> Iterator[Part]:
    """Yield the part of every sentence for every point that it earns; offsets are into the answer's text."""
    start = 0
    for sentence in answer.sentences:
        said = content_stems(sentence.text)
        stated = {p: content_stems(rubric.point(p).statement) for p in sentence.points}
        for point, stems in stated.items():
            others = set().union(*(s for p, s in stated.items() if p != point))
            own = (stems & said) - others or stems & said or said - others or said
            yield Part(point, start, start + len(sentence.text), frozenset(own))
        start += len(sentence.text) + 1


def matched(meant: Sequence[Sequence[str]]) -> int:
    """Return the size of a greatest matching between drafted points, each with the points it means, and points."""
    owner: dict[str, int] = {}

    def place(drafted: int, tried: set[str]) -> bool:
        for point in meant[drafted]:
            if point not in tried:
                tried.add(point)
                if point not in owner or place(owner[point], tried):
                    owner[point] = drafted
                    return True
        return False

    return sum(place(drafted, set()) for drafted in range(len(meant)))


def drafted(rubric: Rubric, text: str) -> list[Proposal]:
    """Return what the product drafts from an answer."""
    points = drafting.draft(rubric.question, [text]).points
    return [Proposal(p.point.statement, tuple((s.start, s.end) for s in p.sources)) for p in points]


def whole(answer: essays.MarkedEssay) -> Iterator[Proposal]:
    """Yield every sentence as a proposal."""
    start = 0
    for sentence in answer.sentences:
        yield Proposal(sentence.text, ((start, start + len(sentence.text)),))
        start += len(sentence.text) + 1


def count(truth: Sequence[Part], proposals: Sequence[Proposal]) -> Count:
    """Count what a draft finds of the truth."""
    meant = [sorted({part.point for part in truth if p.means(part)}) for p in proposals]
    return Count(len({part.point for part in truth}), matched(meant), len(proposals), sum(not m for m in meant))


def alike(statement: str, drafts: Sequence[str]) -> bool:
    """Say whether some drafted statement uses much the same words."""
    stems = content_stems(statement)
    others = [content_stems(d) for d in drafts]
    return any(2 * len(stems & other) >= ALIKE * (len(stems) + len(other)) for other in others)


def likeness(a: str, b: str) -> float:
    """Return the F1 of the content stems of two statements."""
    x, y = content_stems(a), content_stems(b)
    return 2 * len(x & y) / max(1, len(x) + len(y))


def price(folders: Iterable[Path]) -> str:
    """Mark essays by untouched drafts and by the rubrics, and return both figures as a line."""
    gold: list[bool] = []
    by_draft: list[bool] = []
    by_rubric: list[bool] = []
    for folder in folders:
        rubric = Rubric.load(folder)
        draft = drafting.draft(rubric.question, [rubric.model_answer]).rubric("draft", rubric.question, "")
        stands_for = {}
        for drafted_point in draft.points:
            nearest = max(rubric.points, key=lambda p: likeness(p.statement, drafted_point.statement))
            if likeness(nearest.statement, drafted_point.statement) >= STANDS_FOR:
                stands_for[drafted_point.id] = nearest.id
        marked = [e for f in essays.files(folder) for e in essays.read(f) if e.kind != essays.MODEL_ANSWER]
        for essay, one, other in zip(marked, _credited(draft, marked), _credited(rubric, marked), strict=True):
            found = {stands_for[id] for id in one if id in stands_for}
            gold += [essay.verdict(p.id) is Verdict.CREDITED for p in rubric.points]
            by_draft += [p.id in found for p in rubric.points]
            by_rubric += [p.id in other for p in rubric.points]
    scores = f1_score(gold, by_draft), f1_score(gold, by_rubric)
    return f"F1 of {len(gold)} decisions by untouched drafts {scores[0]:.3f}, by the rubrics {scores[1]:.3f}"


def _credited(rubric: Rubric, marked: Sequence[essays.MarkedEssay]) -> Iterator[set[str]]:
    """Yield the points that each essay is credited with."""
    for mark in Examiner.load(rubric).mark_many(e.essay for e in marked):
        if isinstance(mark, EssayError):
            raise mark
        yield {v.point for v in mark.verdicts if v.verdict is Verdict.CREDITED}


def half(id: str) -> str:
    """Say in which half of the rubrics one falls."""
    odd = hashlib.md5(id.encode(), usedforsecurity=False).digest()[-1] % 2
    return "other half" if odd else "half that settled the rules"


def show(rubric: Rubric, truth: Sequence[Part], proposals: Sequence[Proposal]) -> None:
    """Print a rubric's drafted points with what they mean, and the points that no drafted point means."""
    print(f"# {rubric.id}: {rubric.question}")
    for proposal in proposals:
        meant = sorted({part.point for part in truth if proposal.means(part)})
        print(f"{', '.join(meant) or 'SPURIOUS':40} {proposal.statement}")
    for part in truth:
        if not any(p.means(part) for p in proposals):
            print(f"{'NOT FOUND':40} {rubric.point(part.point).statement}")


def labelled(folder: Path) -> essays.MarkedEssay | None:
    """Return a rubric's model answer as a person labelled it, or None where nobody did."""
    read = (e for file in essays.files(folder) for e in essays.read(file))
    return next((e for e in read if e.kind == essays.MODEL_ANSWER), None)


def main() -> None:
    """Draft the rubrics' model answers, and print the shares of each half and of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rubrics", type=Path, nargs="?", default=Path("rubrics"))
    parser.add_argument("--show", action="store_true", help="print the drafts of the half that settled the rules")
    parser.add_argument("--mark", type=Path, metavar="FOLDER", help="measure the price of not editing instead")
    options = parser.parse_args()
    if options.mark:
        found = sorted(f.parent for f in options.mark.glob("*/rubric.toml"))
        print(price(f for f in found if Rubric.load(f).model_answer))
        return
    counts: dict[tuple[str, str], Count] = {}
    wordings: list[bool] = []
    for folder in sorted(f.parent for f in options.rubrics.glob("*/rubric.toml")):
        rubric = Rubric.load(folder)
        if rubric.model_answer:
            said = [p.statement for p in drafted(rubric, rubric.model_answer)]
            wordings += [alike(p.statement, said) for p in rubric.points]
        if answer := labelled(folder):
            truth = list(parts(rubric, answer))
            proposals = {"drafted": drafted(rubric, answer.text), "whole sentences": list(whole(answer))}
            for name, proposed in proposals.items():
                for group in (half(rubric.id), "all"):
                    counts[group, name] = counts.get((group, name), Count()) + count(truth, proposed)
            if options.show and half(rubric.id) != "other half":
                show(rubric, truth, proposals["drafted"])
    for (group, name), total in sorted(counts.items()):
        print(f"{group}, {name}: {total}")
    print(f"in much the same words: {sum(wordings) / max(1, len(wordings)):.1%} of {len(wordings)} points")


if __name__ == "__main__":
    main()
