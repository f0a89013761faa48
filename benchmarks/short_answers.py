"""Measure the network on SciEntsBank and Beetle (SemEval-2013 task 7).

The question is whether a short answer is right, given a reference.
The reference answer stands in for a point's statement. Without --train the released model is asked as it is, which
never saw these data; with it, a copy is trained on the collection's own train split first. The data (CC BY-SA 3.0) are
not part of the project: give the folder that holds `train.jsonl` and `test-*.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import f1_score

from marker import lessons, matcher, network
from marker.language import Window
from marker.windows import Packer, join

OUTCOMES = {"correct": 1, "contradictory": 2, "incorrect": 0}
TUNED_ON = 0.1
"""Share of the train split's questions on which the threshold is chosen; the network does not see them."""


@dataclass(frozen=True)
class Answer:
    """Hold one student's answer with the question and the reference that says most of what it says."""

    question: str
    reference: str
    text: str
    outcome: int


def read(file: Path) -> list[Answer]:
    """Read answers from JSON Lines."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Answer(r["question"], r["reference"], r["answer"], OUTCOMES[r["label3"]]) for r in rows]


def example(packer: Packer, answer: Answer) -> lessons.Example:
    """Pack question, reference and answer as the network reads a point beside an essay of one sentence."""
    head = packer.head(answer.question, [answer.reference])
    chunk = next(iter(packer.chunks([Window(0, len(answer.text), answer.text)], head.room)))
    outcome = np.array([answer.outcome])
    return lessons.Example(join(head, chunk), np.full((len(chunk.spans), 1), answer.outcome), outcome)


def scores(model: network.Network, packer: Packer, answers: Sequence[Answer]) -> np.ndarray:
    """Return the probability that each answer says what its reference says: shape (answers,)."""
    examples = [example(packer, a) for a in answers]
    order = sorted(range(len(examples)), key=lambda i: len(examples[i]))
    found = np.zeros(len(examples))
    model = model.to(network.DTYPE)
    with torch.no_grad():
        for first in range(0, len(order), 32):
            rows = order[first : first + 32]
            batch = network.collate([examples[i] for i in rows])
            _, whole = model(batch.ids, batch.positions, batch.groups, batch.span_pool, batch.point_pool)
            found[rows] = whole.float().softmax(-1)[:, 0, 1].numpy()
    return found


def threshold(found: np.ndarray, right: np.ndarray) -> float:
    """Return the cut with the best macro-F1."""
    cuts = np.unique(found)[:: max(1, len(found) // 200)]
    return float(max(cuts, key=lambda cut: f1_score(right, found >= cut, average="macro")))


def main() -> None:
    """Measure and print macro-F1 of right or not (2-way) of every test split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--train", action="store_true", help="train on the collection's train split first")
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = options.model or matcher.released()
    packer = matcher.packer(folder / "tokenizer.json")
    base = network.base_folder(matcher.MODELS / ".base")
    model = network.restore(folder / "network.onnx", base).eval()
    cut = 0.5
    if options.train:
        taught = read(options.data / "train.jsonl")
        questions = sorted({a.question for a in taught})
        random.Random(options.seed).shuffle(questions)  # noqa: S311 - shuffling, not secrecy
        tuning = set(questions[: round(TUNED_ON * len(questions))])
        examples = [example(packer, a) for a in taught if a.question not in tuning]
        schedule = network.Schedule(options.epochs, rate=options.rate, head_rate=5 * options.rate, seed=options.seed)
        network.fit(model, lambda _: examples, schedule)
        tuned = [a for a in taught if a.question in tuning]
        cut = threshold(scores(model, packer, tuned), np.array([a.outcome == 1 for a in tuned]))
    print(f"{folder.name}, {'trained on the train split' if options.train else 'as released'}, threshold {cut:.3f}")
    for file in sorted(options.data.glob("test-*.jsonl")):
        answers = read(file)
        right = np.array([a.outcome == 1 for a in answers])
        macro = f1_score(right, scores(model, packer, answers) >= cut, average="macro")
        print(f"{file.stem}: {len(answers)} answers, macro-F1 {macro:.3f}")


if __name__ == "__main__":
    main()
