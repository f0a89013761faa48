"""What every reader shares: the limits, the file on its way to a reader, and how text becomes an essay."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from marker.errors import DocumentError
from marker.mark import Essay

MEGABYTE = 2**20
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_SOFT_HYPHEN = "\xad"  # unseen, and would part a word from its meaning


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what one hand-in may cost to read; sizes are in bytes."""

    file_size: int = 20 * MEGABYTE  # an essay with photographs has a few megabytes, a class's zip of texts one
    expanded_size: int = 100 * MEGABYTE  # what one archive, office file or pdf may unpack to
    total_size: int = 500 * MEGABYTE  # the same for everything inside one hand-in, however it is nested
    ratio: int = 100  # text packs about 4:1 and a blank spreadsheet 50:1; a bomb has 1000:1
    ratio_from: int = MEGABYTE  # below this size even a bomb is harmless, and small blank files pack very well
    members: int = 10_000  # files in one archive
    depth: int = 2  # a class's zip holding each student's zip
    pages: int = 500  # a thesis; essays have under 20
    tags: int = 1_000_000  # in an office file or page, of which libraries build trees; an essay of Word's has 20,000
    cells: int = 2_000_000  # of a workbook, with those skipped before others; a sheet has 1,048,576 rows
    characters: int = 100_000  # about 17,000 words; the longest exam essays have 3,000


@dataclass(slots=True)
class Allowance:
    """Count down the bytes that one hand-in may still unpack."""

    left: int

    def spend(self, name: str, size: int) -> None:
        """Take `size` off; raises DocumentError when nothing is left."""
        self.left -= size
        if self.left < 0:
            raise DocumentError(name, "would unpack to too much, with what came before: hand it in in parts")


@dataclass(frozen=True, slots=True)
class Source:
    """Hold one file on its way to a reader; `prefix` begins the ids of what is found inside it."""

    name: str
    limits: Limits
    allowance: Allowance
    data: bytes = b""
    prefix: str = ""
    depth: int = 0


Found = Essay | DocumentError
Reader = Callable[[Source], str | Iterator[Found]]


def suffix(name: str) -> str:
    """Return a file name's ending in small letters, with the dot."""
    return PurePosixPath(name).suffix.lower()


def identifier(name: str) -> str:
    """Make a name safe to show and to store: NFC, no control characters, no undecodable bytes."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "?", name).strip()


def normalised(text: str) -> str:
    """Return text in NFC with plain line ends, and without control characters and trailing spaces."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs become one, strays U+FFFD
    text = CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    text = "\n".join(line.rstrip() for line in text.replace(_SOFT_HYPHEN, "").split("\n"))
    return unicodedata.normalize("NFC", text).strip("\n")


def essay(source: Source, id: str, text: str, candidate: str | None = None, place: str | None = None) -> Found:
    """Make an essay, or say at `place` why its text is none."""
    place, limit = place or id, source.limits.characters
    source.allowance.spend(place, len(text))
    if len(text) > 4 * limit or len(text := normalised(text)) > limit:
        return DocumentError(place, f"is longer than {limit:,} characters: hand in the essay alone")
    if not text.strip():
        return DocumentError(place, "holds no text: hand in the essay again")
    return Essay(id, text, candidate)
