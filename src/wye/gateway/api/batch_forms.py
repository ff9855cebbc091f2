"""The bodies of `/v1/files` and `/v1/batches`, in OpenAI's names: https://platform.openai.com/docs/api-reference/batch."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct


class BatchForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch to be made of a file that was handed in."""

    input_file_id: Annotated[str, Meta(max_length=100, description="of a file whose purpose is `batch`")]
    endpoint: Annotated[str, Meta(max_length=100, description="what every line of the file asks for")]
    completion_window: Literal["24h"]
    metadata: Annotated[dict[str, str], Meta(description="up to 16 texts of your own")] | None = None


FORMS: Final = (BatchForm,)
