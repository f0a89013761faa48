"""Where each setting comes from: the caller, then `MARKER_*` in the environment, then the defaults here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from api.desk import ExaminerFactory
from marker import Rubric

if TYPE_CHECKING:
    from marker.samples import SampleExaminer

DEFAULTS: dict[str, Any] = {
    "RUBRICS": Path(__file__).parents[1] / "rubrics",
    "DATABASE_URL": None,  # SQLite in the instance folder
    "MODEL": None,  # the newest released model
    "EXAMINER_FACTORY": None,  # marker.Examiner.load
    "SAMPLE_EXAMINER_FACTORY": None,  # marker.samples.load
    "ESSAY_LIMIT": 50_000,
    "TRUSTED_HOSTS": ("127.0.0.1", "localhost", "[::1]"),
    "SERVED_AT": None,  # the host name that `api.serve` listens at, trusted as well
    "SECRET_KEY": None,  # made on the first start
    "MAX_CONTENT_LENGTH": 1_000_000,
    "SESSION_COOKIE_NAME": "essay_marker",  # cookies ignore ports: `session` would clash with another local service
    "SESSION_COOKIE_SAMESITE": "Strict",
    "WTF_CSRF_TIME_LIMIT": None,  # a form left open over lunch still works; the token lasts as long as its session
}


def instance_folder(config: Mapping[str, Any]) -> str | None:
    """Return where the service keeps its own files, or None to leave it to Flask."""
    folder = config.get("INSTANCE") or os.environ.get("MARKER_INSTANCE")
    return str(Path(folder).resolve()) if folder else None


def configure(app: Flask, config: Mapping[str, Any]) -> None:
    """Fill `app.config`."""
    instance = Path(app.instance_path)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env("MARKER")
    app.config.from_mapping(config)
    app.config["DATABASE_URL"] = app.config["DATABASE_URL"] or f"sqlite:///{instance / 'marks.db'}"
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or secret_key(instance / "secret_key")
    app.config["EXAMINER_FACTORY"] = app.config["EXAMINER_FACTORY"] or examiner_factory(app.config["MODEL"])
    app.config["SAMPLE_EXAMINER_FACTORY"] = app.config["SAMPLE_EXAMINER_FACTORY"] or sample_examiner_factory(
        app.config["MODEL"]
    )
    app.config["TRUSTED_HOSTS"] = trusted_hosts(app.config["TRUSTED_HOSTS"], app.config["SERVED_AT"])
    # Flask's own limit for forms, half a megabyte, is below 50,000 percent-encoded characters.
    app.config["MAX_FORM_MEMORY_SIZE"] = app.config["MAX_CONTENT_LENGTH"]


def trusted_hosts(names: str | Iterable[str], served_at: str | None) -> tuple[str, ...]:
    """Return the host names to answer to; in the environment they are separated by commas."""
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    return (*listed, served_at) if served_at else tuple(listed)


def secret_key(file: Path) -> str:
    """Return the key that signs sessions; made on the first start and readable by its owner alone."""
    if file.exists():
        return file.read_text(encoding="ascii")
    draft = file.with_suffix(f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
    draft.replace(file)  # whole or not at all
    return file.read_text(encoding="ascii")


def examiner_factory(model: str | Path | None) -> ExaminerFactory:
    """Return what makes an examiner of a rubric; the engine is imported when the first one is made."""

    def load(rubric: Rubric) -> Any:
        from marker import Examiner  # noqa: PLC0415 - importing it loads spaCy and onnxruntime

        return Examiner.load(rubric, Path(model) if model else None)

    return load


def sample_examiner_factory(model: str | Path | None) -> Callable[[Rubric], SampleExaminer]:
    """Return what makes an examiner of the samples of a rubric in the workshop."""

    def load(rubric: Rubric) -> SampleExaminer:
        from marker import samples  # noqa: PLC0415 - importing it loads spaCy and onnxruntime

        return samples.load(rubric, Path(model) if model else None)

    return load
