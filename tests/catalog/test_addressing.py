"""An operator's base URL, in any of the forms consoles show it, becomes the address of each request."""

from urllib.parse import urlsplit

import pytest
from msgspec import structs
from tests.support.recordings import every, needs_recordings

from wye.catalog import load
from wye.catalog.addressing import addressed, is_plain, path_of
from wye.catalog.schema import Form, Provider

HOST = "https://resource.openai.azure.com"
CHAT = "/chat/completions"


def url(provider: str, configured: str, path: str = CHAT, model: str = "", **query: str) -> str:
    """Return where a request goes when the operator configured this."""
    row = load().providers[provider]
    row = addressed(
        structs.replace(row, query={name.replace("_", "-"): value for name, value in query.items()}), configured
    )
    return f"{row.base_url}{path_of(row, path, model)}"


@pytest.mark.parametrize(
    "configured",
    [HOST, f"{HOST}/", f"{HOST}/openai", f"{HOST}/openai/", f"{HOST}/openai/v1", f"{HOST}/openai/v1/",
     f"{HOST}/openai/v1/chat/completions"],
)  # fmt: skip
def test_azure_without_a_dated_version_is_its_v1_api(configured: str) -> None:
    assert url("azure", configured, model="dep") == f"{HOST}/openai/v1/chat/completions"


@pytest.mark.parametrize(
    "configured",
    [HOST, f"{HOST}/", f"{HOST}/openai", f"{HOST}/openai/deployments/other/chat/completions"],
)
def test_azure_with_a_dated_version_names_the_deployment_in_the_path(configured: str) -> None:
    expected = f"{HOST}/openai/deployments/dep/chat/completions?api-version=2024-10-21"
    assert url("azure", configured, model="dep", api_version="2024-10-21") == expected


def test_an_address_copied_with_its_version_needs_no_further_setting() -> None:
    copied = f"{HOST}/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview"
    assert url("azure", copied, model="gpt-4o") == copied


def test_the_v1_api_written_out_takes_no_dated_version_but_a_preview() -> None:
    assert url("azure", f"{HOST}/openai/v1", api_version="2024-10-21") == f"{HOST}/openai/v1{CHAT}"
    assert url("azure", HOST, api_version="preview") == f"{HOST}/openai/v1{CHAT}?api-version=preview"


def test_a_model_name_in_a_path_is_percent_encoded() -> None:
    got = url("azure", HOST, model="a b/ü?#", api_version="2024-10-21")
    assert got == f"{HOST}/openai/deployments/a%20b%2F%C3%BC%3F%23/chat/completions?api-version=2024-10-21"


def test_a_query_joins_the_one_a_path_has() -> None:
    row = Provider(id="p", name="P", adapter="a", query={"k": "v&w"})
    assert path_of(row, "/x?alt=sse") == "/x?alt=sse&k=v%26w"


def test_a_provider_without_forms_keeps_the_url_as_it_was_configured() -> None:
    assert url("openai", "http://10.0.0.1:8000/any/path/") == "http://10.0.0.1:8000/any/path/chat/completions"
    assert is_plain(addressed(load().providers["openai"], "http://10.0.0.1:8000/v1"))


def test_the_first_form_that_fits_counts() -> None:
    row = Provider(
        id="p", name="P", adapter="a", forms=(Form(url="/one$", path="/1{path}"), Form(url="e$", path="/2{path}"))
    )
    assert path_of(addressed(row, "http://h/one"), "/x") == "/1/x"
    assert path_of(addressed(row, "http://h/the"), "/x") == "/2/x"
    assert path_of(addressed(row, "http://h/"), "/x") == "/x"


@pytest.mark.parametrize(
    ("configured", "flow"),
    [
        ("https://pod-8000.proxy.runpod.net/v1", "request"),
        ("https://api.runpod.ai/v2/abc123/openai/v1", "request"),
        ("https://api.runpod.ai/v2/abc123", "jobs"),
        ("https://api.runpod.ai/v2/abc123/", "jobs"),
    ],
)
def test_runpod_is_a_queue_of_jobs_where_its_address_says_so(configured: str, flow: str) -> None:
    assert addressed(load().providers["runpod"], configured).flow == flow


@needs_recordings
def test_every_recorded_azure_request_went_where_ours_would_go() -> None:
    recorded = [one.url for one in every() if urlsplit(one.url).netloc.endswith(".openai.azure.com")]
    for there in recorded:
        parts = urlsplit(there)
        version = parts.query.removeprefix("api-version=")
        before, _, rest = parts.path.removeprefix("/openai").partition("/deployments/")
        deployment, _, path = rest.partition("/") if rest else ("", "", before.removeprefix("/v1/"))
        asked = {"api_version": version} if version else {}
        assert url("azure", f"https://{parts.netloc}", f"/{path}", deployment, **asked) == there
    assert recorded
