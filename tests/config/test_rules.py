"""Limits and budgets of the settings file are read as they are meant, or refused with what to write instead."""

from decimal import Decimal
from pathlib import Path

import pytest

from wye import catalog
from wye.config import Settings, load_settings
from wye.core.errors import ConfigurationError
from wye.core.limits import Limits
from wye.core.record import PICO_PER_USD

ROWS = catalog.load()


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "wye.toml"
    path.write_text(text)
    return load_settings(ROWS, path=path, environ={})


def test_a_budget_is_dollars_in_a_period(tmp_path: Path) -> None:
    [budget] = load(tmp_path, '[[budgets]]\nscope = "global"\namount = 500.25\nperiod = "month"\nhard = true\n').budgets
    assert (budget.amount, budget.period, budget.hard) == (int(Decimal("500.25") * PICO_PER_USD), "month", True)
    assert budget.source == "file"


def test_limits_are_of_each_or_of_one(tmp_path: Path) -> None:
    written = (
        '[[limits]]\nscope = "key"\ntarget = "*"\nrequests_per_minute = 60\n[[limits]]\nconcurrent_requests = 100\n'
    )
    each, everybody = load(tmp_path, written).limits
    assert (each.scope, each.target, each.limits) == ("key", "*", Limits(requests_per_minute=60))
    assert (everybody.scope, everybody.target) == ("global", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[budgets]\nscope = "global"\n', "write [[budgets]], once for each"),
        ('[[budgets]]\nscope = "global"\namount = -1\nperiod = "day"\n', "amount is USD, from 0"),
        ('[[budgets]]\nscope = "key"\namount = 1\nperiod = "day"\n', 'say whose it is: target = "the key\'s id"'),
        ('[[budgets]]\nscope = "key"\ntarget = "*"\namount = 1\nperiod = "day"\n', "name it"),
        ('[[budgets]]\nscope = "global"\namount = 1\nperiod = "year"\n', "budgets[0].period"),
        ('[[budgets]]\nscope = "global"\namount = 1\nperiods = "day"\n', "did you mean 'period'?"),
        ("[[limits]]\nrequest_per_minute = 1\n", "did you mean 'requests_per_minute'?"),
        ("[[limits]]\nrequests_per_minute = 0\n", "limits[0].requests_per_minute"),
        ('[[limits]]\nscope = "global"\n', "it limits nothing"),
        ('[[limits]]\ntarget = "k"\nrequests_per_day = 1\n', "what is global has no target"),
        ("[[limits]]\nrequests_per_day = 1\n[[limits]]\nrequests_per_day = 2\n", "there is one for global"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert said in caught.value.message
