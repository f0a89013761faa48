"""Train a model on the rubrics' marked essays and measure it on essays that it has not seen.

Questions are dealt into two halves, and a network is trained on each: every question is marked by the network that
never saw it. The questions with many essays are dealt by essay instead. The decision (features to probability to
verdict) is learned on such unseen essays only, and its figures come from the half that it was not learned on. The
released network is the first of the two, trained on, on all essays.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import random
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.preprocessing import StandardScaler

from marker import essays, evaluation, language
from marker.decision import Decision, Logistic, Thresholds
from marker.errors import ModelError
from marker.essays import MODEL_ANSWER, MarkedEssay
from marker.examiner import Examiner
from marker.language import Window
from marker.mark import Mark, Verdict
from marker.matcher import FORMAT, Network, Readings, packer
from marker.rubric import RequiredPoint, Rubric
from marker.windows import POSITIONS, join, point_text

HALVES = 2
POINTS_PER_PASS = 3
BY_ESSAY = 40
"""Questions with at least so many essays are held out by essay, all others whole."""

MISSION = ("ussr-1953-power-struggle", "khrushchev-consolidation-1953-56")
"""The two questions whose fresh essays are reported apart: the network knows these questions, not these essays."""

GAP = 0.1
BARE = 0.1
"""Chance that a sentence is left out of an example, and that a point is shown without its rules."""

MISSED = 0.05
"""Greatest share of earned points among those called omitted; what lies between is doubtful."""


@dataclass(frozen=True)
class Course:
    """Hold how long to train: `epochs` each half over its essays, `stretches` over all of them, one after the other."""

    epochs: float = 3.5
    stretches: tuple[float, ...] = (1.3, 1.2)


@dataclass(frozen=True)
class Question:
    """Hold a rubric with its marked essays."""

    rubric: Rubric
    essays: tuple[MarkedEssay, ...]

    @property
    def by_essay(self) -> bool:
        """Say whether the question is held out by essay."""
        return sum(e.kind != MODEL_ANSWER for e in self.essays) >= BY_ESSAY

    def half(self, essay: MarkedEssay) -> int:
        """Return the half, 0 or 1, in which an essay is held out."""
        return _draw(essay.id) if self.by_essay else _draw(self.rubric.id)


def load(rubrics: Path) -> list[Question]:
    """Read every rubric folder that has marked essays, in order of name; raises MarkerError."""
    folders = sorted(f.parent for f in rubrics.glob("*/essays.jsonl"))
    return [Question(Rubric.load(f), tuple(essays.read(f / "essays.jsonl"))) for f in folders]


def load_fresh(fresh: Path, rubrics: Path) -> list[Question]:
    """Read marked essays that no network is ever trained on; a folder without a rubric.toml is of the library's."""
    folders = sorted(f.parent for f in fresh.glob("*/essays.jsonl"))
    homes = [f if (f / "rubric.toml").exists() else rubrics / f.name for f in folders]
    return [
        Question(Rubric.load(h), tuple(essays.read(f / "essays.jsonl"))) for f, h in zip(folders, homes, strict=True)
    ]


def train(rubrics: Path, fresh: Path, out: Path, course: Course) -> None:
    """Train, measure and write a model to a new folder; a run that was stopped goes on where it was.

    Raises ModelError where the folder exists: a released model is never changed.
    """
    if out.exists():
        raise ModelError(f"{out}: exists; a released model is never changed: give a new name")
    work = out.parent / f".{out.name}"
    work.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=_fit_half, args=(rubrics, work, half, course.epochs)) for half in range(HALVES)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
        if run.exitcode:
            raise ModelError(f"training stopped with status {run.exitcode}")
    questions = load(rubrics)
    folder = work / "half-0"
    for number, epochs in enumerate(course.stretches):
        folder = _fit_on(questions, folder, work / f"all-{number}", (epochs, HALVES + number))
    halves = [trial for half in range(HALVES) for trial in _try(questions, work / f"half-{half}", half)]
    learned = conclude(halves, _try(load_fresh(fresh, rubrics), folder, None))
    release(rubrics, folder, out, learned, course)


def conclude(halves: Sequence[Trial], fresh: Sequence[Trial]) -> tuple[Decision, dict[str, Any]]:
    """Learn the decision from essays that the halves had not seen, bring it to the released network, and measure both.

    The released network saw more than the halves did and is surer. Two numbers (Platt 1999) and the thresholds are
    learned anew on fresh essays; the figures on those come from the other questions' two numbers.
    """
    decision = _decide(halves)
    figures = {**_measure(halves), "released_on_fresh_essays": _measure_fresh(decision, fresh)}
    return _recalibrate(decision, fresh), figures


# --- the network -----------------------------------------------------------------------------------------------------


def _fit_half(rubrics: Path, work: Path, half: int, epochs: float) -> None:
    """Train on the essays that are not held out in this half, in a process and on a core of its own."""
    folder = work / f"half-{half}"
    if (folder / "config.json").exists():
        return
    import torch  # noqa: PLC0415 - torch is needed to train only

    from marker import network  # noqa: PLC0415

    torch.set_num_threads(1)
    taught = [(q, e) for q in load(rubrics) for e in q.essays if q.half(e) != half]
    torch.manual_seed(half)
    model = network.Network()
    network.fit(model, Dealer(taught), network.Schedule(epochs, seed=half))
    _keep(model, folder)


def _fit_on(questions: Sequence[Question], start: Path, folder: Path, stretch: tuple[float, int]) -> Path:
    """Train a network on, on all essays, for some epochs with a seed; returns its folder."""
    if (folder / "config.json").exists():
        return folder
    import torch  # noqa: PLC0415

    from marker import network  # noqa: PLC0415

    torch.set_num_threads(os.cpu_count() or 1)
    model = network.Network()
    model.load_state_dict(torch.load(start / "weights.pt", weights_only=True))
    epochs, seed = stretch
    deal = Dealer([(q, e) for q in questions for e in q.essays])
    network.fit(model, deal, network.Schedule(epochs, rate=1e-4, head_rate=5e-4, seed=seed))
    _keep(model, folder)
    return folder


def _keep(model: Any, folder: Path) -> None:
    """Write a network with all that the examiner needs to read with it; config.json comes last and says it is whole."""
    import torch  # noqa: PLC0415

    from marker import network  # noqa: PLC0415

    folder.mkdir(exist_ok=True)
    torch.save(model.state_dict(), folder / "weights.pt")
    network.export(model, folder / "network.onnx")
    shutil.copy(network.base_folder() / "tokenizer.json", folder)
    config = {"format": FORMAT, "version": folder.name, "network": _network_config()}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _network_config() -> dict[str, Any]:
    return {"base": "all-MiniLM-L6-v2", "points_per_pass": POINTS_PER_PASS}


class Dealer:
    """Deal the essays with a few points each into examples, in another order and with other gaps at every call."""

    def __init__(self, taught: Sequence[tuple[Question, MarkedEssay]]) -> None:
        from marker import network  # noqa: PLC0415

        self._packer = packer(network.base_folder() / "tokenizer.json")
        names = {q.rubric.id: sorted(language.rubric_names(q.rubric)) for q, _ in taught}
        self._taught = [(q.rubric, e, _windows(e, names[q.rubric.id])) for q, e in taught]

    def __call__(self, rng: random.Random) -> list[Any]:
        """Return the examples of one epoch."""
        return [x for rubric, essay, windows in self._taught for x in self._examples(rubric, essay, windows, rng)]

    def _examples(
        self, rubric: Rubric, essay: MarkedEssay, windows: Sequence[Window], rng: random.Random
    ) -> Iterable[Any]:
        from marker.network import Example  # noqa: PLC0415

        points = list(rubric.points)
        rng.shuffle(points)
        for first in range(0, len(points), POINTS_PER_PASS):
            group = points[first : first + POINTS_PER_PASS]
            kept = [n for n in range(len(windows)) if rng.random() >= GAP] or [0]
            head = self._packer.head(rubric.question, [_told(p, rng) for p in group])
            for chunk in self._packer.chunks([windows[n] for n in kept], POSITIONS - len(head.ids)):
                sentences = [essay.sentences[kept[s.sentence]] for s in chunk.spans]
                labels = np.array([[_label(s, p.id) for p in group] for s in sentences])
                yield Example(join(head, chunk), labels)


def _windows(essay: MarkedEssay, names: list[str]) -> list[Window]:
    return [Window(0, len(s.text), language.normalise_names(s.text, names)) for s in essay.sentences]


def _told(point: RequiredPoint, rng: random.Random) -> str:
    """Return the point's text, now and then without its rules, since a teacher's rubric may have none."""
    return point.statement if rng.random() < BARE else point_text(point)


def _label(sentence: essays.MarkedSentence, point: str) -> int:
    return 1 if point in sentence.points else 2 if point in sentence.contradicts else 0


# --- the decision ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """Hold one essay as read by a network that never saw it: the features of its points (P, F) and what is true."""

    half: int
    question: Question
    essay: MarkedEssay
    readings: Readings
    vectors: NDArray[np.float64]

    @property
    def verdicts(self) -> list[Verdict]:
        """Return the person's verdicts in the order of the points."""
        return [self.essay.verdict(p.id) for p in self.question.rubric.points]


class Recorded:
    """Give readings that were made before, so that no essay is read twice."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def read(self, _rubric: Rubric, _windows: Sequence[Window]) -> Readings:
        """Return the recorded readings, as a copy that may be changed."""
        return Readings(self._readings.spans, self._readings.probabilities.copy())


UNDECIDED = Decision(Logistic((), (), (), 0.0), Logistic((), (), (), 0.0), Thresholds(1.0, 1.0, 1.0))


def _try(questions: Sequence[Question], folder: Path, half: int | None) -> list[Trial]:
    """Read the essays held out in a half, or all of fresh ones, on the same path as any essay that is marked."""
    reader = Network(folder)

    def attempt(question: Question) -> list[Trial]:
        examiner = Examiner(question.rubric, reader, UNDECIDED, "")
        held = [e for e in question.essays if half in {None, question.half(e)} and e.kind != MODEL_ANSWER]
        readings = [examiner.read(e.text) for e in held]
        return [
            Trial(question.half(e), question, e, r, examiner.vectors(e.text, r))
            for e, r in zip(held, readings, strict=True)
        ]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [trial for trials in pool.map(attempt, questions) for trial in trials]


def _decide(trials: Sequence[Trial]) -> Decision:
    """Learn the decision; its thresholds come from probabilities of folds that the regression was not fitted on."""
    vectors = np.concatenate([t.vectors for t in trials])
    verdicts = np.array([v.value for t in trials for v in t.verdicts])
    credited, contradicted = verdicts == Verdict.CREDITED, verdicts == Verdict.CONTRADICTED
    fold = np.array([_draw(t.question.rubric.id, 5) for t in trials for _ in t.verdicts])
    probability, conflict = np.zeros(len(vectors)), np.zeros(len(vectors))
    for held in range(5):
        rows = fold != held
        probability[~rows] = _fit_logistic(vectors[rows], credited[rows])(vectors[~rows])
        conflict[~rows] = _fit_logistic(vectors[rows], contradicted[rows])(vectors[~rows])
    credit = float(np.quantile(probability, 1 - credited.mean()))  # credits as many as the people did
    conflict[probability >= credit] = 0
    thresholds = Thresholds(credit, _least_missed(credited, probability, credit), _best_f1(contradicted, conflict))
    return Decision(_fit_logistic(vectors, credited), _fit_logistic(vectors, contradicted), thresholds)


def _recalibrate(decision: Decision, trials: Sequence[Trial]) -> Decision:
    """Stretch and shift P(credited) to other trials (Platt 1999), and take the thresholds from them."""
    probability = decision.credits(np.concatenate([t.vectors for t in trials]))
    truth = np.array([v is Verdict.CREDITED for t in trials for v in t.verdicts])
    score = np.log(probability / (1 - probability))
    fitted = LogisticRegression(C=1.0).fit(score[:, None], truth)
    slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    old = decision.credits
    credits = Logistic(old.mean, old.scale, tuple(w * slope for w in old.weights), old.bias * slope + shift)
    probability = 1 / (1 + np.exp(-(score * slope + shift)))
    credit = float(np.quantile(probability, 1 - truth.mean()))
    thresholds = Thresholds(credit, _least_missed(truth, probability, credit), decision.thresholds.contradict)
    return Decision(credits, decision.contradicts, thresholds)


def _fit_logistic(vectors: NDArray[Any], truth: NDArray[Any]) -> Logistic:
    scaler = StandardScaler().fit(vectors)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(vectors), truth)
    return Logistic(
        tuple(scaler.mean_.tolist()), tuple(scaler.scale_.tolist()), tuple(model.coef_[0].tolist()), model.intercept_[0]
    )


def _best_f1(truth: NDArray[Any], probability: NDArray[Any]) -> float:
    precision, recall, cuts = precision_recall_curve(truth, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float(cuts[np.argmax(f1[:-1])])


def _least_missed(truth: NDArray[Any], probability: NDArray[Any], credit: float) -> float:
    """Return the greatest cut, at most the credit threshold, below which at most MISSED of the points are earned."""
    order = np.argsort(probability)
    missed = np.cumsum(truth[order]) / np.arange(1, len(order) + 1)
    below = np.flatnonzero((missed <= MISSED) & (probability[order] < credit))
    return float(probability[order][below[-1]]) if len(below) else 0.0


def _measure(trials: Sequence[Trial]) -> dict[str, Any]:
    """Mark every half by the decision learned on the other, and compare with the people's marks."""
    pairs = []
    for half in range(HALVES):
        decision = _decide([t for t in trials if t.half != half])
        pairs += [_marked(t, decision) for t in trials if t.half == half]
    by_essay = {t.question.rubric.id for t in trials if t.question.by_essay}
    whole = _decisions(trials, pairs)
    return {**_reports(whole, by_essay), "questions": evaluation.by_question(whole)}


def _measure_fresh(decision: Decision, trials: Sequence[Trial]) -> dict[str, Any]:
    """Mark every question by the two numbers and thresholds learned on the others."""
    pairs = []
    for id in sorted({t.question.rubric.id for t in trials}):
        others = _recalibrate(decision, [t for t in trials if t.question.rubric.id != id])
        pairs += [_marked(t, others) for t in trials if t.question.rubric.id == id]
    return _reports(_decisions(trials, pairs), set(MISSION))


def _marked(trial: Trial, decision: Decision) -> tuple[MarkedEssay, Mark]:
    examiner = Examiner(trial.question.rubric, Recorded(trial.readings), decision, "")
    return trial.essay, examiner.mark(trial.essay.essay)


def _decisions(trials: Sequence[Trial], pairs: Sequence[tuple[MarkedEssay, Mark]]) -> evaluation.Decisions:
    worth = {(t.question.rubric.id, p.id): p.marks for t in trials for p in t.question.rubric.points}
    return evaluation.decisions(pairs, lambda question, point: worth[question, point])


def _reports(whole: evaluation.Decisions, by_essay: set[str]) -> dict[str, Any]:
    rows = np.isin(whole.question, sorted(by_essay))
    return {
        "held_out_by_essay": {"questions": sorted(by_essay), **evaluation.report(whole.where(rows))},
        "held_out_by_question": evaluation.report(whole.where(~rows)),
    }


# --- the release -----------------------------------------------------------------------------------------------------


def release(rubrics: Path, source: Path, out: Path, learned: tuple[Decision, dict[str, Any]], course: Course) -> None:
    """Write the released folder: network, tokenizer, config.json and metrics.json; the card is written by hand."""
    decision, figures = learned
    out.mkdir()
    for name in ("network.onnx", "tokenizer.json"):
        shutil.copy(source / name, out)
    config = {
        "format": FORMAT,
        "version": out.name,
        "network": _network_config(),
        "decision": decision.as_dict(),
        "course": {"epochs": course.epochs, "stretches": course.stretches},
        "training_data": {
            str(f.relative_to(rubrics)): essays.digest(f) for f in sorted(rubrics.glob("*/essays.jsonl"))
        },
        "libraries": {
            "python": platform.python_version(),
            **{n: version(n) for n in ("torch", "transformers", "onnxruntime", "scikit-learn", "spacy")},
        },
    }
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (out / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _draw(id: str, parts: int = HALVES) -> int:
    """Deal an id into one of several parts, the same way on every machine."""
    return int(hashlib.sha256(id.encode()).hexdigest(), 16) % parts
