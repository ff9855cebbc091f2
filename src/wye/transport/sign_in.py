"""Where credentials come from that no key stands for: AWS's chain, Google's, Entra ID; each library is an extra.

`known` are the operator's settings by the names of the environment variables that hold them as well. What is not among
them, the libraries look up themselves: in files, in the environment, at the machine's metadata service.
"""

import asyncio
import datetime
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from wye.catalog.schema import SignIn
from wye.core.errors import ProviderAuthenticationError
from wye.core.secret import Secret
from wye.transport.credentials import EARLY_SECONDS, BearerToken, Credentials, Grant, Keeper
from wye.transport.extras import needs

_IN_HOST: Final = re.compile(r"[./]([a-z]{2}(?:-[a-z]+)+-\d)\.")
_LONG_BODY: Final = 1024 * 1024
"""Bytes from which on a body is hashed off the event loop."""


def credentials_for(
    how: SignIn, *, base_url: str, places: Mapping[str, str], known: Mapping[str, Secret]
) -> Credentials:
    """Return the credentials of a kind; nothing is read or asked for before the first request.

    Raises `ConfigurationError`, whose `param` is `extra`, where the library is not installed.
    """
    settings = {name: value.reveal() for name, value in known.items() if value}
    if how.kind == "aws_chain":
        needs("botocore")
        found = _IN_HOST.search(base_url)
        region = found[1] if found else places.get("region", "us-east-1")
        return AwsSignature(settings, service=how.service, region=region)
    if how.kind == "google_auth":
        needs("google.auth")
        return BearerToken(Keeper("Google", _google(settings, how.scope)))
    needs("azure.identity")
    return BearerToken(Keeper("Entra ID", _entra(settings, how.scope)))


# --- AWS ---


class AwsSignature:
    """Signature version 4 by botocore, with keys from its chain.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """

    def __init__(self, settings: Mapping[str, str], *, service: str, region: str) -> None:
        """Look for keys when the first request is signed."""
        self._service = service
        self._region = region
        self._keeper: Keeper[Any] = Keeper("AWS", _aws(settings))

    async def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Return `headers` with the signature, its date and the session's token."""
        keys = await self._keeper.get()
        if len(body) > _LONG_BODY:
            return await asyncio.to_thread(self._signed, keys, method, url, headers, body)
        return self._signed(keys, method, url, headers, body)

    def _signed(self, keys: Any, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(keys, self._service, self._region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}


def _aws(settings: Mapping[str, str]) -> Callable[[], Grant[Any]]:
    """Return what finds keys; botocore's own objects renew themselves when they are asked in good time."""
    found: list[Any] = []

    def fetch() -> Grant[Any]:
        if not found:
            found.append(_aws_keys(settings))
        (keys,) = found
        frozen = keys.get_frozen_credentials()
        ends = getattr(keys, "_expiry_time", None)
        if ends is None:
            return Grant(frozen)
        # It renews by itself from a quarter of an hour before the end, whenever it is asked.
        return Grant(frozen, ends=ends.timestamp(), renew=max(ends.timestamp() - 14.5 * 60, time.time() + 1))

    return fetch


def _aws_keys(settings: Mapping[str, str]) -> Any:
    from botocore.session import Session

    session = Session(profile=settings.get("AWS_PROFILE"))
    if settings.get("AWS_ACCESS_KEY_ID") and settings.get("AWS_SECRET_ACCESS_KEY"):
        token = settings.get("AWS_SESSION_TOKEN")
        session.set_credentials(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], token)
    keys = session.get_credentials()
    if keys is None:
        raise ProviderAuthenticationError(
            "AWS: no credentials were found; set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role"
        )
    return keys


# --- Google ---


def _google(settings: Mapping[str, str], scope: str) -> Callable[[], Grant[str]]:
    found: list[Any] = []

    def fetch() -> Grant[str]:
        from google.auth.transport.requests import Request

        if not found:
            found.append(_google_credentials(settings.get("GOOGLE_APPLICATION_CREDENTIALS"), scope))
        (credentials,) = found
        credentials.refresh(Request())
        ends = credentials.expiry  # in UTC, though it does not say so
        return _until(credentials.token, ends.replace(tzinfo=datetime.UTC).timestamp() if ends else None)

    return fetch


def _google_credentials(path: str | None, scope: str) -> Any:
    """Read a service account's file, or one of the other kinds that name themselves; else ask the library to look."""
    if path is None:
        from google import auth

        library: Any = auth  # half of it is typed
        return library.default(scopes=[scope])[0]
    said = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, Any])
    maker: Any
    if said.get("type") == "external_account":
        from google.auth import identity_pool

        maker = identity_pool.Credentials
        return maker.from_info(said, scopes=[scope])
    if said.get("type") == "authorized_user":
        from google.oauth2 import credentials as user

        maker = user.Credentials
        return maker.from_authorized_user_info(said, scopes=[scope])
    from google.oauth2 import service_account

    maker = service_account.Credentials
    return maker.from_service_account_info(said, scopes=[scope])


# --- Entra ID ---


def _entra(settings: Mapping[str, str], scope: str) -> Callable[[], Grant[str]]:
    found: list[Any] = []

    def fetch() -> Grant[str]:
        if not found:
            found.append(_entra_credential(settings))
        token = found[0].get_token(scope)
        return _until(token.token, float(token.expires_on))

    return fetch


def _entra_credential(settings: Mapping[str, str]) -> Any:
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    tenant, client = settings.get("AZURE_TENANT_ID"), settings.get("AZURE_CLIENT_ID")
    if tenant and client and (secret := settings.get("AZURE_CLIENT_SECRET")):
        authority = settings.get("AZURE_AUTHORITY_HOST")
        return ClientSecretCredential(tenant, client, secret, **({"authority": authority} if authority else {}))
    return DefaultAzureCredential(
        exclude_interactive_browser_credential=True,
        **({"managed_identity_client_id": client} if client else {}),
    )


def _until(token: str, ends: float | None) -> Grant[str]:
    """Renew a token in good time, but a short-lived one not before half its life is over."""
    if ends is None:
        return Grant(token)
    left = ends - time.time()
    return Grant(token, ends=ends, renew=ends - min(EARLY_SECONDS, left / 2))
