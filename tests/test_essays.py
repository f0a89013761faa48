import json

import pytest

from marker import essays
from marker.errors import DocumentError
from marker.mark import Verdict


def write(folder, *lines):
    file = folder / "essays.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def line(*sentences):
    return json.dumps({"id": "1", "question": "q", "sentences": list(sentences)})


def test_text_is_the_sentences_joined_by_spaces(tmp_path):
    (essay,) = essays.read(write(tmp_path, line({"text": "A."}, {"text": "B."})))
    assert essay.text == "A. B."


def test_credit_outweighs_contradiction(tmp_path):
    (essay,) = essays.read(write(tmp_path, line({"text": "A.", "contradicts": ["p"]}, {"text": "B.", "points": ["p"]})))
    assert essay.verdict("p") is Verdict.CREDITED


def test_contradicted_and_omitted(tmp_path):
    (essay,) = essays.read(write(tmp_path, line({"text": "A.", "contradicts": ["p"]})))
    assert (essay.verdict("p"), essay.verdict("x")) == (Verdict.CONTRADICTED, Verdict.OMITTED)


@pytest.mark.parametrize("bad", ["{", "[]", '{"id": "1"}', '{"id": 1, "question": "q", "sentences": [{"points": []}]}'])
def test_bad_line_is_named(tmp_path, bad):
    with pytest.raises(DocumentError, match="line 2"):
        essays.read(write(tmp_path, line({"text": "A."}), bad))
