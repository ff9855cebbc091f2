"""`wye keys` gives keys out, shows what there is of them, closes them, and encrypts anew what is kept."""

import json
import subprocess
from pathlib import Path

from tests.support.gateway import command, environment

OLD, NEW = "the old secret of this test", "the new secret of this test"


def wye(folder: Path, *words: str, secret: str = OLD) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("keys", *words),
        cwd=folder,
        env=environment(WYE_SECRET_KEY=secret),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    made = json.loads(wye(tmp_path, "create", "--name", "batch", "--scope", "use", "--json").stdout)
    assert made["key"].startswith(made["prefix"] + "-")
    assert (made["user_id"], made["scopes"]) == ("admin", ["use"])
    listed = wye(tmp_path, "list", "--json").stdout
    assert [(one["id"], one["status"]) for one in json.loads(listed)] == [(made["id"], "active")]
    assert made["key"] not in listed
    assert json.loads(listed)[0]["last_used_at"] is None
    assert wye(tmp_path, "list").stdout.splitlines()[1].split()[-1] == "never"
    assert wye(tmp_path, "revoke", made["id"]).returncode == 0
    assert json.loads(wye(tmp_path, "list", "--json").stdout)[0]["status"] == "revoked"
    assert wye(tmp_path, "revoke", "key_none").returncode != 0
    assert wye(tmp_path, "create", "--scope", "no-such").returncode != 0


def test_what_is_kept_is_encrypted_anew(tmp_path: Path) -> None:
    wye(tmp_path, "create")
    assert wye(tmp_path, "create", secret=NEW).returncode != 0
    done = wye(tmp_path, "rotate-secret", "--json", secret=f"{NEW},{OLD}")
    assert json.loads(done.stdout)["secret of virtual keys"] == 1
    assert wye(tmp_path, "create", secret=NEW).returncode == 0
    assert wye(tmp_path, "create", secret=OLD).returncode != 0
