"""How well the marker agrees with people: every figure, with its definition, in one place.

The figures are those that an operational scoring engine reports (ETS RSMTool: exact and adjacent agreement,
quadratic weighted kappa, standardised mean difference), with precision, recall and F1 by point, the expected
calibration error (Naeini et al. 2015), and risk against coverage (Geifman and El-Yaniv 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score, roc_auc_score

from marker.essays import GENUINE, MODEL_ANSWER, MarkedEssay
from marker.mark import Mark, Verdict

BINS = 10
ACCURACY = 0.98
RESAMPLES = 1000
Array = NDArray[Any]


@dataclass(frozen=True)
class Decisions:
    """Hold the decisions on N (essay, point) pairs beside a person's, and which essay each belongs to."""

    essay: Array
    question: Array
    kind: Array
    gold: Array
    """True where the person credited the point."""
    contradicted: Array
    """True where the person found it contradicted and not credited."""
    credited: Array
    """True where the marker credited it."""
    probability: Array
    """The marker's probability that it is credited."""
    marks: Array

    def where(self, rows: Array) -> Decisions:
        """Return the decisions of some rows."""
        return Decisions(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def decisions(pairs: Iterable[tuple[MarkedEssay, Mark]], marks: Callable[[str, str], int]) -> Decisions:
    """Line up marks with a person's labels; `marks` gives the worth of a point by question and point id."""
    rows = [
        (
            gold.id,
            gold.question,
            gold.kind,
            gold.verdict(v.point) is Verdict.CREDITED,
            gold.verdict(v.point) is Verdict.CONTRADICTED,
            v.verdict is Verdict.CREDITED,
            v.confidence if v.verdict in {Verdict.CREDITED, Verdict.DOUBTFUL} else 1 - v.confidence,
            marks(gold.question, v.point),
        )
        for gold, mark in pairs
        if gold.kind != MODEL_ANSWER
        for v in mark.verdicts
    ]
    return Decisions(*(np.array(column) for column in zip(*rows, strict=True)))


def report(d: Decisions, *, intervals: bool = True) -> dict[str, Any]:
    """Return every figure as plain data, with 95% bootstrap intervals by essay for the main ones."""
    figures: dict[str, Any] = {
        "essays": len(np.unique(d.essay)),
        "decisions": len(d.gold),
        "share_credited_by_person": float(d.gold.mean()),
        "points": point_figures(d),
        "totals": total_figures(d),
        "calibration_error": calibration_error(d),
        "decided": decided(d),
        "contradicted_credited": contradicted_credited(d),
        "gaming": gaming(d),
    }
    if intervals:
        figures["intervals"] = intervals_of(
            d,
            {
                "f1": lambda x: point_figures(x)["f1"],
                "qwk": lambda x: total_figures(x)["qwk"],
                "smd": lambda x: total_figures(x)["smd"],
                "calibration_error": calibration_error,
                "contradicted_credited": contradicted_credited,
                "decided_share": lambda x: decided(x)["share"],
            },
        )
    return figures


def point_figures(d: Decisions) -> dict[str, float]:
    """Return precision, recall, F1 and Cohen's kappa of "credited", and the area under the ROC curve, by point."""
    both = 0 < d.gold.sum() < len(d.gold)
    return {
        "precision": float(precision_score(d.gold, d.credited, zero_division=0)),
        "recall": float(recall_score(d.gold, d.credited, zero_division=0)),
        "f1": float(f1_score(d.gold, d.credited, zero_division=0)),
        "kappa": float(cohen_kappa_score(d.gold, d.credited)) if both else 0.0,
        "accuracy": float((d.gold == d.credited).mean()),
        "auc": float(roc_auc_score(d.gold, d.probability)) if both else 0.5,
    }


def totals(d: Decisions) -> tuple[Array, Array]:
    """Return each essay's total by the person and by the marker."""
    _, index = np.unique(d.essay, return_inverse=True)
    return np.bincount(index, d.gold * d.marks), np.bincount(index, d.credited * d.marks)


def total_figures(d: Decisions) -> dict[str, float]:
    """Compare essay totals.

    `exact` and `adjacent` are the shares that are equal or at most one mark apart; `qwk` is quadratic weighted kappa;
    `smd` is the difference of the means divided by the pooled standard deviation.
    """
    person, machine = totals(d)
    spread = float(np.sqrt((person.var() + machine.var()) / 2))
    return {
        "exact": float((person == machine).mean()),
        "adjacent": float((abs(person - machine) <= 1).mean()),
        "qwk": quadratic_weighted_kappa(person, machine),
        "smd": float((machine.mean() - person.mean()) / spread) if spread else 0.0,
        "mean_person": float(person.mean()),
        "mean_machine": float(machine.mean()),
    }


def quadratic_weighted_kappa(person: Array, machine: Array) -> float:
    """Return Cohen's kappa of whole-number totals with quadratic weights; 1 where both are constant and equal."""
    a, b = person.astype(int), machine.astype(int)
    if len(np.unique(np.concatenate([a, b]))) == 1:
        return 1.0
    labels = list(range(min(a.min(), b.min()), max(a.max(), b.max()) + 1))
    return float(cohen_kappa_score(a, b, weights="quadratic", labels=labels))


def calibration_error(d: Decisions) -> float:
    """Return the expected calibration error of P(credited) over ten bins of equal width."""
    bins = np.minimum((d.probability * BINS).astype(int), BINS - 1)
    gaps = [
        (bins == b).mean() * abs(d.gold[bins == b].mean() - d.probability[bins == b].mean())
        for b in range(BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def decided(d: Decisions, accuracy: float = ACCURACY) -> dict[str, float]:
    """Return the greatest share of decisions, surest first, that are right at the stated accuracy.

    A decision is right where it agrees with the person; its sureness is the distance of P(credited) from one half.
    """
    order = np.argsort(-abs(d.probability - 0.5), kind="stable")
    right = (d.gold == (d.probability >= 0.5))[order]
    running = np.cumsum(right) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero(running >= accuracy)
    count = int(enough[-1]) + 1 if len(enough) else 0
    confidence = float(abs(d.probability - 0.5)[order][count - 1] + 0.5) if count else 1.0
    return {"share": count / len(right), "accuracy": accuracy, "confidence": confidence}


def contradicted_credited(d: Decisions) -> float:
    """Return the share of contradicted points that the marker credited."""
    return float(d.credited[d.contradicted].mean()) if d.contradicted.any() else 0.0


def gaming(d: Decisions) -> dict[str, dict[str, float]]:
    """Return, for each kind of gaming, the marks earned beyond the person's: mean and greatest by essay."""
    result = {}
    for kind in sorted(set(d.kind.tolist()) - {GENUINE}):
        person, machine = totals(d.where(d.kind == kind))
        beyond = np.maximum(machine - person, 0)
        result[kind] = {"essays": len(beyond), "mean_beyond": float(beyond.mean()), "most_beyond": float(beyond.max())}
    return result


def by_question(d: Decisions) -> dict[str, dict[str, float]]:
    """Return the main figures of each question."""
    result = {}
    for question in sorted(set(d.question.tolist())):
        part = d.where(d.question == question)
        points, total = point_figures(part), total_figures(part)
        result[question] = {"f1": points["f1"], "kappa": points["kappa"], "qwk": total["qwk"], "smd": total["smd"]}
    return result


def intervals_of(
    d: Decisions, figures: dict[str, Callable[[Decisions], float]], resamples: int = RESAMPLES
) -> dict[str, Sequence[float]]:
    """Return 95% bootstrap intervals, resampling whole essays with a fixed seed."""
    generator = np.random.default_rng(0)
    _, index = np.unique(d.essay, return_inverse=True)
    rows = [np.flatnonzero(index == i) for i in range(index.max() + 1)]
    samples: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(resamples):
        chosen = generator.integers(0, len(rows), len(rows))
        sample = d.where(np.concatenate([rows[i] for i in chosen]))
        copies = np.concatenate([[f"{n}"] * len(rows[i]) for n, i in enumerate(chosen)])
        sample = Decisions(**{**{k: getattr(sample, k) for k in sample.__dataclass_fields__}, "essay": copies})
        for name, figure in figures.items():
            samples[name].append(figure(sample))
    return {name: [float(q) for q in np.percentile(values, [2.5, 97.5])] for name, values in samples.items()}


def rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the main figures of a report as pairs of a name and a value with its interval."""
    points, total, span = figures["points"], figures["totals"], figures.get("intervals", {})

    def with_interval(value: float, name: str) -> str:
        low, high = span.get(name, (None, None))
        return f"{value:.3f}" if low is None else f"{value:.3f} ({low:.3f} to {high:.3f})"

    beyond = [(g["essays"], g["mean_beyond"], g["most_beyond"]) for g in figures["gaming"].values()]
    games = sum(n for n, _, _ in beyond)
    gamed = f"{sum(n * m for n, m, _ in beyond) / games:.3f}; {max(m for _, _, m in beyond):.0f}" if games else "-"
    return [
        ("essays; decisions; share credited by the person",
         f"{figures['essays']}; {figures['decisions']}; {figures['share_credited_by_person']:.3f}"),
        ("F1 of credited", with_interval(points["f1"], "f1")),
        ("precision; recall; kappa; ROC AUC",
         "; ".join(f"{points[k]:.3f}" for k in ("precision", "recall", "kappa", "auc"))),
        ("totals: QWK", with_interval(total["qwk"], "qwk")),
        ("totals: SMD", with_interval(total["smd"], "smd")),
        ("totals: exact; adjacent agreement", f"{total['exact']:.3f}; {total['adjacent']:.3f}"),
        ("contradicted points credited", with_interval(figures["contradicted_credited"], "contradicted_credited")),
        ("expected calibration error", with_interval(figures["calibration_error"], "calibration_error")),
        ("decided at 98% accuracy", with_interval(figures["decided"]["share"], "decided_share")),
        ("marks beyond the person's by gaming, an essay: mean; most", gamed),
    ]  # fmt: skip


def as_text(figures: dict[str, Any]) -> str:
    """Return the main figures as lines of text, then marks beyond the person's for each kind of gaming."""
    lines = [f"{name:58} {value}" for name, value in rows(figures)]
    games = [
        f"  {kind:56} {g['mean_beyond']:.3f}; {g['most_beyond']:.0f} ({g['essays']} essays)"
        for kind, g in figures["gaming"].items()
    ]
    return "\n".join(lines + games)


def as_markdown(metrics: dict[str, Any]) -> str:
    """Return the table of a model's metrics.json for its card."""
    by_essay, by_question = rows(metrics["held_out_by_essay"]), rows(metrics["held_out_by_question"])
    lines = ["| figure | questions held out by essay | questions never seen |", "|---|---|---|"]
    lines += [f"| {name} | {a} | {b} |" for (name, a), (_, b) in zip(by_essay, by_question, strict=True)]
    return "\n".join(lines)
