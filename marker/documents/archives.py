"""Zips and the office files that are zips: what they promise is checked before anything is unpacked."""

from __future__ import annotations

import io
import zipfile

from defusedxml.ElementTree import ParseError, XMLParser

from marker.documents.source import MEGABYTE, Limits, Source, suffix
from marker.errors import DocumentError

ENCRYPTED = "is encrypted: remove the password and hand it in again"


def archive(source: Source) -> zipfile.ZipFile:
    """Open an archive; raises DocumentError for one whose directory promises too much."""
    opened, limits = zipfile.ZipFile(io.BytesIO(source.data)), source.limits
    infos = opened.infolist()
    if len(infos) > limits.members:
        raise DocumentError(source.name, f"holds more than {limits.members:,} files: hand it in in parts")
    if sum(info.file_size for info in infos) > limits.expanded_size:
        size = limits.expanded_size // MEGABYTE
        raise DocumentError(source.name, f"unpacks to more than {size} MB: leave out pictures or hand it in in parts")
    if sum(info.compress_size for info in infos) > len(source.data):
        raise DocumentError(source.name, "holds files that overlap, as no ordinary program writes them: zip it again")
    return opened


def unpacked(source: Source, opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """Unpack one member and no more than its promised size; zipfile checks that nothing follows it."""
    if fault := _fault(info, source.limits):
        raise DocumentError(name, fault)
    source.allowance.spend(name, info.file_size)
    with opened.open(info) as stream:
        return stream.read(info.file_size + 1)


def _fault(info: zipfile.ZipInfo, limits: Limits) -> str:
    if info.flag_bits & 1:
        return ENCRYPTED
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # zipfile cannot bound the others
        return "is packed in a rare way: zip it again in the ordinary way"
    if info.file_size > limits.ratio_from and info.file_size > limits.ratio * info.compress_size:
        return f"unpacks to more than {limits.ratio} times its size, as no essay does: hand in the original"
    return ""


def office_file(source: Source) -> io.BytesIO:
    """Return an office file for its library, once it is sure to be small, not encrypted and without a DTD."""
    tags = 0
    with archive(source) as opened:
        for info in opened.infolist():
            part = unpacked(source, opened, info, source.name)
            tags += part.count(b"<")
            source.check_tags(tags)
            _check_part(info.filename, part)
            if info.filename == "META-INF/manifest.xml" and b"encryption-data" in part:
                raise DocumentError(source.name, ENCRYPTED)
    return io.BytesIO(source.data)


def _check_part(name: str, part: bytes) -> None:
    """Raise DefusedXmlException for a DTD, under whatever name, and ParseError for XML that is none."""
    parser = XMLParser(target=object(), forbid_dtd=True)
    try:
        parser.feed(part)
        parser.close()
    except ParseError:
        if part and suffix(name) in {".xml", ".rels"}:  # LibreOffice writes empty ones
            raise
