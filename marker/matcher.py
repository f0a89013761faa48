"""The one place that loads models: read an essay against points with the released network.

The network is the lower part of all-mpnet-base-v2, trained to read the question, the points with their rules, and the
essay together, and to say of every sentence and every point, and of the whole essay and every point: neither, credits,
contradicts. It runs in onnxruntime.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from marker.errors import ModelError
from marker.language import Window
from marker.rubric import Rubric
from marker.windows import Packer, Passage, Span, join, point_text

FORMAT = 3
"""Number of the model folder's format; a folder of another number is refused, never guessed at."""

MODELS = Path(__file__).resolve().parent.parent / "models"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Readings:
    """Hold for S spans and P claims the probabilities of neither, credits and contradicts: shape (S, P, 3).

    The claims are a rubric's points, then its misconceptions. `whole` has those of the whole essay: shape (P, 3).
    """

    spans: tuple[Span, ...]
    probabilities: Floats
    whole: Floats

    @property
    def sentences(self) -> Floats:
        """Return the rows of whole sentences, in the order of the essay."""
        rows = [i for i, s in enumerate(self.spans) if not s.clause]
        return self.probabilities[rows]


class Reader(Protocol):
    """Judge every sentence of an essay against every claim of a rubric."""

    def read(self, rubric: Rubric, windows: Sequence[Window]) -> Readings:
        """Return the probabilities for the windows, and for the clauses of long ones."""


class Network:
    """Run a released model; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        self.config = load_config(folder)
        self._group: int = self.config["network"]["points_per_pass"]
        self._packer = packer(folder / "tokenizer.json")
        self._session = _session(folder / "network.onnx")

    def read(self, rubric: Rubric, windows: Sequence[Window]) -> Readings:
        """Return the probabilities for the windows, and for the clauses of long ones."""
        heads = self._heads(rubric)
        count = len(rubric.claims)
        spans: list[Span] = []
        rows: list[Floats] = []
        whole = np.zeros((count, 3), np.float32)
        whole[:, 0] = 1
        seen: set[tuple[int, bool, int]] = set()
        for chunk in self._packer.chunks(windows, min(h.room for h in heads)):
            parts = [self._judge(join(head, chunk)) for head in heads]
            judged = np.concatenate([p[0] for p in parts], axis=1)
            overall = np.concatenate([p[1] for p in parts])
            surer = overall[:, 0] < whole[:, 0]  # of a long essay, the chunk that says most about a point counts
            whole[surer] = overall[surer]
            for span, row in zip(chunk.spans, judged, strict=True):
                key = (span.sentence, span.clause, span.start)
                if key not in seen:  # of a sentence in two chunks the first reading counts: more stands before it
                    seen.add(key)
                    spans.append(span)
                    rows.append(row)
        probabilities = np.stack(rows) if rows else np.zeros((0, count, 3), np.float32)
        return Readings(tuple(spans), probabilities, whole)

    def _heads(self, rubric: Rubric) -> list[Passage]:
        texts = [point_text(p) for p in rubric.claims]
        groups = [texts[i : i + self._group] for i in range(0, len(texts), self._group)]
        return [self._packer.head(rubric.question, group) for group in groups]

    def _judge(self, passage: Passage) -> tuple[Floats, Floats]:
        feed = {
            "ids": np.asarray([passage.ids], np.int64),
            "positions": np.asarray([passage.positions], np.int64),
            "groups": np.asarray([passage.groups], np.int64),
            "span_pool": _pool(passage.spans, len(passage.ids)),
            "point_pool": _pool(passage.points, len(passage.ids)),
        }
        probabilities, whole = self._session.run(None, feed)
        return np.asarray(probabilities, np.float32), np.asarray(whole, np.float32)


def packer(file: Path) -> Packer:
    """Return the packer of a tokenizer.json; raises ModelError where it is missing or lacks special tokens."""
    if not file.is_file():
        raise ModelError(f"{file}: missing; the model folder is not complete")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    cls, sep = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    if cls is None or sep is None:
        raise ModelError(f"{file}: the tokenizer has no <s> or </s>")

    def tokenize(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    return Packer(tokenize, cls, sep)


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json, whatever its format; raises ModelError where it is missing or damaged."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: not a model folder: {error}") from None
    return config


def load_config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json; raises ModelError where it is missing, damaged, or of another format."""
    config = read_config(folder)
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder}: format {config.get('format')!r}, this version reads {FORMAT}")
    return config


def released() -> Path:
    """Return the folder of the newest released model: the last by name; raises ModelError where there is none."""
    folders = sorted(p.parent for p in MODELS.glob("*/config.json"))
    if not folders:
        raise ModelError(f"{MODELS}: no released model; run `marker train`")
    return folders[-1]


@cache
def load(folder: Path) -> Network:
    """Load a model once for the process."""
    return Network(folder)


def _session(file: Path) -> ort.InferenceSession:
    if not file.is_file():
        raise ModelError(f"{file}: missing; the model folder is not complete")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # several essays at once use the cores better than one essay on all of them
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _pool(spans: Sequence[tuple[int, int]], length: int) -> Floats:
    """Return the matrix that averages the states of each span: shape (spans, length)."""
    pool = np.zeros((len(spans), length), np.float32)
    for row, (first, last) in enumerate(spans):
        pool[row, first:last] = 1 / max(1, last - first)
    return pool
