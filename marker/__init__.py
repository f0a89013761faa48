"""Mark essays against a rubric of required points, and say why.

The front door: `Rubric.load(folder)`, `Examiner.load()`, `examiner.mark(essay)`. Importing the package is cheap;
the examiner's libraries are loaded when the name `Examiner` is first used.
"""

from typing import TYPE_CHECKING, Any

from marker.errors import DocumentError, EssayError, MarkerError, ModelError, RubricError
from marker.mark import Advisory, Essay, Evidence, Mark, Mistake, PointVerdict, Verdict
from marker.rubric import Rubric
from marker.scheme import RequiredPoint

if TYPE_CHECKING:
    from marker.examiner import Examiner

__all__ = [
    "Advisory", "DocumentError", "Essay", "EssayError", "Evidence", "Examiner", "Mark", "MarkerError",
    "Mistake", "ModelError", "PointVerdict", "RequiredPoint", "Rubric", "RubricError", "Verdict",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "Examiner":
        from marker.examiner import Examiner  # noqa: PLC0415 - keeps `import marker` free of spaCy and onnxruntime

        return Examiner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
