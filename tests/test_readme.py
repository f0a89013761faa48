"""What the README promises is run as it stands there."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(enumerate(re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)))


def block(language, containing):
    return next(text for kind, text in BLOCKS.values() if kind == language and containing in text)


def test_python_example_credits_the_point(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    exec(block("python", "Examiner"), {})  # noqa: S102 - the example is ours
    printed = capsys.readouterr().out
    assert "'id': 'no_succession_mechanism', 'verdict': 'credited'" in printed


def test_example_rubric_is_sound_toml(tmp_path):
    from marker import Rubric

    (tmp_path / "rubric.toml").write_text(block("toml", "tides"), encoding="utf-8")
    assert Rubric.load(tmp_path).id == "tides"


@pytest.mark.parametrize("line", [li for li in block("sh", "marker mark").splitlines() if li])
def test_command_runs(line):
    command = [sys.executable, "-m", "marker.cli", *line.split()[1:]]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_curl_example_is_answered_with_a_mark(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MARKER_INSTANCE": str(tmp_path)}
    command = [sys.executable, "-m", "marker.cli", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        body = re.search(r"-d '(.*?)'", block("sh", "curl"), re.DOTALL).group(1).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/marks", body, headers)
        answer = json.load(_patiently(request))
        verdicts = {p["id"]: p["verdict"] for p in answer["points"]}
        assert verdicts["no_succession_mechanism"] == "credited"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)
        server.stdout.close()


def _patiently(request):
    for _ in range(100):
        try:
            return urllib.request.urlopen(request, timeout=60)
        except ConnectionError:
            time.sleep(0.1)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.1)
    raise AssertionError("the server did not answer")


def test_every_file_the_readme_links_to_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
