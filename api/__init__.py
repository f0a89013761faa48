"""Serve the marking desk: a JSON API for programs, and pages for a teacher."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, g, request
from flask_openapi.models.info import Info
from flask_openapi.openapi import OpenAPI
from flask_wtf import CSRFProtect

from api import pages, problems, rest, rest_rubrics, schemas, security, settings, workbench
from api.desk import Desk
from api.store import Store
from api.workshop import Workshop

log = logging.getLogger(__name__)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the service; `config` overrides the environment and the defaults of `api.settings`."""
    config = config or {}
    app = OpenAPI(
        __name__,
        info=Info(title="Essay Marker", version=version("essay-marker"), description=DESCRIPTION),
        instance_path=settings.instance_folder(config),
        doc_ui=False,
        validation_error_callback=refuse,
        validation_error_model=schemas.ProblemDetails,
        # The library adds an answer of this status to each operation that lacks one; all declare 400 themselves.
        validation_error_status=400,
    )
    app.openapi_version = "3.1.0"
    settings.configure(app, config)
    trusted_hosts = app.config["TRUSTED_HOSTS"]
    app.config["TRUSTED_HOSTS"] = None  # `security` checks them
    log_requests(app)
    security.register(app, trusted_hosts)

    store = Store(app.config["DATABASE_URL"])
    app.extensions["store"] = store
    desk = app.extensions["desk"] = Desk(
        Path(app.config["RUBRICS"]), app.config["EXAMINER_FACTORY"], store, app.config["ESSAY_LIMIT"]
    )
    workshop = app.extensions["workshop"] = Workshop(store, lambda: desk.library, app.config["SAMPLE_EXAMINER_FACTORY"])
    desk.published = workshop.published

    csrf = CSRFProtect(app)
    csrf.exempt(rest.rest)  # it takes no forms, and no requests from other sites
    app.register_api(rest.rest)
    csrf.exempt(rest_rubrics.rubrics)
    app.register_api(rest_rubrics.rubrics)
    app.register_blueprint(pages.pages)
    app.register_blueprint(workbench.bench)
    problems.register(app)
    return app


DESCRIPTION = """Marks students' essays against a rubric of required points, by meaning, on the teacher's own machine.

Every error is an RFC 9457 problem of type `/problems/…`; a page that explains it is at that address.
"""


def refuse(error: Any) -> None:
    """Tell a program where its request differs from the schema."""
    raise problems.Problem.from_validation(error)


def log_requests(app: Flask) -> None:
    """Write one line a request: method, path, status, milliseconds; never what was sent."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        milliseconds = 1000 * (time.perf_counter() - g.started)
        log.info("%s %s %d %.0f ms", request.method, quote(request.path), response.status_code, milliseconds)
        return response
