"""Every cloud's own sign-in gets its credential from an imitation of the place it asks, and renews it in time."""

import asyncio
import datetime
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.upstream import Received, Reply, Upstream

from wye.catalog.schema import SignIn
from wye.core.errors import ConfigurationError, ProviderAuthenticationError
from wye.core.secret import Secret
from wye.transport import extras
from wye.transport.credentials import Credentials
from wye.transport.sign_in import credentials_for

AWS = SignIn(kind="aws_chain", service="bedrock")
GOOGLE = SignIn(kind="google_auth", scope="https://scope.example/all")
ENTRA = SignIn(kind="entra", scope="https://scope.example/.default")
URL = "https://bedrock-runtime.eu-west-1.amazonaws.com"
SECRET = "wJalrXUtnFEMI/canary/bPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what this machine knows of any cloud."""
    for name in os.environ:
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_", "IDENTITY_", "MSI_", "GCE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def made(how: SignIn, known: Mapping[str, str] | None = None, *, url: str = URL, **places: str) -> Credentials:
    secrets = {name: Secret(value) for name, value in (known or {}).items()}
    return credentials_for(how, base_url=url, places=places, known=secrets)


async def signed(credentials: Credentials) -> Mapping[str, str]:
    given = {"content-type": "application/json"}
    return await credentials.headers("POST", f"{URL}/model/m%3A0/converse", given, b"{}")


def in_seconds(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- AWS ---


async def test_aws_keys_from_the_settings_sign_for_the_region_of_the_address() -> None:
    known = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": "session"}
    headers = await signed(made(AWS, known, region="us-east-1"))
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/bedrock/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "session"
    assert SECRET not in str(headers)


async def test_an_address_without_a_region_is_signed_for_the_configured_one() -> None:
    known = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}
    headers = await signed(made(AWS, known, url="https://proxy.example", region="ap-south-1"))
    assert "/ap-south-1/bedrock/" in headers["authorization"]


async def test_aws_keys_come_from_a_profile(tmp_path: Path) -> None:
    lines = ["[prod]", "aws_access_key_id = AKIDPROD", f"aws_secret_access_key = {SECRET}", ""]
    (tmp_path / "aws-credentials").write_text("\n".join(lines))
    headers = await signed(made(AWS, {"AWS_PROFILE": "prod"}))
    assert "Credential=AKIDPROD/" in headers["authorization"]


async def test_a_profile_that_is_not_there_is_an_authentication_error() -> None:
    with pytest.raises(ProviderAuthenticationError, match="ProfileNotFound"):
        await signed(made(AWS, {"AWS_PROFILE": "nobody"}))


async def test_without_any_aws_keys_the_error_says_what_to_set() -> None:
    with pytest.raises(ProviderAuthenticationError, match="AWS_ACCESS_KEY_ID"):
        await signed(made(AWS))


def metadata(life: Callable[[int], float]) -> Callable[[Received], Reply]:
    """Imitate EC2's metadata: the keys of the n-th answer live `life(n)` seconds."""
    asked = 0

    def handle(request: Received) -> Reply:
        nonlocal asked
        if request.path == "/latest/api/token":
            return Reply.raw(b"imds-token", "text/plain")
        assert request.headers["x-aws-ec2-metadata-token"] == "imds-token"
        if request.path.endswith("/security-credentials/"):
            return Reply.raw(b"the-role", "text/plain")
        asked += 1
        return Reply.json(
            {
                "Code": "Success",
                "AccessKeyId": f"ASIA{asked}",
                "SecretAccessKey": SECRET,
                "Token": f"session-{asked}",
                "Expiration": in_seconds(life(asked)),
            }
        )

    return handle


@pytest.fixture
def imds(monkeypatch: pytest.MonkeyPatch) -> Any:
    with Upstream() as server:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        yield server


async def test_a_machines_role_gives_keys_and_they_are_kept(imds: Upstream) -> None:
    imds.handler = metadata(lambda _: 6 * 3600)
    credentials = made(AWS)
    for _ in range(5):
        headers = await signed(credentials)
        assert "Credential=ASIA1/" in headers["authorization"]
        assert headers["x-amz-security-token"] == "session-1"
    assert len(imds.received) == 3


async def test_keys_of_a_role_are_renewed_before_they_end(imds: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    imds.handler = metadata(lambda asked: 6 * 3600 if asked == 1 else 24 * 3600)
    credentials = made(AWS)
    assert "Credential=ASIA1/" in (await signed(credentials))["authorization"]
    later = 6 * 3600 - 300
    left = RefreshableCredentials._seconds_remaining
    monkeypatch.setattr(RefreshableCredentials, "_seconds_remaining", lambda keys: left(keys) - later)
    monkeypatch.setattr("wye.transport.credentials.time", SimpleNamespace(time=lambda: time.time() + later))
    for _ in range(200):
        headers = await signed(credentials)
        if "ASIA2" in headers["authorization"]:
            break
        await asyncio.sleep(0.02)
    assert "Credential=ASIA2/" in headers["authorization"]


# --- Google ---


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode()


def service_account(folder: Path, token_uri: str, private_key: str) -> str:
    path = folder / "account.json"
    account = {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "wye@acme.example",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))
    return str(path)


async def test_a_service_account_gets_a_token_and_keeps_it(tmp_path: Path, private_key: str) -> None:
    with Upstream() as google:
        google.reply_with(Reply.json({"access_token": "ya29.first", "expires_in": 3600, "token_type": "Bearer"}))
        path = service_account(tmp_path, f"{google.url}/token", private_key)
        credentials = made(GOOGLE, {"GOOGLE_APPLICATION_CREDENTIALS": path})
        for _ in range(3):
            assert (await signed(credentials))["authorization"] == "Bearer ya29.first"
        assert len(google.received) == 1
        assert b"grant_type" in google.received[0].body


async def test_a_token_that_hardly_lives_is_made_anew(tmp_path: Path, private_key: str) -> None:
    with Upstream() as google:
        google.reply_with(
            Reply.json({"access_token": "ya29.short", "expires_in": 1, "token_type": "Bearer"}),
            Reply.json({"access_token": "ya29.long", "expires_in": 3600, "token_type": "Bearer"}),
        )
        path = service_account(tmp_path, f"{google.url}/token", private_key)
        credentials = made(GOOGLE, {"GOOGLE_APPLICATION_CREDENTIALS": path})
        await signed(credentials)
        for _ in range(400):
            headers = await signed(credentials)
            if headers["authorization"].endswith("long"):
                break
            await asyncio.sleep(0.02)
        assert headers["authorization"] == "Bearer ya29.long"


async def test_a_refused_service_account_is_an_authentication_error_without_its_key(
    tmp_path: Path, private_key: str
) -> None:
    with Upstream() as google:
        google.reply_with(Reply.json({"error": "invalid_grant", "error_description": "no such account"}, 400))
        path = service_account(tmp_path, f"{google.url}/token", private_key)
        with pytest.raises(ProviderAuthenticationError, match=r"Google: .*RefreshError") as raised:
            await signed(made(GOOGLE, {"GOOGLE_APPLICATION_CREDENTIALS": path}))
    assert "PRIVATE KEY" not in str(raised.value)


async def test_a_file_that_is_not_there_is_an_authentication_error(tmp_path: Path) -> None:
    with pytest.raises(ProviderAuthenticationError, match="FileNotFoundError"):
        await signed(made(GOOGLE, {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}))


# --- Entra ID ---


async def test_a_managed_identity_gets_a_token_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with Upstream() as machine:
        expires = int(datetime.datetime.now(datetime.UTC).timestamp()) + 7200
        machine.reply_with(
            Reply.json({"access_token": "entra-1", "expires_on": str(expires), "resource": "r", "token_type": "Bearer"})
        )
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "the-header")
        credentials = made(ENTRA)
        for _ in range(3):
            assert (await signed(credentials))["authorization"] == "Bearer entra-1"
        assert len(machine.received) == 1
        assert machine.received[0].headers["x-identity-header"] == "the-header"
        assert "resource=https://scope.example" in machine.received[0].path


async def test_where_nobody_signs_in_to_entra_the_error_says_so_without_secrets() -> None:
    known = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": SECRET}
    credentials = made(ENTRA, {**known, "AZURE_AUTHORITY_HOST": "https://127.0.0.1:9"})
    with pytest.raises(ProviderAuthenticationError, match="Entra ID") as raised:
        await signed(credentials)
    assert SECRET not in str(raised.value)


# --- Without the libraries ---


@pytest.mark.parametrize(
    ("how", "module", "extra"),
    [(AWS, "botocore", "bedrock"), (GOOGLE, "google.auth", "vertex"), (ENTRA, "azure.identity", "azure")],
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    how: SignIn, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "_installed", lambda name: name != module)
    with pytest.raises(ConfigurationError, match=rf"pip install '\.\[{extra}\]'") as raised:
        made(how)
    assert raised.value.param == "extra"
