"""Train a model on the rubrics' marked essays and measure it on essays that it has not seen.

Questions are dealt into two halves, and a network is trained on each: every question is marked by the network that
never saw it. The questions with many essays are dealt by essay instead. The decision (features to probability to
verdict) is learned on such unseen essays only, and its figures come from the half that it was not learned on. The
released network is the first of the two, trained on, on all essays.

Training may start from a released model. Files of essays that it was trained on (its config names them by digest) are
then never held out: some of them are shown again, lest they be forgotten, and only new files are measured on. The two
networks have not gone far from each other then, and the released one goes on from their mean.

In the last stretch each question's statements are one more essay; the network released is the mean of before and after.
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
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.preprocessing import StandardScaler

from marker import essays, evaluation, language
from marker.decision import Decision, Logistic, Thresholds, expand
from marker.errors import ModelError
from marker.essays import MODEL_ANSWER, MarkedEssay
from marker.examiner import Examiner
from marker.language import Window
from marker.mark import Mark, Verdict
from marker.matcher import FORMAT, Network, Readings, packer, read_config
from marker.rubric import RequiredPoint, Rubric
from marker.windows import POSITIONS, join, point_text

HALVES = 2
POINTS_PER_PASS = 3
BY_ESSAY = 40
"""Questions with at least so many essays are held out by essay, all others whole."""

MISSION = ("ussr-1953-power-struggle", "khrushchev-consolidation-1953-56")
"""The two questions whose fresh essays are reported apart: the network knows these questions, not these essays."""

REPLAY = 0.2
"""Share of the essays known to the model that training starts from that is shown again in an epoch."""

GAP = 0.1
BARE = 0.1
"""Chance that a sentence is left out of an example, and that a point is shown without its rules."""

PENALTY = 0.02
"""Inverse strength of the penalty on the decision's weights (scikit-learn's C)."""

STATEMENTS = "statements"
"""Kind of the made-up essay that consists of a rubric's statements: any number of them, in any order."""

MISSED = 0.05
"""Greatest share of earned points among those called omitted; what lies between is doubtful."""


@dataclass(frozen=True)
class Course:
    """Hold how to train: `epochs` each half over its essays, `stretches` over all of them, one after the other.

    `start` is the folder of the released model to start from; without one, training starts from the base model.
    """

    epochs: float = 3.5
    stretches: tuple[float, ...] = (1.3, 1.2)
    rate: float = 2e-4
    start: Path | None = None


@dataclass(frozen=True)
class Question:
    """Hold a rubric with its marked essays; `known` are the ids of those that the start of training was taught."""

    rubric: Rubric
    essays: tuple[MarkedEssay, ...]
    known: frozenset[str] = frozenset()

    @property
    def by_essay(self) -> bool:
        """Say whether the question is held out by essay."""
        return bool(self.known) or sum(e.kind != MODEL_ANSWER for e in self.essays) >= BY_ESSAY

    def half(self, essay: MarkedEssay) -> int | None:
        """Return the half, 0 or 1, in which an essay is held out; None for one that is taught in both."""
        if essay.id in self.known:
            return None
        return _draw(essay.id) if self.by_essay else _draw(self.rubric.id)


def load(rubrics: Path, start: Path | None = None) -> list[Question]:
    """Read every rubric folder that has marked essays, in order of name; raises MarkerError."""
    # The start's format may be older than what the examiner reads: only its network is used.
    digests = read_config(start)["training_data"].values() if start else ()
    questions = []
    for folder, files in _library(rubrics).items():
        taught = {f: essays.read(f) for f in files}
        known = frozenset(e.id for f, read in taught.items() if essays.digest(f) in digests for e in read)
        questions.append(Question(Rubric.load(folder), tuple(e for read in taught.values() for e in read), known))
    return questions


def _library(rubrics: Path) -> dict[Path, list[Path]]:
    """Return the files of marked essays of every rubric folder that has any, in order of name."""
    return {f: files for f in sorted(rubrics.iterdir()) if (files := essays.files(f))}


def stated(question: Question) -> Question:
    """Return the question with one essay of its points' own statements, a sentence each, which the points credit.

    Most marked essays paraphrase, and many change one word of a statement to deny it; a network that knows only them
    takes a plain statement for a denial.
    """
    rubric = question.rubric
    sentences = tuple(essays.MarkedSentence(p.statement, (p.id,)) for p in rubric.points)
    return Question(rubric, (MarkedEssay(f"{rubric.id}-statements", rubric.id, sentences, STATEMENTS),))


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
    runs = [context.Process(target=_fit_half, args=(rubrics, work, half, course)) for half in range(HALVES)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
        if run.exitcode:
            raise ModelError(f"training stopped with status {run.exitcode}")
    questions = load(rubrics, course.start)
    folders = [work / f"half-{half}" for half in range(HALVES)]
    folder = _average(folders, work / "average") if course.start else folders[0]
    *stretches, final = course.stretches
    for number, epochs in enumerate(stretches):
        folder = _fit_on(questions, folder, work / f"all-{number}", (epochs, course.rate / 2, HALVES + number))
    taught, number = [*questions, *map(stated, questions)], len(stretches)
    plain = _fit_on(taught, folder, work / f"all-{number}", (final, course.rate / 2, HALVES + number))
    folder = _average([folder, plain], work / "released")  # what polarity loses by plain statements is mostly kept
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


def _fit_half(rubrics: Path, work: Path, half: int, course: Course) -> None:
    """Train on the essays that are not held out in this half, in a process and on a core of its own."""
    folder = work / f"half-{half}"
    if (folder / "config.json").exists():
        return
    import torch  # noqa: PLC0415 - torch is needed to train only

    from marker import network  # noqa: PLC0415

    torch.set_num_threads(1)
    taught = [(q, e) for q in load(rubrics, course.start) for e in q.essays if q.half(e) != half]
    torch.manual_seed(half)
    model = network.restore(course.start / "network.onnx") if course.start else network.Network()
    network.fit(model, Dealer(taught), network.Schedule(course.epochs, course.rate, 5 * course.rate, seed=half))
    _keep(model, folder)


def _fit_on(questions: Sequence[Question], start: Path, folder: Path, schedule: tuple[float, float, int]) -> Path:
    """Train a network on, on all essays, for some epochs, at a rate, with a seed; returns its folder."""
    if (folder / "config.json").exists():
        return folder
    import torch  # noqa: PLC0415

    from marker import network  # noqa: PLC0415

    torch.set_num_threads(os.cpu_count() or 1)
    model = network.Network()
    model.load_state_dict(torch.load(start / "weights.pt", weights_only=True))
    epochs, rate, seed = schedule
    deal = Dealer([(q, e) for q in questions for e in q.essays])
    network.fit(model, deal, network.Schedule(epochs, rate, 5 * rate, seed=seed))
    _keep(model, folder)
    return folder


def _average(folders: Sequence[Path], folder: Path) -> Path:
    """Write the network whose weights are the mean of several (Wortsman et al. 2022, model soups); returns its folder.

    It has seen what each of them saw. They must have started from the same weights and not have gone far.
    """
    if (folder / "config.json").exists():
        return folder
    import torch  # noqa: PLC0415

    from marker import network  # noqa: PLC0415

    states = [torch.load(f / "weights.pt", weights_only=True) for f in folders]
    model = network.Network()
    model.load_state_dict({n: torch.stack([s[n] for s in states]).mean(0) for n in states[0]})
    _keep(model.eval(), folder)
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
        rubrics = {q.rubric.id: q.rubric for q, _ in taught}
        names = {id: sorted(language.rubric_names(rubric)) for id, rubric in rubrics.items()}
        self._taught = [(q.rubric, e, _windows(e, names[q.rubric.id])) for q, e in taught]
        self._known = {(q.rubric.id, id) for q, _ in taught for id in q.known}

    def __call__(self, rng: random.Random) -> list[Any]:
        """Return the examples of one epoch."""
        return [
            x
            for rubric, essay, windows in self._taught
            if (rubric.id, essay.id) not in self._known or rng.random() < REPLAY
            for x in self._examples(rubric, essay, windows, rng)
        ]

    def _examples(
        self, rubric: Rubric, essay: MarkedEssay, windows: Sequence[Window], rng: random.Random
    ) -> Iterable[Any]:
        from marker.network import Example  # noqa: PLC0415

        points = list(rubric.points)
        rng.shuffle(points)
        for first in range(0, len(points), POINTS_PER_PASS):
            group = points[first : first + POINTS_PER_PASS]
            gap = rng.random() if essay.kind == STATEMENTS else GAP
            kept = [n for n in range(len(windows)) if rng.random() >= gap] or [rng.randrange(len(windows))]
            if essay.kind == STATEMENTS:
                rng.shuffle(kept)
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
            Trial(question.half(e) or 0, question, e, r, examiner.vectors(e.text, r))
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
    """Fit on features and products brought to one size, so that the penalty treats all alike."""
    features = StandardScaler().fit(vectors)
    expanded = expand(vectors, features.mean_, features.scale_)
    sizes = StandardScaler().fit(expanded)
    model = LogisticRegression(C=PENALTY, max_iter=3000).fit(sizes.transform(expanded), truth)
    weights = model.coef_[0] / sizes.scale_
    bias = float(model.intercept_[0] - sizes.mean_ @ weights)
    return Logistic(tuple(features.mean_.tolist()), tuple(features.scale_.tolist()), tuple(weights.tolist()), bias)


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
        "course": asdict(course) | {"start": course.start.name if course.start else None},
        "training_data": {
            str(f.relative_to(rubrics)): essays.digest(f) for files in _library(rubrics).values() for f in files
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
