"""Serves the console: files that Vite has built into `gateway/web`, which wheels carry and `make console` makes.

Everything under `assets/` has the hash of its content in its name and never changes; all else is asked for anew and
mostly answered with 304. What is text lies there compressed as well. A page may run and show nothing but its own.
"""

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from msgspec import Struct

from wye.core.errors import RouteNotFoundError
from wye.gateway.http import Header, accepted_encodings, respond
from wye.gateway.request import Request

PREFIX: Final = "/console/"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_GUARDS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), payment=()"),
)
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8",
}
_FOREVER: Final = b"public, max-age=31536000, immutable"
_ASKED_ANEW: Final = b"no-cache"
_NOT_BUILT: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Wye</title>
<h1>Wye is running. Its console is not built.</h1>
<p>Everything else works: the API under <code>/v1</code>, its description at <a href="/api/docs">/api/docs</a>, and the
command line, <code>wye --help</code>.</p>
<p>In a checkout with Node.js 20 or later, <code>make console</code> builds it; then load this page again. Wheels from
PyPI have it built.</p>
</html>
"""


class File(Struct, frozen=True):
    """A file as it lies there, and compressed where it is."""

    kind: str
    etag: bytes
    body: bytes
    encoded: dict[bytes, bytes]


class Console:
    """The built files, each read once."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """Serve `folder`; without one, what belongs to this package."""
        self._folder = folder or resources.files("wye.gateway").joinpath("web")
        self._files: dict[str, File] = {}

    @property
    def is_built(self) -> bool:
        """Whether there is anything to serve."""
        return self._folder.joinpath("index.html").is_file()

    async def answer(self, request: Request) -> int:
        """Answer a request for a file, or for any page of the console, which are all the same file.

        Raises `RouteNotFoundError` for a file that is not there.
        """
        if not self.is_built:
            return await _send(request, 503, _NOT_BUILT, [(b"content-type", b"text/html; charset=utf-8")])
        name = request.path.removeprefix(PREFIX)
        is_file = "." in name.rpartition("/")[2]
        file = self._read(name if is_file else "index.html")
        if file is None:
            raise RouteNotFoundError(f"there is no {request.path}")
        lasting = name.startswith("assets/")
        headers: list[Header] = [
            (b"etag", file.etag),
            (b"cache-control", _FOREVER if lasting else _ASKED_ANEW),
            (b"vary", b"accept-encoding"),
        ]
        if file.etag in _tags(request.headers.get(b"if-none-match", b"")):
            await _send(request, 304, b"", headers)
            return 304
        headers.append((b"content-type", file.kind.encode()))
        body = file.body
        for encoding, compressed in file.encoded.items():
            if encoding in accepted_encodings(request.headers):
                headers.append((b"content-encoding", encoding))
                body = compressed
                break
        return await _send(request, 200, body, headers)

    def _read(self, name: str) -> File | None:
        lasting = name.startswith("assets/")
        if lasting and name in self._files:
            return self._files[name]
        steps = name.split("/")
        kind = _TYPES.get(name.rpartition(".")[2])
        if kind is None or not all(step.strip(".") and "\\" not in step for step in steps):
            return None
        place = self._folder.joinpath(*steps)
        if not place.is_file():
            return None
        body = place.read_bytes()
        encoded = {}
        for encoding, ending in ((b"br", ".br"), (b"gzip", ".gz")):
            compressed = self._folder.joinpath(*steps[:-1], steps[-1] + ending)
            if compressed.is_file():
                encoded[encoding] = compressed.read_bytes()
        etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:20].encode()
        file = File(kind, etag, body, encoded)
        if lasting:
            self._files[name] = file
        return file


def wants_page(request: Request) -> bool:
    """Tell whether a browser asks that shows what it gets, and not a program."""
    return b"text/html" in request.headers.get(b"accept", b"")


async def redirect(request: Request) -> int:
    """Lead a browser to the console."""
    return await _send(request, 307, b"", [(b"location", PREFIX.encode()), (b"vary", b"accept")])


def _tags(said: bytes) -> set[bytes]:
    return {tag.strip().removeprefix(b"W/") for tag in said.split(b",")}


async def _send(request: Request, status: int, body: bytes, headers: list[Header]) -> int:
    await respond(request.send, status, body, [*headers, *_GUARDS, (b"x-request-id", request.id.encode())])
    return status
