"""`wye db`: what the database is like, and bringing it to this program's tables."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Wye


def test_a_database_is_checked_upgraded_and_checked_again(wye: Wye, tmp_path: Path) -> None:
    before = wye("db", "check")
    assert before.returncode == 1
    assert "run 'wye db upgrade'" in before.stdout
    assert not list(tmp_path.iterdir())
    done = wye("db", "upgrade")
    assert done.returncode == 0
    assert "ok sqlite:///wye.db: upgraded from nothing to r" in done.stdout
    after = wye("db", "check")
    assert after.returncode == 0
    assert "ready" in after.stdout
    assert "ready" in wye("db", "upgrade").stdout


def test_programs_read_json(wye: Wye) -> None:
    first = json.loads(wye("db", "upgrade", "--json").stdout)
    assert first == {"database": "sqlite:///wye.db", "before": None, "now": first["now"], "upgraded": True}
    again = json.loads(wye("db", "upgrade", "--json").stdout)
    assert (again["before"], again["upgraded"]) == (first["now"], False)
    found = json.loads(wye("db", "check", "--json").stdout)
    assert (found["condition"], found["revision"]) == ("current", first["now"])


def test_database_url_is_heeded_by_db_and_not_by_other_commands(wye: Wye, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    assert wye("db", "upgrade", DATABASE_URL=url).returncode == 0
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "wye.db").exists()
    shown = json.loads(wye("config", "show", "--json", DATABASE_URL=url).stdout)
    assert {row["setting"]: row["value"] for row in shown}["store.url"] == "sqlite:///wye.db"


def test_somebody_elses_database_is_named_and_is_wrong_use(wye: Wye, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "wye.db")) as theirs:
        theirs.execute("CREATE TABLE their_orders (id INTEGER)")
    checked = wye("db", "check")
    assert checked.returncode == 1
    assert "their_orders" in checked.stdout
    upgraded = wye("db", "upgrade")
    assert upgraded.returncode == 2
    assert "their_orders" in upgraded.stderr
    assert wye("serve").returncode == 2


def test_a_database_that_is_away_fails_without_its_password(wye: Wye) -> None:
    done = wye("db", "check", DATABASE_URL="postgresql://wye:CANARY@127.0.0.1:1/wye")
    assert done.returncode == 1
    assert "postgresql://127.0.0.1:1/wye does not answer" in done.stderr
    assert "CANARY" not in done.stderr + done.stdout


def test_memory_has_no_database(wye: Wye) -> None:
    done = wye("db", "check", DATABASE_URL="memory://")
    assert done.returncode == 2
    assert "memory://" in done.stderr


def test_a_url_of_another_database_is_wrong_use(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text('[store]\nurl = "mysql://host/db"\n')
    done = wye("db", "check")
    assert done.returncode == 2
    assert "sqlite:///wye.db" in done.stderr


def test_settings_of_the_store_are_shown_without_what_is_secret(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text('[store]\nurl = "postgresql://u:CANARY@host/db"\n[retention]\nusage_days = 90\n')
    done = wye("config", "show", "--json")
    shown = {row["setting"]: row["value"] for row in json.loads(done.stdout)}
    assert shown["store.url"] == "postgresql://host/db"
    assert (shown["retention.usage_days"], shown["retention.requests_days"]) == (90, 30)
    assert "CANARY" not in done.stdout


def test_an_unknown_setting_of_the_store_is_refused_with_the_nearest(wye: Wye, tmp_path: Path) -> None:
    (tmp_path / "wye.toml").write_text("[retention]\nusage_day = 90\n")
    done = wye("config", "check")
    assert done.returncode == 2
    assert "'usage_days'" in done.stderr
