"""AWS's own description of Bedrock, to hold requests against."""

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator


@cache
def _service() -> Any:
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))


def check_converse(body: dict[str, Any], operation: str = "Converse") -> None:
    """Hold a request's body against the shape of the operation's input: types, required and unknown members."""
    shape = _service().operation_model(operation).input_shape
    report = ParamValidator().validate({"modelId": "a.b", **body}, shape)
    assert not report.has_errors(), report.generate_report()
