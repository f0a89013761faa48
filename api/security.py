"""What keeps other sites out of a service that listens on the teacher's own machine."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, Response, request

from api.problems import Problem, answer

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def register(app: Flask, trusted_hosts: Iterable[str]) -> None:
    """Refuse foreign host names, and send the security headers with every answer."""
    trusted = frozenset(host.casefold() for host in trusted_hosts)

    # Werkzeug has such a list too, but its entry for [::1] never matches.
    @app.before_request
    def refuse_foreign_host() -> Response | None:
        if host_name(request.headers.get("Host", "")) in trusted:
            return None
        return answer("untrusted-host", 400, "This service does not answer to that host name.")

    @app.after_request
    def send_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"  # pages and answers may hold an essay
        return response


def host_name(host: str) -> str:
    """Return a Host header without its port, in lower case: `localhost:8000` gives `localhost`."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).casefold()


def refuse_foreign_origin() -> None:
    """Refuse a request that a page of another site made the browser send.

    For the API only: `Referrer-Policy: no-referrer` makes browsers send `Origin: null` with our own forms,
    which have a CSRF token instead.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    origin = request.headers.get("Origin")
    foreign_origin = origin is not None and urlsplit(origin).netloc != request.host
    if foreign_origin or request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise Problem("foreign-origin", "Pages of other sites may not change anything here.")
