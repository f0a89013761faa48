"""The one place that loads models: read an essay against points with the released network.

The network is all-mpnet-base-v2 cut in two (Cao et al. 2020, DeFormer). Its lower half reads the essay once and each
point once, and the points' states are kept for the next essay; its upper half reads essay and points together and
says of every sentence and every point: neither, credits, contradicts. Both halves run in onnxruntime.
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
from marker.rubric import RequiredPoint, Rubric
from marker.windows import Chunk, Span, chunks, point_text

FORMAT = 1
"""Number of the model folder's format; a folder of another number is refused, never guessed at."""

MODELS = Path(__file__).resolve().parent.parent / "models"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Readings:
    """Hold for S spans and P points the probabilities of neither, credits and contradicts: shape (S, P, 3)."""

    spans: tuple[Span, ...]
    probabilities: Floats

    @property
    def sentences(self) -> Floats:
        """Return the rows of whole sentences, in the order of the essay."""
        rows = [i for i, s in enumerate(self.spans) if not s.clause]
        return self.probabilities[rows]


class Reader(Protocol):
    """Judge every sentence of an essay against every point of a rubric."""

    def read(self, rubric: Rubric, windows: Sequence[Window]) -> Readings:
        """Return the probabilities for the windows, and for the clauses of long ones."""


class Network:
    """Run the two halves of a released model; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = load_config(folder)
        self.group: int = self.config["network"]["points_per_pass"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._cls: int = self.config["network"]["cls"]
        self._sep: int = self.config["network"]["sep"]
        self._lower = _session(folder / "lower.onnx")
        self._upper = _session(folder / "upper.onnx")
        self._states: dict[str, Floats] = {}

    def read(self, rubric: Rubric, windows: Sequence[Window]) -> Readings:
        """Return the probabilities for the windows, and for the clauses of long ones."""
        spans: list[Span] = []
        rows: list[Floats] = []
        seen: set[tuple[int, bool, int]] = set()
        for chunk in chunks(windows, self._tokenize, self._cls, self._sep):
            for span, row in zip(chunk.spans, self._read_chunk(rubric, chunk), strict=True):
                key = (span.sentence, span.clause, span.start)
                if key not in seen:
                    seen.add(key)
                    spans.append(span)
                    rows.append(row)
        shape = (0, len(rubric.points), 3)
        return Readings(tuple(spans), np.stack(rows) if rows else np.zeros(shape, np.float32))

    def _read_chunk(self, rubric: Rubric, chunk: Chunk) -> Floats:
        essay = self._encode(chunk.ids)
        question = self._state(rubric.question)
        groups = [rubric.points[i : i + self.group] for i in range(0, len(rubric.points), self.group)]
        return np.concatenate([self._judge(question, group, essay, chunk.spans) for group in groups], axis=1)

    def _judge(self, question: Floats, points: Sequence[RequiredPoint], essay: Floats, spans: Sequence[Span]) -> Floats:
        states = [self._state(point_text(p)) for p in points]
        hidden = np.concatenate([question, *states, essay])
        ends = np.cumsum([len(question), *(len(s) for s in states)])
        offset = int(ends[-1])
        point_pool = _pool(list(zip(ends[:-1], ends[1:], strict=True)), len(hidden))
        span_pool = _pool([(s.first + offset, s.last + offset) for s in spans], len(hidden))
        feed = {"hidden": hidden[None], "span_pool": span_pool, "point_pool": point_pool}
        (probabilities,) = self._upper.run(None, feed)
        return np.asarray(probabilities, np.float32)

    def _state(self, text: str) -> Floats:
        state = self._states.get(text)
        if state is None:
            ids, _ = self._tokenize(text)
            state = self._encode([self._cls, *ids[:500], self._sep])
            if len(self._states) >= 4096:  # 1,024 points of 100 tokens hold about 0.3 GB
                self._states.clear()
            self._states[text] = state
        return state

    def _encode(self, ids: list[int]) -> Floats:
        (hidden,) = self._lower.run(None, {"ids": np.asarray([ids], np.int64)})
        return np.asarray(hidden[0], np.float32)

    def _tokenize(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets


def load_config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json; raises ModelError where it is missing, damaged, or of another format."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: not a model folder: {error}") from None
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
