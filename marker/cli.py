"""The command line: mark, check, convert, draft, evaluate, train, serve."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from marker import documents, interchange
from marker.errors import DocumentError, EssayError, MarkerError
from marker.mark import Essay, Mark
from marker.rubric import Rubric

if TYPE_CHECKING:
    from marker.drafting import Draft, Span

ALL_MARKED, FAULTS_FOUND, WRONG_USAGE, SOME_NOT_MARKED = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 all well, 1 faults found, 2 wrong usage, 3 some essays not marked."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except MarkerError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return WRONG_USAGE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="marker", description="Mark essays against a rubric, and say why.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    mark = commands.add_parser("mark", help="mark essays", description="Mark files, folders and zips of essays.")
    mark.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    mark.add_argument("--rubric", type=Path, required=True, metavar="FOLDER")
    mark.add_argument("--format", choices=list(_WRITERS), default="table")
    mark.add_argument("--out", type=Path, metavar="FILE", help="write there instead of standard output")
    _model_option(mark)
    mark.set_defaults(run=_mark)

    check = commands.add_parser("check", help="find faults in rubrics")
    check.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    _model_option(check)
    check.set_defaults(run=_check)

    convert = commands.add_parser("convert", help="turn a rubric into another format, or print it as a mark scheme")
    convert.add_argument("input", type=Path, metavar="INPUT", help="a rubric's file or folder")
    convert.add_argument("output", type=Path, metavar="OUTPUT", help="a file, whose suffix names the format")
    convert.add_argument("--from", dest="source", choices=[f.name for f in interchange.FORMATS.values() if f.read])
    convert.add_argument("--to", dest="target", choices=[f.name for f in interchange.FORMATS.values() if f.write])
    convert.set_defaults(run=_convert)

    draft = commands.add_parser("draft", help="propose a rubric's points from model answers")
    draft.add_argument("answers", nargs="+", type=Path, metavar="ANSWER")
    draft.add_argument("--question", required=True, metavar="TEXT")
    draft.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="write rubric.toml there")
    draft.add_argument("--id", help="the question's id (default: the folder's name)")
    draft.add_argument("--subject", default="", help="the school subject")
    draft.set_defaults(run=_draft)

    evaluate = commands.add_parser("evaluate", help="measure agreement with marked essays")
    evaluate.add_argument("--rubric", type=Path, required=True, metavar="FOLDER")
    evaluate.add_argument("--essays", type=Path, required=True, metavar="FILE")
    evaluate.add_argument("--json", action="store_true", help="print the figures as JSON")
    evaluate.add_argument("--html", type=Path, metavar="FILE", help="write a report there (needs the report extra)")
    _model_option(evaluate)
    evaluate.set_defaults(run=_evaluate)

    train = commands.add_parser("train", help="train a model on the rubrics' marked essays (needs the train extra)")
    train.add_argument("--rubrics", type=Path, default=Path("rubrics"), metavar="FOLDER")
    train.add_argument("--fresh", type=Path, default=Path("tests/held_out"), metavar="FOLDER", help="never trained on")
    train.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder below models/")
    train.add_argument("--epochs", type=float, default=3.0, help="passes over the essays (default 3)")
    train.add_argument("--rate", type=float, default=6e-5, help="greatest learning rate (default 0.00006)")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(run=_train)

    serve = commands.add_parser("serve", help="serve the page and the API on this machine")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    serve.set_defaults(run=_serve)
    return parser


def _model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a model's folder (default: the newest released)")


def _mark(options: argparse.Namespace) -> int:
    from marker.examiner import Examiner  # noqa: PLC0415 - `marker --help` answers at once

    examiner = Examiner.load(options.rubric, options.model)
    results = list(_results(examiner, _found(options.inputs)))
    if options.out:
        with options.out.open("w", encoding="utf-8", newline="") as stream:
            _WRITERS[options.format](results, examiner.rubric, stream)
    else:
        _WRITERS[options.format](results, examiner.rubric, sys.stdout)
    return ALL_MARKED if all("error" not in r for r in results) else SOME_NOT_MARKED


def _found(inputs: Iterable[Path]) -> Iterator[Essay | DocumentError]:
    for path in inputs:
        yield from documents.read(path)


def _results(examiner: Any, found: Iterator[Essay | DocumentError]) -> Iterator[dict[str, Any]]:
    """Yield a result for every essay found, in order, with a progress bar on a terminal."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    items = list(found)
    marks = examiner.mark_many(i for i in items if isinstance(i, Essay))
    console = Console(stderr=True)
    for item in track(items, description="Marking", console=console, disable=not console.is_terminal):
        if isinstance(item, DocumentError):
            yield {"id": item.name, "error": item.reason}
        else:
            mark: Mark | EssayError = next(marks)
            yield {"id": item.id, "error": str(mark)} if isinstance(mark, EssayError) else mark.as_dict()


def _write_jsonl(results: list[dict[str, Any]], _rubric: Rubric, stream: TextIO) -> None:
    stream.writelines(json.dumps(result, ensure_ascii=False) + "\n" for result in results)


def _write_csv(results: list[dict[str, Any]], rubric: Rubric, stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "awarded", "available", "referred", *(p.id for p in rubric.points), "advisories", "error"])
    for result in results:
        if "error" in result:
            row = [result["id"], "", "", "", *("" for _ in rubric.points), "", result["error"]]
        else:
            verdicts = [p["verdict"] for p in result["points"]]
            codes = " ".join(a["code"] for a in result["advisories"])
            head = [result["id"], result["awarded"], result["available"], result["referred"]]
            row = [*head, *verdicts, codes, ""]
        writer.writerow([_no_formula(cell) for cell in row])


def _no_formula(cell: Any) -> Any:
    """Keep a spreadsheet from running what a file name says (OWASP, CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _write_table(results: list[dict[str, Any]], rubric: Rubric, stream: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=Text(rubric.question), title_justify="left")
    table.add_column("essay", overflow="fold")
    table.add_column("marks", justify="right")
    table.add_column("earned", overflow="fold")
    table.add_column("doubtful", overflow="fold")
    table.add_column("contradicted", overflow="fold")
    table.add_column("note", overflow="fold")
    for result in results:
        if "error" in result:
            table.add_row(Text(result["id"]), "-", "", "", "", Text(result["error"]))
            continue
        points = {v: ", ".join(p["id"] for p in result["points"] if p["verdict"] == v) for v in _COLUMNS}
        note = "; ".join(a["message"] for a in result["advisories"])
        total = f"{result['awarded']}/{result['available']}{' ?' if result['referred'] else ''}"
        table.add_row(Text(result["id"]), total, *points.values(), note)
    buffer = io.StringIO()
    Console(file=buffer, width=None if stream.isatty() else 140).print(table)
    stream.write(buffer.getvalue())


_COLUMNS = ("credited", "doubtful", "contradicted")
_WRITERS = {"table": _write_table, "jsonl": _write_jsonl, "csv": _write_csv}


def _check(options: argparse.Namespace) -> int:
    from marker import authoring  # noqa: PLC0415

    faults = [fault for folder in options.folders for fault in authoring.check(folder, options.model)]
    for fault in faults:
        print(fault)  # noqa: T201
    print(f"{len(options.folders)} checked, {len(faults)} faults", file=sys.stderr)  # noqa: T201
    return FAULTS_FOUND if faults else ALL_MARKED


def _convert(options: argparse.Namespace) -> int:
    rubric = interchange.load(options.input, options.source)
    data = interchange.write(rubric, str(options.output), options.target)
    try:
        options.output.write_bytes(data)
    except OSError as error:
        raise MarkerError(f"{options.output}: cannot be written: {error.strerror}") from None
    return ALL_MARKED


def _draft(options: argparse.Namespace) -> int:
    from marker import drafting  # noqa: PLC0415

    file: Path = options.out / "rubric.toml"
    if file.exists():
        raise MarkerError(f"{file}: is there already; give another folder, or move it away")
    answers = list(_texts(options.answers))
    drafted = drafting.draft(options.question, answers)
    rubric = drafted.rubric(options.id or options.out.resolve().name, options.question, options.subject)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        file.write_bytes(interchange.write(rubric, file.name, "toml"))
    except OSError as error:
        raise MarkerError(f"{file}: cannot be written: {error.strerror}") from None
    _print_draft(drafted, answers)
    print(f"{file}: {len(drafted.points)} points to correct", file=sys.stderr)  # noqa: T201
    return ALL_MARKED


def _texts(inputs: Iterable[Path]) -> Iterator[str]:
    """Yield the text of every answer found; raises DocumentError at the first that can't be read."""
    for found in _found(inputs):
        if isinstance(found, DocumentError):
            raise found
        yield found.text


def _print_draft(drafted: Draft, answers: Sequence[str]) -> None:
    """Print every drafted point with the words it came from, then what was left out and why."""

    def said(span: Span) -> str:
        return f"answer {span.answer + 1}: “{' '.join(answers[span.answer][span.start : span.end].split())}”"

    for proposed in drafted.points:
        print(f"{proposed.point.id}: {proposed.point.statement}")  # noqa: T201
        for span in proposed.sources:
            print(f"    {said(span)}")  # noqa: T201
    for left_out in drafted.left_out:
        print(f"left out, {left_out.reason}: {said(left_out.span)}")  # noqa: T201


def _evaluate(options: argparse.Namespace) -> int:
    from marker import essays, evaluation  # noqa: PLC0415
    from marker.examiner import Examiner  # noqa: PLC0415

    if options.html:
        from marker import report  # noqa: PLC0415 - matplotlib is not needed to print figures

        report.check()
    examiner = Examiner.load(options.rubric, options.model)
    gold = [e for e in essays.read(options.essays) if e.kind != essays.MODEL_ANSWER]
    marks = examiner.mark_many(e.essay for e in gold)
    pairs = [(e, m) for e, m in zip(gold, marks, strict=True) if isinstance(m, Mark)]
    if not pairs:
        raise MarkerError(f"{options.essays}: holds no essay that can be marked")
    figures = evaluation.report(evaluation.decisions(pairs, lambda _, point: examiner.rubric.point(point).marks))
    if options.json:
        print(json.dumps(figures, indent=2))  # noqa: T201
    else:
        print(evaluation.as_text(figures))  # noqa: T201
    if options.html:
        report.write(pairs, {e.question: examiner.rubric for e, _ in pairs}, options.html, figures=figures)
    return ALL_MARKED


def _train(options: argparse.Namespace) -> int:
    from marker import training  # noqa: PLC0415

    course = training.Course(options.epochs, options.rate, options.seed)
    training.train(options.rubrics, options.fresh, options.out, course)
    return ALL_MARKED


def _serve(options: argparse.Namespace) -> int:
    from api.serve import serve  # noqa: PLC0415 - the service is not needed to mark files

    serve(options.host, options.port)
    return ALL_MARKED


if __name__ == "__main__":
    sys.exit(main())
