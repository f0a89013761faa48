"""Run the service with waitress."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import sys
from collections.abc import Mapping
from typing import Any

import waitress

from api import create_app
from marker import MarkerError


def serve(host: str = "127.0.0.1", port: int = 8000, config: Mapping[str, Any] | None = None) -> None:
    """Serve until interrupted; raises MarkerError when the address cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    with listen(host, port) as listener:
        app = create_app({"SERVED_AT": bracketed(host), **(config or {})})
        server = waitress.create_server(
            app,
            sockets=[listener],
            ident=None,
            clear_untrusted_proxy_headers=True,
            # The application answers what is over its own limit; this one cuts off what is far over it.
            max_request_body_size=4 * app.config["MAX_CONTENT_LENGTH"],
        )
        app.extensions["desk"].warm()
        sys.stdout.write(greeting(host, listener.getsockname()[1]))
        sys.stdout.flush()
        try:
            server.run()
        finally:
            server.close()
            app.extensions["store"].close()


def listen(host: str, port: int) -> socket.socket:
    """Take the address, or say why it cannot be had."""
    if not 0 <= port <= 65535:
        raise MarkerError(f"Port {port} does not exist; choose one from 1024 to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise MarkerError(_reason(error, host, port)) from error


def greeting(host: str, port: int) -> str:
    """Say where the service is, and warn when more than this machine can reach it."""
    lines = [f"Essay Marker is at http://{bracketed(host)}:{port}", "Press Ctrl+C to stop."]
    if not is_loopback(host):
        lines.insert(1, "Other machines can reach it, and it asks nobody for a password: they can read every mark.")
    return "\n".join(lines) + "\n"


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bracketed(host: str) -> str:
    """Write a host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program; choose another, for example --port {port + 1}."
    if error.errno == errno.EACCES:
        return f"Port {port} of {host} may not be used by this account; choose one from 1024 to 65535."
    return f"Essay Marker cannot listen at {host}, port {port}: {error.strerror}."
