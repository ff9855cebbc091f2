"""A caller without any cloud's library reaches models behind clouds that want to be signed in to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import openai
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.frames import event, exception
from tests.support.gateway import serving
from tests.support.imitation import Imitation
from tests.support.signatures import signed_for
from tests.support.upstream import Reply, Upstream

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo
from wye.core.request import Asked
from wye.surfaces.openai_chat import parse_request
from wye.transport import extras

SECRET = "wJalrXUtnFEMI/canary/bPxRfiCYEXAMPLEKEY"
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def imitation() -> Iterator[Imitation]:
    with Imitation() as running:
        yield running


def aws(url: str, **more: str) -> dict[str, str]:
    return {
        "BEDROCK_ENABLED": "true",
        "BEDROCK_BASE_URL": url,
        "BEDROCK_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "the-session",
        **more,
    }


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "us.amazon.nova-lite-v1:0", ARN])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_openai_client_reaches_bedrock_with_a_signature_that_is_right(
    imitation: Imitation, model: str, stream: object
) -> None:
    url = imitation.mount("bedrock", "bedrock_converse")
    with serving(environ=aws(url)) as gateway, openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x") as client:
        asked: Any = {"model": f"bedrock/{model}", "messages": [{"role": "user", "content": "hé"}]}
        if stream:
            pieces = list(client.chat.completions.create(**asked, stream=True))
            text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
        else:
            text = client.chat.completions.create(**asked).choices[0].message.content
    assert text == imitation.said[-1].text
    received = imitation.upstream.received[-1]
    assert signed_for(received, SECRET) == ("AKIDEXAMPLE", "eu-west-1", "bedrock")
    assert received.headers["x-amz-security-token"] == "the-session"
    assert SECRET not in gateway.log


def test_a_bedrock_api_key_is_sent_as_it_is(imitation: Imitation) -> None:
    url = imitation.mount("bedrock", "bedrock_converse")
    with serving(environ={"AWS_BEARER_TOKEN_BEDROCK": "bedrock-key", "BEDROCK_BASE_URL": url}) as gateway:
        assert gateway.chat("bedrock/nova-lite").status == 200
    assert imitation.upstream.received[-1].headers["authorization"] == "Bearer bedrock-key"


def test_the_default_model_may_have_a_short_name(imitation: Imitation) -> None:
    url = imitation.mount("bedrock", "bedrock_converse")
    environ = aws(url, BEDROCK_DEFAULT_MODEL="claude-sonnet-4-5", LLM_PROVIDER="bedrock")
    with serving(environ=environ) as gateway:
        assert gateway.chat("auto").status == 200
    assert "claude-sonnet-4-5-20250929" in imitation.heard[-1].model


def test_aws_keys_alone_do_not_put_bedrock_to_use_nor_does_it_when_it_is_switched_off() -> None:
    for switch in ({}, {"BEDROCK_ENABLED": "false", "AWS_BEARER_TOKEN_BEDROCK": "k"}):
        with serving(environ={"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET, **switch}) as gateway:
            answer = gateway.chat("bedrock/nova-lite")
        assert answer.status >= 400
        assert "BEDROCK_ENABLED" in answer.error["message"]


def test_the_address_follows_the_region() -> None:
    environ = {"BEDROCK_ENABLED": "1", "AWS_REGION": "cn-north-1"}
    with serving(environ=environ) as gateway:
        row = gateway.gateway.engine.snapshot.catalog.providers["bedrock"]
    assert row.base_url == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"


def test_without_its_library_a_cloud_is_dropped_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_installed", lambda name: name != "botocore")
    with serving(environ=aws("http://127.0.0.1:9")) as gateway:
        answer = gateway.chat("bedrock/nova-lite")
    assert answer.status >= 400
    assert "pip install '.[bedrock]'" in answer.error["message"]


def test_an_exception_inside_a_stream_of_200_reaches_the_caller_as_an_error() -> None:
    pieces = [
        event("messageStart", {"role": "assistant"}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "he"}}),
        exception("modelStreamErrorException", {"message": "the model broke", "originalStatusCode": 500}),
    ]
    with Upstream() as server, serving(environ=aws(server.url)) as gateway:
        server.reply_with(Reply.stream(pieces, "application/vnd.amazon.eventstream"))
        answer = gateway.chat("bedrock/nova-lite", stream=True)
    error = json.loads(answer.events[-1])["error"]
    assert (error["code"], error["message"]) == ("upstream_error", "the model broke")
    assert b"[DONE]" not in answer.body


# --- boto3 understands the imitation, and says what we say ---


def test_boto3_understands_what_is_imitated_and_asks_as_the_adapter_does(imitation: Imitation) -> None:
    url = imitation.mount("bedrock", "bedrock_converse")
    asked = {
        "model": "m",
        "messages": [{"role": "system", "content": "brief"}, {"role": "user", "content": "hé"}],
        "tools": [TOOL],
        "max_tokens": 50,
    }
    call = parse_request(json.dumps(asked).encode(), Asked())
    ours = load("bedrock_converse").build_request(call, Target(ModelInfo(id="us.amazon.nova-lite-v1:0")))
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=SECRET,
        config=Config(retries={"max_attempts": 1}),
    )
    whole = client.converse(modelId="us.amazon.nova-lite-v1:0", **json.loads(ours.body))
    received = imitation.upstream.received[-1]
    assert received.json == json.loads(ours.body)
    assert received.path == f"/bedrock{ours.path}"
    assert signed_for(received, SECRET) == ("AKIDEXAMPLE", "eu-west-1", "bedrock")
    assert whole["output"]["message"]["content"][0]["text"] == imitation.said[-1].text
    stream = client.converse_stream(modelId="us.amazon.nova-lite-v1:0", **json.loads(ours.body))
    pieces = [each["contentBlockDelta"]["delta"]["text"] for each in stream["stream"] if "contentBlockDelta" in each]
    assert "".join(pieces) == imitation.said[-1].text
    client.close()


# --- Google and Entra ID ---


def service_account(folder: Path, token_uri: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "account.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "private_key": pem.decode(),
                "client_email": "wye@acme.example",
                "token_uri": token_uri,
            }
        )
    )
    return str(path)


def test_vertex_is_reached_with_the_token_of_a_service_account(imitation: Imitation, tmp_path: Path) -> None:
    url = imitation.mount("vertex", "gemini")
    with Upstream() as tokens:
        tokens.reply_with(Reply.json({"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"}))
        account = service_account(tmp_path, f"{tokens.url}/token")
        environ = {"GOOGLE_APPLICATION_CREDENTIALS": account, "VERTEX_BASE_URL": url, "GOOGLE_CLOUD_PROJECT": "acme"}
        with serving(environ=environ) as gateway:
            gateway.chat("vertex/gemini-3.8-flash")
            gateway.chat("vertex/gemini-3.8-flash", stream=True)
        assert len(tokens.received) == 1
    assert [each.headers["authorization"] for each in imitation.upstream.received] == ["Bearer ya29.token"] * 2


def test_vertex_stands_at_the_project_and_the_location(tmp_path: Path) -> None:
    environ = {"VERTEX_ENABLED": "true", "GOOGLE_CLOUD_PROJECT": "acme", "GOOGLE_CLOUD_LOCATION": "europe-west4"}
    with serving(environ=environ) as gateway:
        row = gateway.gateway.engine.snapshot.catalog.providers["vertex"]
    place = "projects/acme/locations/europe-west4/publishers/google"
    assert row.base_url == f"https://europe-west4-aiplatform.googleapis.com/v1/{place}"
    del environ["GOOGLE_CLOUD_PROJECT"]
    with serving(environ=environ) as gateway:
        assert "GOOGLE_CLOUD_PROJECT" in gateway.chat("vertex/gemini-3.8-flash").error["message"]


def test_azure_without_a_key_is_signed_in_to(imitation: Imitation, monkeypatch: pytest.MonkeyPatch) -> None:
    url = imitation.mount("azure", "openai_chat")
    with Upstream() as machine:
        machine.reply_with(
            Reply.json({"access_token": "entra-1", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"})
        )
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        environ = {"AZURE_OPENAI_ENDPOINT": url, "IDENTITY_ENDPOINT": f"{machine.url}/msi/token"}
        with serving(environ=environ) as gateway:
            gateway.chat("azure/gpt-4o")
    received = imitation.upstream.received[-1]
    assert received.headers["authorization"] == "Bearer entra-1"
    assert "api-key" not in received.headers
