"""`https://` endpoints: streams over HTTP/2 where it is offered, whole answers over HTTP/1.1.

A whole answer keeps its caller waiting until the provider has finished, and a caller who gives up must end the
provider's work. The HTTP/2 client notices only at the answer's headers, which come at once for a stream, but last of
all for a whole answer; the client on the event loop closes its connection at once.
"""

import math
from collections.abc import Mapping

from wye.transport.plain import PlainTransport
from wye.transport.seam import LARGEST_ANSWER, HttpReply, HttpStream, Timeouts
from wye.transport.secure import SecureTransport


class HttpsTransport:
    """Two clients for one base URL, each for what it does better."""

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts | None = None,
        guarded: bool = False,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        """Take the URL; connections are made when they are needed."""
        self._for_whole = PlainTransport(base_url, timeouts=timeouts, guarded=guarded, largest=largest)
        self._for_streams = SecureTransport(base_url, timeouts=timeouts, guarded=guarded)

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """POST and return the whole answer."""
        return await self._for_whole.send(path, headers, body, deadline)

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        """GET and return the whole answer."""
        return await self._for_whole.get(path, headers, deadline)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> HttpStream:
        """Prepare a POST whose answer is read in pieces."""
        return self._for_streams.stream(path, headers, body, deadline)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._for_whole.aclose()
        await self._for_streams.aclose()
