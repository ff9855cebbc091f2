"""The names are the conventions' own, as their package has them."""

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes

from wye import catalog
from wye.telemetry import semconv

OURS = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}


def test_every_name_is_one_of_the_conventions_or_marked_as_our_own() -> None:
    modules = (gen_ai_attributes, gen_ai_metrics, error_attributes)
    theirs = {value for module in modules for value in vars(module).values() if isinstance(value, str)}
    assert {name for name in OURS if not name.startswith("wye.")} <= theirs


def test_operations_that_the_conventions_name_are_called_so() -> None:
    theirs = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
    assert {semconv.OPERATIONS[name] for name in ("chat", "completions", "embeddings")} <= theirs


def test_every_provider_that_the_conventions_name_is_called_so() -> None:
    rows = catalog.load().providers.values()
    told = {row.telemetry_name or row.id for row in rows}
    elsewhere = {"gcp.gen_ai", "azure.ai.inference", "ibm.watsonx.ai"}  # no row of ours is one of these
    assert {one.value for one in gen_ai_attributes.GenAiProviderNameValues} - elsewhere <= told
    assert {row.telemetry_name for row in rows if row.telemetry_name} <= {
        one.value for one in gen_ai_attributes.GenAiProviderNameValues
    }
