"""Train a model on the rubrics' marked essays and measure it on essays that it has not seen.

The network is trained on all essays and phrases under `rubrics/`. A folder of fresh essays, which no network is ever
trained on, serves for the rest: the decision (features to probability to verdict) is learned on them and measured on
them, each question by the decision learned on the other questions, so the figures are those of the released network.
Two questions have so many essays in training that the network knows them better than any other; the fresh essays on
these are few, each is measured by the decision learned on the others, and such questions have a decision of their own.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.preprocessing import StandardScaler

from marker import essays, evaluation
from marker.decision import Decision, Logistic, Thresholds, expand
from marker.errors import ModelError
from marker.essays import MODEL_ANSWER, MarkedEssay
from marker.examiner import Examiner
from marker.language import Window
from marker.lessons import Dealer, Lesson
from marker.mark import Mark, Verdict
from marker.matcher import FORMAT, Network, Readings, packer
from marker.rubric import Rubric

BASE = "all-mpnet-base-v2"
POINTS_PER_PASS = 10
"""Most points of a rubric that are read beside an essay at one go."""

KNOWN = 40
"""Questions with at least so many marked essays in training are known: the network is surer of them than of others."""

OTHERS = 0.3
"""Weight of a decision on a known question where the decision for others is learned, and the other way round."""

FOLDS = 5

PENALTY = 0.02
"""Inverse strength of the penalty on the decision's weights (scikit-learn's C)."""

MISSED = 0.05
"""Greatest share of earned points among those called omitted; what lies between is doubtful."""


@dataclass(frozen=True)
class Course:
    """Hold how the network is trained."""

    epochs: float = 3.0
    rate: float = 6e-5
    seed: int = 0


@dataclass(frozen=True)
class Question:
    """Hold a rubric with fresh essays; `known` says that the network was trained on many essays of it."""

    rubric: Rubric
    essays: tuple[MarkedEssay, ...]
    known: bool


@dataclass(frozen=True)
class Trial:
    """Hold one fresh essay as the network read it: the features of its points (P, F) and what is true."""

    question: Question
    essay: MarkedEssay
    readings: Readings
    vectors: NDArray[np.float64]

    @property
    def verdicts(self) -> list[Verdict]:
        """Return the person's verdicts in the order of the points."""
        return [self.essay.verdict(p.id) for p in self.question.rubric.points]

    @property
    def unit(self) -> str:
        """Return what is held out as a whole: the question, or the essay alone where its question is known."""
        return self.essay.id if self.question.known else self.question.rubric.id


def load(rubrics: Path) -> list[Lesson]:
    """Read every rubric folder that has marked essays, in order of name; raises MarkerError."""
    return [
        Lesson(Rubric.load(folder), [e for f in files for e in essays.read(f)], essays.phrases(folder))
        for folder, files in _library(rubrics).items()
    ]


def _library(rubrics: Path) -> dict[Path, list[Path]]:
    """Return the files of marked essays of every rubric folder that has any, in order of name."""
    return {f: files for f in sorted(rubrics.iterdir()) if (files := essays.files(f))}


def load_fresh(fresh: Path, rubrics: Path) -> list[Question]:
    """Read marked essays that no network is ever trained on; a folder without a rubric.toml is of the library's."""
    known = known_questions(rubrics)
    questions = []
    for file in sorted(fresh.glob("*/essays.jsonl")):
        home = file.parent if (file.parent / "rubric.toml").exists() else rubrics / file.parent.name
        questions.append(Question(Rubric.load(home), tuple(essays.read(file)), home.name in known))
    return questions


def known_questions(rubrics: Path) -> list[str]:
    """Return the questions that the network is trained on with many essays."""
    return [f.name for f, files in _library(rubrics).items() if sum(len(essays.read(x)) for x in files) >= KNOWN]


def train(rubrics: Path, fresh: Path, out: Path, course: Course) -> None:
    """Train, measure and write a model to a new folder; a run that was stopped after training goes on from there.

    Raises ModelError where the folder exists: a released model is never changed.
    """
    if out.exists():
        raise ModelError(f"{out}: exists; a released model is never changed: give a new name")
    work = out.parent / f".{out.name}"
    work.mkdir(parents=True, exist_ok=True)
    folder = work / "network"
    if not (folder / "config.json").exists():
        _fit(load(rubrics), folder, course)
    learned = conclude(attempt(load_fresh(fresh, rubrics), folder))
    release(rubrics, folder, out, learned, course)


# --- the network -----------------------------------------------------------------------------------------------------


def _fit(lessons: Sequence[Lesson], folder: Path, course: Course) -> None:
    import torch  # noqa: PLC0415 - torch is needed to train only

    from marker import network  # noqa: PLC0415

    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(course.seed)
    base = network.base_folder(folder.parent.parent / ".base")
    model = network.Network(base)
    deal = Dealer(lessons, packer(base / "tokenizer.json"))
    network.fit(model, deal, network.Schedule(course.epochs, course.rate, 10 * course.rate, seed=course.seed))
    keep(model, base, folder)


def keep(model: Any, base: Path, folder: Path) -> None:
    """Write a network with all that the examiner needs to read with it; config.json comes last and says it is whole."""
    from marker import network  # noqa: PLC0415

    folder.mkdir(exist_ok=True)
    network.export(model, folder / "network.onnx")
    shutil.copy(base / "tokenizer.json", folder)
    config = {"format": FORMAT, "version": folder.name, "network": _network_config()}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _network_config() -> dict[str, Any]:
    return {"base": BASE, "points_per_pass": POINTS_PER_PASS}


# --- the decision ----------------------------------------------------------------------------------------------------


class Recorded:
    """Give readings that were made before, so that no essay is read twice."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def read(self, _rubric: Rubric, _windows: Sequence[Window]) -> Readings:
        """Return the recorded readings, as a copy that may be changed."""
        return Readings(self._readings.spans, self._readings.probabilities.copy(), self._readings.whole.copy())


UNDECIDED = Decision(Logistic((), (), (), 0.0), Logistic((), (), (), 0.0), Thresholds(1.0, 1.0, 1.0))


def attempt(questions: Sequence[Question], folder: Path) -> list[Trial]:
    """Read fresh essays on the same path as any essay that is marked."""
    reader = Network(folder)

    def read(question: Question) -> list[Trial]:
        examiner = Examiner(question.rubric, reader, UNDECIDED, "")
        held = [e for e in question.essays if e.kind != MODEL_ANSWER]
        readings = [examiner.read(e.text) for e in held]
        return [Trial(question, e, r, examiner.vectors(e.text, r)) for e, r in zip(held, readings, strict=True)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [trial for trials in pool.map(read, questions) for trial in trials]


def conclude(trials: Sequence[Trial]) -> tuple[dict[str, Decision], dict[str, Any]]:
    """Learn the decisions for known and for other questions, and measure both on what they were not learned on."""
    pairs = []
    for held, rest in _held_out(trials, lambda t: _draw(t.unit) if t.question.known else t.unit):
        decision = decide(rest, known=held[0].question.known)
        pairs += [_marked(t, decision) for t in held]
    decisions = {"known": decide(trials, known=True), "other": decide(trials, known=False)}
    return decisions, _reports(trials, pairs)


def decide(trials: Sequence[Trial], *, known: bool) -> Decision:
    """Learn a decision; its thresholds come from probabilities of folds that the regression was not fitted on."""
    vectors, credited, contradicted, of_kind = _columns(trials, known)
    weights = np.where(of_kind, 1.0, OTHERS)
    fold = np.array([_draw(t.unit) for t in trials for _ in t.verdicts])
    probability, conflict = np.zeros(len(vectors)), np.zeros(len(vectors))
    for held in range(FOLDS):
        rows = fold != held
        probability[~rows] = fit_logistic(vectors[rows], credited[rows], weights[rows])(vectors[~rows])
        conflict[~rows] = fit_logistic(vectors[rows], contradicted[rows], weights[rows])(vectors[~rows])
    probability, conflict = probability[of_kind], conflict[of_kind]
    truth = credited[of_kind]
    credit = float(np.quantile(probability, 1 - truth.mean()))  # credits as many as the people did
    conflict[probability >= credit] = 0
    thresholds = Thresholds(
        credit, _least_missed(truth, probability, credit), _best_f1(contradicted[of_kind], conflict)
    )
    return Decision(fit_logistic(vectors, credited, weights), fit_logistic(vectors, contradicted, weights), thresholds)


def _columns(trials: Sequence[Trial], known: bool) -> tuple[NDArray[Any], ...]:
    """Return features, what is credited, what is contradicted, and which rows are of the questions meant."""
    verdicts = np.array([v.value for t in trials for v in t.verdicts])
    of_kind = np.array([t.question.known == known for t in trials for _ in t.verdicts])
    vectors = np.concatenate([t.vectors for t in trials])
    return vectors, verdicts == Verdict.CREDITED, verdicts == Verdict.CONTRADICTED, of_kind


def _held_out(trials: Sequence[Trial], unit: Callable[[Trial], Any]) -> Iterator[tuple[list[Trial], list[Trial]]]:
    """Yield the trials of each unit beside all others."""
    for one in dict.fromkeys(unit(t) for t in trials):
        yield [t for t in trials if unit(t) == one], [t for t in trials if unit(t) != one]


def fit_logistic(vectors: NDArray[Any], truth: NDArray[Any], weights: NDArray[Any]) -> Logistic:
    """Fit on features and products brought to one size, so that the penalty treats all alike."""
    features = StandardScaler().fit(vectors)
    expanded = expand(vectors, features.mean_, features.scale_)
    sizes = StandardScaler().fit(expanded)
    model = LogisticRegression(C=PENALTY, max_iter=3000).fit(sizes.transform(expanded), truth, weights)
    learned = model.coef_[0] / sizes.scale_
    bias = float(model.intercept_[0] - sizes.mean_ @ learned)
    return Logistic(tuple(features.mean_.tolist()), tuple(features.scale_.tolist()), tuple(learned.tolist()), bias)


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


def _marked(trial: Trial, decision: Decision) -> tuple[MarkedEssay, Mark]:
    examiner = Examiner(trial.question.rubric, Recorded(trial.readings), decision, "")
    return trial.essay, examiner.mark(trial.essay.essay)


def _reports(trials: Sequence[Trial], pairs: Sequence[tuple[MarkedEssay, Mark]]) -> dict[str, Any]:
    worth = {(t.question.rubric.id, p.id): p.marks for t in trials for p in t.question.rubric.points}
    whole = evaluation.decisions(pairs, lambda question, point: worth[question, point])
    known = sorted({t.question.rubric.id for t in trials if t.question.known})
    rows = np.isin(whole.question, known)
    return {
        "held_out_by_essay": {"questions": known, **evaluation.report(whole.where(rows))},
        "held_out_by_question": evaluation.report(whole.where(~rows)),
        "questions": evaluation.by_question(whole),
    }


def _draw(id: str) -> int:
    """Deal an id into one of the folds, the same way on every machine."""
    return int(sha256(id.encode()).hexdigest(), 16) % FOLDS


# --- the release -----------------------------------------------------------------------------------------------------


def release(
    rubrics: Path, source: Path, out: Path, learned: tuple[dict[str, Decision], dict[str, Any]], course: Course
) -> None:
    """Write the released folder: network, tokenizer, config.json and metrics.json; the card is written by hand."""
    decisions, figures = learned
    out.mkdir(parents=True)
    for name in ("network.onnx", "tokenizer.json"):
        shutil.copy(source / name, out)
    config = {
        "format": FORMAT,
        "version": out.name,
        "network": _network_config(),
        "decisions": {name: d.as_dict() for name, d in decisions.items()},
        "known_questions": known_questions(rubrics),
        "course": asdict(course),
        "training_data": {
            str(f.relative_to(rubrics)): essays.digest(f)
            for folder, files in _library(rubrics).items()
            for f in (*files, *folder.glob("phrases.jsonl"))
        },
        "libraries": {
            "python": platform.python_version(),
            **{n: version(n) for n in ("torch", "transformers", "onnxruntime", "scikit-learn", "spacy")},
        },
    }
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (out / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
