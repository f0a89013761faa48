"""The desk: takes a paper in, has it marked, keeps it, and hands it out again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from api.store import MarkedPaper, Store, new_id
from marker import Essay, EssayError, Mark, MarkerError, Rubric, RubricError

CANDIDATE_LIMIT = 64
"""Characters; a candidate number or an anonymous reference is shorter."""

log = logging.getLogger(__name__)


class Examiner(Protocol):
    """Mark essays by one rubric: all that the service needs to know of `marker.Examiner`."""

    model_version: str

    def mark(self, essay: Essay) -> Mark:
        """Mark one essay."""
        ...


ExaminerFactory = Callable[[Rubric], Examiner]


@dataclass(frozen=True, slots=True)
class Fault:
    """Say what is wrong with one field of what was handed in; `kind` names a problem of `api.problems`."""

    field: str
    kind: str
    message: str


class Refused(MarkerError):  # noqa: N818 - reads as what happened: the desk refused the paper
    """Refuse a paper; `faults` says all that is wrong with it."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(" ".join(f.message for f in faults))
        self.faults = faults


class Desk:
    """Hold the questions, one examiner for each that has been used, and the papers."""

    def __init__(self, rubrics: Path, factory: ExaminerFactory, store: Store, essay_limit: int) -> None:
        self.library = read_rubrics(rubrics)
        self.published: Callable[[], Mapping[str, Rubric]] = dict
        self.essay_limit = essay_limit
        self.model_version: str | None = None
        self._factory = factory
        self._store = store
        self._examiners: dict[str, Examiner] = {}
        # An examiner is not for two threads at once, and all examiners share one engine: one essay at a time.
        self._lock = threading.Lock()

    @property
    def questions(self) -> dict[str, Rubric]:
        """Return what essays can be marked for, by subject and question: the library, and what was published here."""
        return in_order([*self.library.values(), *self.published().values()])

    @property
    def ready(self) -> bool:
        """Say whether the engine is loaded."""
        return self.model_version is not None

    def receive(self, question: str, text: str, candidate: str | None = None) -> MarkedPaper:
        """Mark an essay and keep it; raises Refused when it cannot be marked."""
        faults = tuple(self._faults(question, text, candidate))
        if faults:
            raise Refused(*faults)
        rubric = self.questions[question]
        essay = Essay(new_id(), text, candidate or None)
        try:
            mark = self._mark(rubric, essay)
        except EssayError as error:
            raise Refused(Fault("text", "essay-refused", str(error))) from error
        paper = MarkedPaper(essay.id, datetime.now(UTC), text, essay.candidate, rubric, mark)
        self._store.add(paper)
        return paper

    def paper(self, id: str) -> MarkedPaper | None:
        """Return a paper that was marked earlier, or None."""
        return self._store.get(id)

    def erase(self, id: str) -> bool:
        """Erase a paper and its mark for good and say whether there was one."""
        return self._store.erase(id)

    def warm(self) -> threading.Thread:
        """Load the engine in the background, so that the first essay need not wait for it."""
        thread = threading.Thread(target=self._load_first, name="warm", daemon=True)
        thread.start()
        return thread

    def _faults(self, question: str, text: str, candidate: str | None) -> Iterator[Fault]:
        if not question:
            yield Fault("question", "unknown-question", "Choose the question that the essay answers.")
        elif question not in self.questions:
            yield Fault("question", "unknown-question", "There is no such question here.")
        if not text.strip():
            yield Fault("text", "empty-essay", "Enter the essay: there is nothing to mark yet.")
        elif len(text) > self.essay_limit:
            limit = f"The essay has {len(text):,} characters; at most {self.essay_limit:,} can be marked."
            yield Fault("text", "essay-too-long", limit)
        if candidate and len(candidate) > CANDIDATE_LIMIT:
            long = f"The candidate reference is too long; use at most {CANDIDATE_LIMIT} characters."
            yield Fault("candidate", "invalid-request", long)

    def _mark(self, rubric: Rubric, essay: Essay) -> Mark:
        with self._lock:
            return self._examiner(rubric).mark(essay)

    def _examiner(self, rubric: Rubric) -> Examiner:
        if rubric.version not in self._examiners:
            examiner = self._examiners[rubric.version] = self._factory(rubric)
            self.model_version = examiner.model_version
        return self._examiners[rubric.version]

    def _load_first(self) -> None:
        rubric = next(iter(self.library.values()), None)
        if rubric is None:
            return
        try:
            with self._lock:
                self._examiner(rubric)
        except MarkerError as error:
            log.error("the examiner could not be loaded: %s", error)  # noqa: TRY400 - the message says it all


def read_rubrics(folder: Path) -> dict[str, Rubric]:
    """Read every rubric of a folder by subject and question; a broken one is logged and left out."""
    found: dict[str, Rubric] = {}
    for file in sorted(folder.glob("*/rubric.toml")):
        try:
            rubric = Rubric.load(file)
        except RubricError as error:
            log.warning("rubric left out: %s", "; ".join(error.faults))
        except OSError as error:
            log.warning("rubric left out: %s: %s", file, error.strerror)
        else:
            if rubric.id in found:
                log.warning("rubric left out: %s: the id %r is used by another folder", file, rubric.id)
            found.setdefault(rubric.id, rubric)
    if not found:
        log.warning("no rubrics in %s: there is no question to mark", folder)
    return in_order(found.values())


def in_order(rubrics: Iterable[Rubric]) -> dict[str, Rubric]:
    """Return rubrics by id, in the order of subject and question."""
    return {r.id: r for r in sorted(rubrics, key=lambda r: (r.subject.casefold(), r.question.casefold()))}
