"""Checks an AWS signature as the service does: makes it once more from what arrived."""

import datetime
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.support.upstream import Received

_PARTS = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<names>[^,]+), Signature=(?P<signature>[0-9a-f]{64})$"
)


def signed_for(received: Received, secret: str) -> tuple[str, str, str]:
    """Return the key's id, the region and the service of a request whose signature is right, by the key `secret`."""
    found = _PARTS.match(received.headers["authorization"])
    assert found, received.headers["authorization"]
    names = found["names"].split(";")
    assert {"host", "x-amz-date"} <= set(names)
    request = AWSRequest(
        method=received.method,
        url=f"http://{received.headers['host']}{received.path}",
        data=received.body,
        headers={name: received.headers[name] for name in names},
    )
    moment = received.headers["x-amz-date"]
    arrived = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    assert abs((datetime.datetime.now(datetime.UTC) - arrived).total_seconds()) < 60
    request.context["timestamp"] = moment
    auth = SigV4Auth(Credentials(found["key"], secret), found["service"], found["region"])
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert auth.signature(text, request) == found["signature"]
    return found["key"], found["region"], found["service"]
