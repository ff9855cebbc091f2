"""`wye`: every command, its options and an example each. Exit status 0 done, 1 failed, 2 wrong use."""

import sys
from typing import Annotated

import typer

from wye.cli import batch as batching
from wye.cli import chat as chatting
from wye.cli import choosing, datasets, discovery, rules
from wye.cli import config as configuration
from wye.cli import db as storing
from wye.cli import keys as keying
from wye.cli import models as listing
from wye.cli import providers as providing
from wye.cli import recommend as recommending
from wye.cli import serve as serving
from wye.cli import usage as accounting
from wye.cli.output import fail
from wye.core.errors import WyeError

app = typer.Typer(
    name="wye",
    help='A junction for every language model.\n\nExample: wye chat "What is a wye?"',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(invoke_without_command=True)
providers_app = typer.Typer(invoke_without_command=True)
keys_app = typer.Typer(help="Give out, list and revoke virtual keys.\n\nExample: wye keys list", no_args_is_help=True)
datasets_app = typer.Typer(
    help="Check data sets of chat examples.\n\nExample: wye datasets validate train.jsonl", no_args_is_help=True
)
batch_app = typer.Typer(
    help="Have the gateway work through files of requests.\n\nExample: wye batch run lines.jsonl", no_args_is_help=True
)
db_app = typer.Typer(help="Upgrade and check the database.\n\nExample: wye db check", no_args_is_help=True)
telemetry_app = typer.Typer(
    help="How providers and models did.\n\nExample: wye telemetry export --format csv", no_args_is_help=True
)
config_app = typer.Typer(
    help="Check and show the settings in force.\n\nExample: wye config check", no_args_is_help=True
)

app.command("serve")(serving.serve)
app.command("chat")(chatting.chat)
app.add_typer(models_app, name="models")
models_app.callback()(listing.list_models)
models_app.command("show")(listing.show)
models_app.command("refresh")(discovery.refresh)
app.command("recommend")(recommending.recommend)
app.command("explain")(choosing.explain)
app.command("replay")(choosing.replay)
app.add_typer(providers_app, name="providers")
providers_app.callback()(providing.providers)
providers_app.command("test")(discovery.try_provider)
app.command("usage")(accounting.usage)
app.command("budgets")(rules.budgets)
app.command("limits")(rules.limits)
app.add_typer(telemetry_app, name="telemetry")
telemetry_app.command("export")(accounting.export)
app.add_typer(config_app, name="config")
app.add_typer(datasets_app, name="datasets")
datasets_app.command("validate")(datasets.validate)
app.add_typer(batch_app, name="batch")
batch_app.command("run")(batching.run)
batch_app.command("list")(batching.list_batches)
batch_app.command("show")(batching.show)
batch_app.command("cancel")(batching.cancel)
app.add_typer(db_app, name="db")
app.add_typer(keys_app, name="keys")
keys_app.command("create")(keying.create)
keys_app.command("list")(keying.list_keys)
keys_app.command("revoke")(keying.revoke)
keys_app.command("rotate-secret")(keying.rotate_secret)
db_app.command("upgrade")(storing.upgrade)
db_app.command("check")(storing.check)
config_app.command("check")(configuration.check)
config_app.command("show")(configuration.show)


@app.callback(invoke_without_command=True)
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)] = False
) -> None:
    if version:
        from wye import __version__

        typer.echo(f"wye {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    try:
        app()
    except WyeError as error:
        fail(error)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
