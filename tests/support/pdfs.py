"""Makes small PDFs, good and bad ones, byte by byte."""

import zlib
from collections.abc import Sequence

Objects = list[bytes]


def pdf(pages: Sequence[str], title: str = "") -> bytes:
    """Return a PDF with a line of text for each line of each page."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects: Objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for at, text in enumerate(pages):
        objects.append(page(5 + 2 * at))
        lines = "".join(f"({_escaped(line)}) Tj 0 -14 Td\n" for line in text.split("\n"))
        objects.append(stream(f"BT /F1 12 Tf 72 720 Td\n{lines}ET".encode("cp1252")))
    if title:
        objects.append(f"<< /Title ({_escaped(title)}) >>".encode("cp1252"))
    return put_together(objects, info=len(objects) if title else None)


def page(contents: int) -> bytes:
    """Return a page whose contents are the object of that number."""
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {contents} 0 R "
        "/Resources << /Font << /F1 3 0 R >> >> >>"
    ).encode()


def stream(data: bytes, *, more: bytes = b"", packed: bool = True) -> bytes:
    """Return a stream, compressed unless it is already."""
    body = zlib.compress(data) if packed else data
    return b"<< /Length %d /Filter /FlateDecode %b >>\nstream\n%b\nendstream" % (len(body), more, body)


def with_contents(contents: bytes) -> bytes:
    """Return a PDF of one page with this object as its contents."""
    return put_together(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            page(5),
            contents,
        ]
    )


def put_together(objects: Objects, *, info: int | None = None) -> bytes:
    """Return a file of these objects, which are numbered from 1; the first is the catalog."""
    made = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    at = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    more = b" /Info %d 0 R" % info if info else b""
    made += b"trailer\n<< /Size %d /Root 1 0 R%b >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, more, at)
    return bytes(made)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
