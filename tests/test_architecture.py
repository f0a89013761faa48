"""Data only moves forward: who may import whom, read from the source."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

LAYERS = [
    {"errors"},
    {"scheme"},
    {"rubric", "mark"},
    {"documents", "feedback"},
    {"interchange"},
    {"language", "essays"},
    {"windows"},
    {"features", "matcher"},
    {"decision", "advisories"},
    {"examiner"},
    {"evaluation", "authoring", "lessons"},
    {"report", "network", "rulings", "samples", "drafting"},
    {"training"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FRONT_ROOMS = {"authoring", "documents", "drafting", "essays", "feedback", "interchange", "samples", "scheme"}
"""Modules of the judgement that the service may use beside the names of `marker` itself."""


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in {"marker", "api"}:
                yield from (f"{node.module}.{a.name}" for a in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("file", sorted(ROOT.glob("marker/**/*.py")), ids=lambda f: f.stem)
def test_marker_modules_import_only_what_stands_before_them(file):
    layer = file.relative_to(ROOT / "marker").parts[0].removesuffix(".py")
    if layer == "__init__":
        return
    for name in imports(file):
        package, _, module = name.partition(".")
        if package == "marker" and module:
            assert LEVEL[module.split(".")[0]] <= LEVEL[layer], f"{file.stem} imports {name}"
        assert package != "api" or layer == "cli", f"{file.stem} imports {name}"


@pytest.mark.parametrize("file", sorted(ROOT.glob("api/*.py")), ids=lambda f: f.stem)
def test_service_uses_only_the_front_door(file):
    for name in imports(file):
        assert not name.startswith(("spacy", "sklearn", "onnxruntime", "torch")), f"{file.stem} imports {name}"
        if name.startswith("marker."):
            module = name.removeprefix("marker.").split(".")[0]
            assert module in FRONT_ROOMS or module[0].isupper(), f"{file.stem} imports {name}"


def test_judgement_knows_nothing_of_http_or_sql():
    for file in ROOT.glob("marker/*.py"):
        assert not {n.split(".")[0] for n in imports(file)} & {"flask", "sqlalchemy", "waitress"}, file.stem


def test_importing_the_package_is_cheap():
    heavy = {"spacy", "sklearn", "onnxruntime", "numpy", "torch"}
    code = f"import marker, sys; print(sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
