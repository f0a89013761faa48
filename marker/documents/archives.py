"""Zips, and the office files that are zips: checked before a library sees them."""

from __future__ import annotations

import io
import zipfile

from defusedxml.ElementTree import ParseError, XMLParser

from marker.documents.source import MEGABYTE, Source, suffix
from marker.errors import DocumentError

ENCRYPTED = "is encrypted: remove the password and hand it in again"


def opened(source: Source) -> zipfile.ZipFile:
    """Open an archive; raises DocumentError for one whose directory promises too much."""
    archive, limits = zipfile.ZipFile(io.BytesIO(source.data)), source.limits
    infos = archive.infolist()
    if len(infos) > limits.members:
        raise DocumentError(source.name, f"holds more than {limits.members:,} files: hand it in in parts")
    if sum(info.file_size for info in infos) > limits.expanded_size:
        size = limits.expanded_size // MEGABYTE
        raise DocumentError(source.name, f"unpacks to more than {size} MB: leave out pictures or hand it in in parts")
    if sum(info.compress_size for info in infos) > len(source.data):
        raise DocumentError(source.name, "holds files that overlap, as no ordinary program writes them: zip it again")
    return archive


def unpacked(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """Unpack one member and no more than its promised size; zipfile checks that nothing follows it."""
    ratio = source.limits.ratio
    if info.flag_bits & 1:
        raise DocumentError(name, ENCRYPTED)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # zipfile cannot bound the others
        raise DocumentError(name, "is packed in a rare way: zip it again in the ordinary way")
    if info.file_size > max(source.limits.ratio_from, ratio * info.compress_size):
        raise DocumentError(
            name, f"unpacks to more than {ratio} times its size, as no essay does: hand in the original"
        )
    source.allowance.spend(name, info.file_size)
    with archive.open(info) as stream:
        return stream.read(info.file_size + 1)


def office_file(source: Source) -> io.BytesIO:
    """Return an office file for its library; raises DefusedXmlException for a DTD under whatever name."""
    tags = 0
    with opened(source) as archive:
        for info in archive.infolist():
            part = unpacked(source, archive, info, source.name)
            check_tags(source, tags := tags + part.count(b"<"))
            if info.filename == "META-INF/manifest.xml" and b"encryption-data" in part:
                raise DocumentError(source.name, ENCRYPTED)
            parser = XMLParser(target=object(), forbid_dtd=True)
            try:
                parser.feed(part)
                parser.close()
            except ParseError:
                if part and suffix(info.filename) in {".xml", ".rels"}:  # LibreOffice writes empty ones
                    raise
    return io.BytesIO(source.data)


def check_tags(source: Source, tags: int) -> None:
    """Raise DocumentError for more tags than a tree should be built of."""
    if tags > source.limits.tags:
        raise DocumentError(source.name, f"has more than {source.limits.tags:,} tags: save it as plain text")
