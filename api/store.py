"""Keep marked papers: nothing is ever changed, and one paper can be erased."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, DateTime, Dialect, Engine, ForeignKey, String, Text, create_engine, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from marker import Advisory, Evidence, Mark, Mistake, PointVerdict, Rubric, Verdict
from marker.feedback import Feedback, write

PRAGMAS = (
    "journal_mode=WAL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    "synchronous=FULL",  # NORMAL may lose the last papers when the power fails
    "secure_delete=ON",  # an erased essay is overwritten, not only forgotten
)


class Utc(TypeDecorator[datetime]):
    """Keep the time zone that SQLite drops."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time in UTC, whatever the database made of it."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Table(DeclarativeBase):
    """Gather the tables."""


class RubricRow(Table):
    """Hold a rubric as it was when it was used, so that an old mark can always be explained."""

    __tablename__ = "rubrics"

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class MarkRow(Table):
    """Hold an essay with its mark."""

    __tablename__ = "marks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    created: Mapped[datetime] = mapped_column(Utc, index=True)
    question: Mapped[str] = mapped_column(String(200), index=True)
    candidate: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    rubric_version: Mapped[str] = mapped_column(ForeignKey("rubrics.version"))
    model_version: Mapped[str] = mapped_column(String(200))
    mark: Mapped[dict[str, Any]] = mapped_column(JSON)
    rubric: Mapped[RubricRow] = relationship(lazy="joined")


@dataclass(frozen=True)
class MarkedPaper:
    """Hold a paper that has passed the desk: what was handed in, its mark, and the rubric it was marked by."""

    id: str
    created: datetime
    text: str
    candidate: str | None
    rubric: Rubric
    mark: Mark

    @cached_property
    def feedback(self) -> Feedback:
        """Write the feedback that follows from the mark."""
        return write(self.rubric, self.mark)

    def as_dict(self) -> dict[str, Any]:
        """Return the paper as plain data, in the shape of the API; the essay's text stays out."""
        return {
            **self.mark.as_dict(),
            "id": self.id,
            "question": self.rubric.id,
            "candidate": self.candidate,
            "created": self.created.isoformat(),
            "feedback": self.feedback.as_dict(),
        }


class Store:
    """Keep marked papers in a database; `session` is for others who keep something there."""

    def __init__(self, url: str) -> None:
        # hide_parameters: an error that SQLAlchemy raises must not carry an essay into the log
        self._engine = create_engine(url, hide_parameters=True)
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine)
        Table.metadata.create_all(self._engine)

    def add(self, paper: MarkedPaper) -> None:
        """Keep a paper and, the first time it is used, its rubric."""
        with self.session() as session:
            keep_rubric(session, paper.rubric)
            session.add(_row(paper))

    def get(self, id: str) -> MarkedPaper | None:
        """Return a paper, or None where there is none of that id."""
        with self.session() as session:
            row = session.get(MarkRow, id)
            return None if row is None else _paper(row)

    def of_question(self, question: str, limit: int) -> list[MarkedPaper]:
        """Return the papers last marked for a question, newest first."""
        query = select(MarkRow).where(MarkRow.question == question).order_by(MarkRow.created.desc()).limit(limit)
        with self.session() as session:
            return [_paper(row) for row in session.scalars(query)]

    def erase(self, id: str) -> bool:
        """Erase a paper for good and say whether there was one."""
        with self.session() as session:
            row = session.get(MarkRow, id)
            if row is None:
                return False
            session.delete(row)
        if self._engine.dialect.name == "sqlite":
            self._empty_journal()
        return True

    def close(self) -> None:
        """Give the database's connections back."""
        self._engine.dispose()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session whose work is kept when the block ends, or undone when it fails."""
        with Session(self._engine) as session, session.begin():
            yield session

    def _empty_journal(self) -> None:
        """Clear SQLite's write-ahead log, which still holds what was written before an erasure."""
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            connection.close()


def keep_rubric(session: Session, rubric: Rubric) -> None:
    """Keep a version of a rubric, unless it is kept already."""
    if session.get(RubricRow, rubric.version) is None:
        session.add(RubricRow(version=rubric.version, content=rubric.as_dict()))
        session.flush()


def new_id() -> str:
    """Return an id that nobody can guess."""
    return uuid4().hex


def _row(paper: MarkedPaper) -> MarkRow:
    return MarkRow(
        id=paper.id,
        created=paper.created,
        question=paper.rubric.id,
        candidate=paper.candidate,
        text=paper.text,
        rubric_version=paper.rubric.version,
        model_version=paper.mark.model_version,
        mark=asdict(paper.mark),
    )


def _paper(row: MarkRow) -> MarkedPaper:
    rubric = Rubric.from_dict(row.rubric.content, where=f"rubric {row.rubric_version} in the store")
    return MarkedPaper(row.id, row.created, row.text, row.candidate, rubric, _mark(row.mark))


def _mark(data: dict[str, Any]) -> Mark:
    verdicts = tuple(
        PointVerdict(**{**v, "verdict": Verdict(v["verdict"]), "evidence": _evidence(v)}) for v in data["verdicts"]
    )
    advisories = tuple(Advisory(**a) for a in data["advisories"])
    mistakes = tuple(Mistake(**{**m, "evidence": _evidence(m)}) for m in data.get("mistakes", ()))
    return Mark(**{**data, "verdicts": verdicts, "advisories": advisories, "mistakes": mistakes})


def _evidence(data: dict[str, Any]) -> tuple[Evidence, ...]:
    return tuple(Evidence(**e) for e in data["evidence"])


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own; `begin` below does
        for pragma in PRAGMAS:
            connection.cursor().execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # a transaction that began as a reader cannot wait for its turn to write; one that says so at once can
        connection.exec_driver_sql("BEGIN IMMEDIATE")
