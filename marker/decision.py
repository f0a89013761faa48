"""From the features of a point to a calibrated probability, and from that to a verdict.

Both steps are learned on essays that the network had not seen (see training) and stored as plain numbers in the
model's config: two logistic regressions and three thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marker.errors import ModelError
from marker.features import FEATURES
from marker.mark import Verdict

Floats = NDArray[np.float64]


LIMIT = 4.0
"""Standard deviations at which a feature is cut: an essay unlike all others must not decide by one huge product."""


@dataclass(frozen=True)
class Logistic:
    """Hold a fitted logistic regression on standardised features and their products by two."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, vectors: Floats) -> Floats:
        """Return the probability for each row of features."""
        score = expand(vectors, np.array(self.mean), np.array(self.scale)) @ np.array(self.weights) + self.bias
        return np.asarray(1 / (1 + np.exp(-score)))


def expand(vectors: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return standardised features (N, F) followed by their squares and products: shape (N, F + F (F + 1) / 2)."""
    scaled = np.clip((vectors - mean) / scale, -LIMIT, LIMIT)
    first, second = np.triu_indices(scaled.shape[1])
    return np.hstack([scaled, scaled[:, first] * scaled[:, second]])


@dataclass(frozen=True)
class Thresholds:
    """Hold the probabilities at which verdicts change."""

    credit: float
    doubt: float
    contradict: float


@dataclass(frozen=True)
class Decision:
    """Decide about points by their features."""

    credits: Logistic
    contradicts: Logistic
    thresholds: Thresholds

    def probabilities(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Return P(credited) and P(contradicted) for each row of features."""
        return self.credits(vectors), self.contradicts(vectors)

    def verdict(self, credited: float, contradicted: float) -> Verdict:
        """Return the verdict for two probabilities; credit outweighs a contradiction elsewhere in the essay."""
        if credited >= self.thresholds.credit:
            return Verdict.CREDITED
        if contradicted >= self.thresholds.contradict and contradicted > credited:
            return Verdict.CONTRADICTED
        if credited >= self.thresholds.doubt:
            return Verdict.DOUBTFUL
        return Verdict.OMITTED

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as plain data for the model's config."""
        return {"features": list(FEATURES), **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """Read the decision from a model's config; raises ModelError where its features are not the code's."""
        if list(data["features"]) != list(FEATURES):
            raise ModelError("the model was trained with other features than this version has; retrain it")
        return cls(
            Logistic(**_tuples(data["credits"])),
            Logistic(**_tuples(data["contradicts"])),
            Thresholds(**data["thresholds"]),
        )


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, Sequence) else v for k, v in data.items()}
