"""The workshop: where a teacher makes a rubric from model answers and tries it on samples before students meet it.

A question in the workshop has a working copy that may be changed at will. Publishing it makes a version, which is never
changed: marks keep the version that they were given by, and the next publication is another version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ForeignKey, Integer, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from api.store import RubricRow, Store, Table, Utc, keep_rubric, new_id
from marker import Rubric
from marker.essays import Sample

if TYPE_CHECKING:
    from marker.samples import Effect, SampleExaminer

SAMPLES = 200
"""Most samples of a question: enough to say how well a rubric marks, few enough to mark at every edit."""

SAMPLE_LIMIT = 20_000
"""Characters of the longest sample."""


class WorkRow(Table):
    """Hold a question in the workshop: its working copy, the one before the last edit, and what it was drafted from."""

    __tablename__ = "work"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    created: Mapped[datetime] = mapped_column(Utc)
    changed: Mapped[datetime] = mapped_column(Utc, index=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    origin: Mapped[dict[str, Any]] = mapped_column(JSON)


class SampleRow(Table):
    """Hold a sample answer with the points that the teacher has judged."""

    __tablename__ = "samples"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    question: Mapped[str] = mapped_column(ForeignKey("work.id"), index=True)
    created: Mapped[datetime] = mapped_column(Utc)
    text: Mapped[str] = mapped_column(Text)
    earned: Mapped[dict[str, bool]] = mapped_column(JSON)


class PublicationRow(Table):
    """Say which version of a question was published when; the last one marks."""

    __tablename__ = "publications"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    question: Mapped[str] = mapped_column(String(200), index=True)
    version: Mapped[str] = mapped_column(ForeignKey("rubrics.version"))
    created: Mapped[datetime] = mapped_column(Utc)


class UnknownWork(LookupError):  # noqa: N818 - reads as what is amiss
    """Say that nothing of that id is in the workshop."""


class Conflict(Exception):  # noqa: N818 - names what happened, not a fault of the program
    """Say that somebody else has changed the question in the meantime."""


class Full(ValueError):  # noqa: N818
    """Say that no more samples fit, or that one is too long or empty."""


@dataclass(frozen=True)
class Work:
    """Hold a question in the workshop; `revision` grows with every edit."""

    rubric: Rubric
    before: Rubric
    revision: int
    changed: datetime
    origin: Mapping[str, Any]
    published: str | None

    @property
    def is_published(self) -> bool:
        """Say whether students are marked by just this working copy."""
        return self.published == self.rubric.version


@dataclass(frozen=True)
class Publication:
    """Hold one published version of a question."""

    rubric: Rubric
    created: datetime


class Workshop:
    """Keep questions that are being made, their samples, and what was published of them."""

    def __init__(
        self,
        store: Store,
        library: Callable[[], Mapping[str, Rubric]],
        examiner: Callable[[Rubric], SampleExaminer],
    ) -> None:
        self._store = store
        self._library = library
        self._examiner = examiner
        self._versions: dict[str, Rubric] = {}

    def all(self) -> list[Work]:
        """Return every question in the workshop, the one last changed first."""
        with self._store.session() as session:
            rows = session.scalars(select(WorkRow).order_by(WorkRow.changed.desc())).all()
            return [_work(session, row) for row in rows]

    def get(self, id: str) -> Work:
        """Return a question; raises UnknownWork."""
        with self._store.session() as session:
            return _work(session, _row(session, id))

    def add(self, rubric: Rubric, origin: Mapping[str, Any] | None = None) -> Work:
        """Put a new question into the workshop, under an id of its own."""
        now = datetime.now(UTC)
        with self._store.session() as session:
            taken = {*self._library(), *session.scalars(select(WorkRow.id))}
            content = {**rubric.as_dict(), "id": free_id(rubric.id, taken)}
            row = WorkRow(
                id=content["id"], revision=1, created=now, changed=now,
                content=content, before=content, origin=dict(origin or {}),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _work(session, row)

    def save(
        self,
        id: str,
        data: Mapping[str, Any],
        revision: int | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> Work:
        """Replace the working copy; raises UnknownWork, RubricError, or Conflict where `revision` is not the last."""
        rubric = Rubric.from_dict({**data, "id": id}, where="rubric")
        with self._store.session() as session:
            row = _row(session, id)
            if revision is not None and revision != row.revision:
                raise Conflict(f"The question was changed since you opened it (revision {row.revision}).")
            if rubric.as_dict() != row.content:
                row.before, row.content = row.content, rubric.as_dict()
                row.revision, row.changed = row.revision + 1, datetime.now(UTC)
                row.origin = row.origin if origin is None else dict(origin)
            return _work(session, row)

    def remove(self, id: str) -> None:
        """Remove a question and its samples; what was published and marked stays. Raises UnknownWork."""
        with self._store.session() as session:
            row = _row(session, id)
            session.execute(delete(SampleRow).where(SampleRow.question == id))
            session.delete(row)

    # samples

    def samples(self, id: str) -> list[Sample]:
        """Return the samples of a question in the order in which they came; raises UnknownWork."""
        with self._store.session() as session:
            _row(session, id)
            return [Sample(r.id, r.text, r.earned) for r in _samples(session, id)]

    def add_samples(self, id: str, texts: Sequence[str]) -> list[Sample]:
        """Add answers; one that is there already is not added twice. Raises UnknownWork, or Full and adds none."""
        with self._store.session() as session:
            _row(session, id)
            there = {r.text for r in _samples(session, id)}
            new = [t for t in dict.fromkeys(t.strip() for t in texts) if t and t not in there]
            if not new and not any(t.strip() for t in texts):
                raise Full("Paste at least one answer.")
            if len(there) + len(new) > SAMPLES:
                raise Full(f"A question holds at most {SAMPLES} samples; it has {len(there)}.")
            if any(len(t) > SAMPLE_LIMIT for t in new):
                raise Full(f"A sample has at most {SAMPLE_LIMIT:,} characters.")
            now = datetime.now(UTC)
            moments = (now + timedelta(microseconds=n) for n in range(len(new)))  # they keep the order
            pairs = zip(moments, new, strict=True)
            rows = [SampleRow(id=new_id(), question=id, created=m, text=t, earned={}) for m, t in pairs]
            session.add_all(rows)
            return [Sample(r.id, r.text, r.earned) for r in rows]

    def judge(self, id: str, sample: str, earned: Mapping[str, bool | None]) -> None:
        """Keep what the teacher says of points of a sample; None takes a judgement back. Raises UnknownWork."""
        with self._store.session() as session:
            row = session.get(SampleRow, sample)
            if row is None or row.question != id:
                raise UnknownWork(sample)
            kept = {**row.earned, **earned}
            row.earned = {point: value for point, value in kept.items() if value is not None}

    def remove_sample(self, id: str, sample: str) -> None:
        """Remove a sample; raises UnknownWork."""
        with self._store.session() as session:
            row = session.get(SampleRow, sample)
            if row is None or row.question != id:
                raise UnknownWork(sample)
            session.delete(row)

    def effect(self, work: Work, against: Rubric | None = None) -> Effect:
        """Mark the samples by the working copy and compare with another rubric: the one before the last edit."""
        from marker.samples import effect  # noqa: PLC0415 - the engine is loaded when it is first needed

        samples = self.samples(work.rubric.id)
        before = effect(self._examiner(against or work.before), samples)
        return effect(self._examiner(work.rubric), samples, {s.sample: s.mark for s in before.samples})

    # versions

    def publish(self, id: str) -> Work:
        """Make the working copy the version that students are marked by; raises UnknownWork."""
        with self._store.session() as session:
            work = _work(session, _row(session, id))
            if not work.is_published:
                keep_rubric(session, work.rubric)
                now = datetime.now(UTC)
                session.add(PublicationRow(question=id, version=work.rubric.version, created=now))
                session.flush()
            return _work(session, _row(session, id))

    def versions(self, id: str) -> list[Publication]:
        """Return what was published of a question, the newest first."""
        query = (
            select(PublicationRow, RubricRow)
            .join(RubricRow, PublicationRow.version == RubricRow.version)
            .where(PublicationRow.question == id)
            .order_by(PublicationRow.number.desc())
        )
        with self._store.session() as session:
            return [Publication(_rubric(r.content), p.created) for p, r in session.execute(query)]

    def published(self) -> dict[str, Rubric]:
        """Return the rubrics that students are marked by, by question."""
        query = select(PublicationRow).order_by(PublicationRow.number)
        with self._store.session() as session:
            last = {row.question: row.version for row in session.scalars(query)}
            for version in {*last.values()} - {*self._versions}:  # a version never changes
                row = session.get_one(RubricRow, version)
                self._versions[version] = _rubric(row.content)
        return {question: self._versions[version] for question, version in last.items()}


def free_id(wanted: str, taken: set[str]) -> str:
    """Return an id of lower-case letters, digits and hyphens that is not taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:60].strip("-") or "question"
    number = 1
    while (id := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    return id


def _row(session: Session, id: str) -> WorkRow:
    row = session.get(WorkRow, id)
    if row is None:
        raise UnknownWork(id)
    return row


def _samples(session: Session, id: str) -> Sequence[SampleRow]:
    query = select(SampleRow).where(SampleRow.question == id).order_by(SampleRow.created, SampleRow.id)
    return session.scalars(query).all()


def _work(session: Session, row: WorkRow) -> Work:
    query = (
        select(PublicationRow.version)
        .where(PublicationRow.question == row.id)
        .order_by(PublicationRow.number.desc())
        .limit(1)
    )
    published = session.scalar(query)
    return Work(_rubric(row.content), _rubric(row.before), row.revision, row.changed, row.origin, published)


def _rubric(content: Mapping[str, Any]) -> Rubric:
    return Rubric.from_dict(dict(content), where="rubric in the store")
