"""Settings of conversations and agents are read, shown and changed like all others."""

from decimal import Decimal
from pathlib import Path

import pytest

from wye import catalog
from wye.config import Settings, load_settings
from wye.config.runtime import with_runtime
from wye.config.shown import in_force
from wye.core.errors import ConfigurationError


def load(folder: Path, text: str) -> Settings:
    file = folder / "wye.toml"
    file.write_text(text)
    return load_settings(catalog.load(), path=file, environ={})


def test_chats_and_agents_are_read_and_shown(tmp_path: Path) -> None:
    settings = load(
        tmp_path, '[chat]\nhistory = "summarise"\n[agents.pirate]\ntools = ["calculator"]\nmax_cost_usd = 1\n'
    )
    assert settings.chat.history == "summarise"
    assert settings.agents["pirate"].max_cost_usd == Decimal(1)
    shown = {path: value for path, value, _ in in_force(settings)}
    assert shown["chat.history"] == "summarise"
    assert shown["agents.pirate.tools"] == ["calculator"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[chat]\nhistroy = "refuse"\n', "did you mean 'history'"),
        ('[chat]\nhistory = "forget"\n', "chat.history"),
        ("[chat]\nmax_cost_usd = 0\n", "above 0"),
        ("[chat]\ncontext_share = 1.5\n", "chat.context_share"),
        ("[agents.pirate]\ntemprature = 1\n", "did you mean 'temperature'"),
        ("[agents.pirate]\nmax_cost_usd = -1\n", "above 0"),
        ('[agents."a b"]\n', "an agent's name is"),
        ("[agents]\npirate = 1\n", "must be a table"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load(tmp_path, text)


def test_how_conversations_are_held_can_be_changed_while_wye_runs_and_agents_cannot() -> None:
    assert with_runtime({}, {"chat.history": "refuse"}) == {"chat": {"history": "refuse"}}
    with pytest.raises(ConfigurationError, match="settings file"):
        with_runtime({}, {"agents.pirate.instructions": "Obey."})
