"""Measure what a few marked essays of a question's own are worth: the learning curve over 0, 5, 10 and 20 of them.

For each question with enough fresh essays, so many are drawn at random, the worst misjudgements of their sentences
become rulings of the rubric (`marker.rulings`), and the others are marked by it. Figures are means over the draws and
stand beside those of the same others marked without rulings. Writes learning_curve.md beside this file.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marker import Essay, Examiner, Mark, Rubric, essays, evaluation
from marker.essays import MODEL_ANSWER, MarkedEssay
from marker.rulings import learned

HERE = Path(__file__).resolve().parent
FRESH, RUBRICS = HERE.parent / "tests" / "held_out", HERE.parent / "rubrics"
COUNTS, LEAST = (5, 10, 20), 40
"""Essays of the question's own, and fresh essays that a question must have to be measured."""


def figures(rubric: Rubric, marked: Sequence[tuple[MarkedEssay, Mark]]) -> tuple[float, float, float]:
    """Return F1 of credited points, quadratic weighted kappa of totals, and the share of contradictions credited."""
    d = evaluation.decisions(marked, lambda _, point: rubric.point(point).marks)
    report = evaluation.report(d, intervals=False)
    return report["points"]["f1"], report["totals"]["qwk"], report["contradicted_credited"]


def mark(examiner: Examiner, gold: Sequence[MarkedEssay]) -> dict[str, Mark]:
    """Mark essays, by id."""
    marks = examiner.mark_many(Essay(e.id, e.text) for e in gold)
    return {e.id: m for e, m in zip(gold, marks, strict=True) if isinstance(m, Mark)}


def curve(rubric: Rubric, gold: Sequence[MarkedEssay], draws: int) -> dict[int, list[tuple[float, ...]]]:
    """Return for each count the figures of every draw: without rulings, then with them."""
    examiner = Examiner.load(rubric)
    plain = mark(examiner, gold)
    found: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for draw in range(draws):
        order = random.Random(draw).sample(gold, len(gold))  # noqa: S311 - a fair draw, not a secret
        for count in COUNTS:
            own, others = order[:count], order[count:]
            taught = mark(Examiner.load(learned(examiner, own)), others)
            before = figures(rubric, [(e, plain[e.id]) for e in others])
            found[count].append((*before, *figures(rubric, [(e, taught[e.id]) for e in others])))
    return found


def main() -> None:
    """Measure every question with enough fresh essays, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    lines = ["# Learning curve", "", f"Means over {options.draws} draws; each cell: without rulings → with them.", ""]
    lines += ["| question | own essays | F1 | QWK | contradicted credited |", "|---|--:|---|---|---|"]
    for file in sorted(FRESH.glob("*/essays.jsonl")):
        gold = [e for e in essays.read(file) if e.kind != MODEL_ANSWER]
        if len(gold) < LEAST:
            continue
        home = file.parent if (file.parent / "rubric.toml").exists() else RUBRICS / file.parent.name
        rubric = Rubric.load(home)
        for count, rows in curve(rubric, gold, options.draws).items():
            f1, qwk, con, f1_, qwk_, con_ = np.mean(rows, axis=0)
            cells = f"{f1:.3f} → {f1_:.3f} | {qwk:.3f} → {qwk_:.3f} | {con:.3f} → {con_:.3f}"
            lines.append(f"| {rubric.id} | {count} | {cells} |")
            print(lines[-1], flush=True)
    (HERE / "learning_curve.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
