"""Every command as a person types it: exit codes, one JSON document, help, cycles, accounts, evidence, the trace."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click
import httpx
import pytest
import typer

from runner.cli.main import app

# ── All commands, found from the application itself ───────────────────────────────────────────────────────────


def commands(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its whole name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield " ".join([*path, name]), command


ALL = dict(commands(typer.main.get_command(app)))

EXAMPLES = {
    "run": "run farid check_login",
    "cycle": "cycle --account farid --flow check_login",
    "doctor": "doctor",
    "init": "init new",
    "accounts list": "accounts list",
    "accounts add": "accounts add hugo --password-env HUGO",
    "accounts import": "accounts import accounts.json",
    "accounts show": "accounts show farid",
    "accounts health": "accounts health farid",
    "profiles list": "profiles list",
    "profiles show": "profiles show farid",
    "profiles check": "profiles check farid",
    "profiles restore": "profiles restore farid",
    "profiles reset": "profiles reset farid",
    "profiles trash list": "profiles trash list",
    "profiles trash empty": "profiles trash empty --yes",
    "accounts pause": "accounts pause amy",
    "accounts resume": "accounts resume amy",
    "listings import": "listings import listings.json --account farid",
    "listings list": "listings list",
    "listings show": "listings show 1",
    "inbox list": "inbox list",
    "inbox show": "inbox show 1",
    "inbox queue": "inbox queue",
    "inbox tag": "inbox tag 1 vip --remove later",
    "inbox note": "inbox note 1 callback",
    "inbox close": "inbox close 1 --satisfaction good",
    "inbox reopen": "inbox reopen 1",
    "inbox link": "inbox link 1 2",
    "inbox export": "inbox export --since 30d",
    "inbox sla set": "inbox sla set vip --first-response 2h",
    "inbox sla list": "inbox sla list",
    "inbox sla remove": "inbox sla remove vip",
    "inbox figures": "inbox figures --last 30d",
    "inbox correct": "inbox correct 1 offer",
    "inbox classify": "inbox classify thanks",
    "inbox explain": "inbox explain 1",
    "inbox train": "inbox train",
    "inbox drafts": "inbox drafts",
    "templates add": "templates add hi --text Hello",
    "templates list": "templates list",
    "templates preview": "templates preview hi --message 1",
    "rules add": "rules add offers --type offer --reply hi",
    "rules import": "rules import rules.json",
    "rules list": "rules list",
    "rules test": "rules test --last 5",
    "rules disable": "rules disable offers",
    "rules enable": "rules enable offers",
    "rules remove": "rules remove offers",
    "sequences add": "sequences add nudge --step 2wd:hi",
    "sequences replace": "sequences replace nudge --step 3d:hi",
    "sequences list": "sequences list",
    "sequences show": "sequences show nudge",
    "sequences preview": "sequences preview nudge 1",
    "sequences enrol": "sequences enrol nudge 1",
    "sequences enrolments": "sequences enrolments --sequence nudge",
    "sequences stop": "sequences stop 1",
    "sequences disable": "sequences disable nudge",
    "sequences enable": "sequences enable nudge",
    "sequences remove": "sequences remove nudge",
    "templates remove": "templates remove hi",
    "listings publish": "listings publish --account farid",
    "effects list": "effects list",
    "effects show": "effects show 1",
    "jobs list": "jobs list",
    "jobs show": "jobs show 1",
    "jobs retry": "jobs retry 1",
    "jobs cancel": "jobs cancel 1",
    "send": "send 1 Yes --at 2099-12-01T09:00",
    "limits show": "limits show",
    "limits set": "limits set farid messages --per-day 50",
    "limits clear": "limits clear farid",
    "hours show": "hours show",
    "hours set": "hours set farid --always",
    "hours clear": "hours clear farid",
    "sessions list": "sessions list",
    "live": "live",
    "handoff": "handoff",
    "evidence list": "evidence list",
    "evidence show": "evidence show 1",
    "evidence open": "evidence open 1",
    "errors list": "errors list",
    "errors show": "errors show a1",  # how the name of job 1's group begins, today and tomorrow
    "jobs submit": "jobs submit farid check_login",
    "jobs delete": "jobs delete 2",
    "jobs prune": "jobs prune --older-than 30d",
    "schedules add": "schedules add nights check_login --every 6h",
    "schedules list": "schedules list",
    "schedules next": "schedules next",
    "schedules remove": "schedules remove nights",
    "storage show": "storage show",
    "storage free": "storage free",
    "tokens add": "tokens add till --role agent --scope jobs",
    "tokens list": "tokens list",
    "tokens revoke": "tokens revoke till",
    "channels add": "channels add hook --webhook http://127.0.0.1:1/ --secret-env HOOK_KEY",
    "channels change": "channels change hook --kind rule --no-quiet",
    "channels list": "channels list",
    "channels show": "channels show hook",
    "channels disable": "channels disable hook",
    "channels enable": "channels enable hook",
    "channels remove": "channels remove hook",
    "notices list": "notices list",
    "notices dead": "notices dead",
    "notices retry": "notices retry --all",
    "notices send": "notices send",
    "digest": "digest --week",
    "operators list": "operators list",
    "operators link": "operators link ada",
}
"""An invocation of each command that prints data, in an order that makes sense in one shop."""

ELSEWHERE = {
    "sequences resume": "needs an enrolment that is stopped: test_sequences.py",
    "inbox send": "needs a draft: test_answering.py",
    "inbox dismiss": "needs a draft: test_answering.py",
    "inbox evaluate": "trains for seconds: test_understanding.py",
    "demo": "takes minutes: tests of its own",
    "market": "serves until it is stopped: tests of its own",
    "daemon": "prints nothing but logs",
    "console": "serves until it is stopped: test_api.py",
    "channels test": "needs a receiver: test_notices.py",
    "operators remove": "needs somebody who has signed in: test_api.py",
    "trace": "starts a viewer, below",
    "debug": "asks a person at the terminal: test_debug.py",
    "replay": "performs a flow: test_replay.py",
    "effects settle": "asks for an effect in doubt: test_effects.py",
    "profiles export": "needs a passphrase: test_profiles.py",
    "profiles import": "needs a passphrase: test_profiles.py",
}


def has_json(command: Any) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


def test_no_command_is_forgotten_here() -> None:
    listed = {*EXAMPLES, *ELSEWHERE}
    assert sorted(set(ALL) ^ listed) == [], "give a new command an example here, or say where it is tested"
    assert [name for name, command in ALL.items() if not has_json(command)] == ["daemon", "console", "trace"]


@pytest.mark.parametrize("name", ALL)
def test_every_argument_and_option_is_explained(name: str) -> None:
    command = ALL[name]
    assert (command.help or "").strip().endswith("."), "what it does, in a sentence"
    unexplained = [each.name for each in command.params if not (getattr(each, "help", "") or "").strip()]
    assert unexplained == []
    shown = " ".join(command.get_help(click.Context(command, info_name=name, max_content_width=200)).split())
    assert [opt for each in command.params for opt in each.opts if opt.startswith("--") and opt not in shown] == []


LISTING = {
    "reference": "F-1",
    "title": "A quiet fan",
    "price": "12.00",
    "currency": "EUR",
    "category": "computers",
    "condition": "good",
    "description": "A fan that is hardly heard.",
    "location": "Porto",
}


def test_json_is_one_document_on_stdout_and_logs_stand_on_stderr(shop: Any) -> None:
    shop.configure(accounts=["amy", "farid"], max_attempts=1)
    (shop.folder / "accounts.json").write_text(json.dumps([{"name": "ida", "username": "ida", "password_env": "IDA"}]))
    (shop.folder / "rules.json").write_text(json.dumps({"rules": [{"name": "nothing"}]}))
    (shop.folder / "listings.json").write_text(json.dumps([LISTING]))
    shop.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "status", "status": 404, "count": 1})
    assert shop.cli("run", "farid", "check_login").code == 1, "job 1 fails, so that there is evidence"
    assert shop.cli("run", "farid", "read_inbox").code == 0

    wrong = ["run nobody check_login", "jobs show 999", "accounts pause nobody", "evidence show 999"]
    told = all_in_one_process(shop, [*EXAMPLES.values(), *wrong])

    for name, (code, out, err) in zip(EXAMPLES, told, strict=False):
        assert code == 0, f"{name}: {err}"
        assert isinstance(json.loads(out), dict), f"{name}: one document, and no log before or after it"
    for line, (code, out, err) in zip(wrong, told[-len(wrong) :], strict=True):
        assert (code, out) == (2, ""), line
        assert "error: There is no " in err or "error: Attempt 999" in err, line


ONE_AFTER_ANOTHER = """
import contextlib, io, json, sys
from runner.cli.main import main
told = []
for line in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["runner", *line.split(), "--json"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    told.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(told))
"""
"""To import everything for each of so many commands would take most of the time."""


def all_in_one_process(shop: Any, lines: list[str]) -> list[tuple[int, str, str]]:
    command = [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(lines)]
    done = subprocess.run(
        command, cwd=shop.folder, env=shop.environment(), capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


# ── Exit codes and parameters ─────────────────────────────────────────────────────────────────────────────────


def test_exit_codes_tell_done_failed_wrong_use_and_a_person_is_needed(shop: Any) -> None:
    shop.configure(accounts=["farid"], max_attempts=1)
    assert shop.cli("run", "farid", "check_login").code == 0
    assert shop.cli("run", "farid", "no_such_flow").code == 2
    assert shop.cli("run", "farid", "check_login", "--no-such-option").code == 2
    shop.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "status", "status": 404, "count": 1})
    assert shop.cli("run", "farid", "check_login").code == 1
    shop.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "captcha"})
    needed = shop.cli("run", "farid", "check_login")
    assert needed.code == 3
    assert "runner accounts resume farid" in needed.said
    assert shop.cli("run", "farid", "check_login").code == 3, "a parked account is not tried again"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "thread"], '"thread" is not key=value'),
        (["--set", "tread=4", "--set", "text=Yes"], '"thread"'),
        (["--set", "thread=4"], "text"),
        (["--file", "missing.json"], "missing.json"),
        (["--file", "broken.json"], "broken.json"),
        (["--file", "list.json"], "list.json"),
    ],
    ids=["no value", "unknown key", "a key is missing", "no such file", "not JSON", "no object"],
)
def test_wrong_parameters_are_refused_before_anything_is_begun(shop: Any, words: list[str], said: str) -> None:
    (shop.folder / "broken.json").write_text('{"thread": ')
    (shop.folder / "list.json").write_text("[1]")

    done = shop.cli("run", "amy", "send_message", *words)

    assert (done.code, done.out) == (2, ""), done.said
    assert said in done.said
    assert not shop.database.exists()


def test_parameters_come_from_a_file_and_set_goes_before_it(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    thread = shop.market.incoming("Is it quiet?", account="farid")["thread_id"]
    (shop.folder / "answer.json").write_text(json.dumps({"thread": thread, "text": "From the file."}))

    done = shop.cli("run", "farid", "send_message", "--file", "answer.json", "--set", "text=Very quiet.")

    assert done.code == 0, done.said
    (sent,) = shop.market.ledger("message_sent", "farid")
    assert sent["detail"]["text"] == "Very quiet."


def test_slow_motion_slows_every_action_down(shop: Any) -> None:
    shop.configure(accounts=["farid"])

    done = shop.cli("run", "farid", "check_login", "--slow-mo", "400")

    assert done.code == 0, done.said
    (attempt,) = shop.cli("jobs", "show", 1, "--json").json["attempts"]
    (sign_in,) = [step for step in attempt["steps"] if step["name"] == "sign in"]
    spent = datetime.fromisoformat(sign_in["ended_at"]) - datetime.fromisoformat(sign_in["started_at"])
    assert spent >= 3 * timedelta(milliseconds=400), "name, password, button"


# ── Cycles ────────────────────────────────────────────────────────────────────────────────────────────────────

EVERYBODY = ["amy", "ben", "carla", "dev", "elena", "farid"]


def most_at_once(spans: list[tuple[str, str]]) -> int:
    """The most spans that overlap; times are ISO 8601, which sorts as text."""
    moments = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def test_a_cycle_is_one_batch_over_all_accounts_within_its_concurrency(shop: Any) -> None:
    shop.configure(accounts=EVERYBODY, extra='[orchestrator]\nflows = ["check_login", "capture_page"]\n')

    done = shop.cli("cycle", "--flow", "check_login", "--concurrency", "3", "--json")

    assert done.code == 0, done.said
    assert (done.json["batch"]["total"], done.json["batch"]["succeeded"]) == (6, 6)
    assert sorted(job["account"] for job in done.json["jobs"]) == EVERYBODY
    assert {job["batch_id"] for job in done.json["jobs"]} == {done.json["batch"]["id"]}
    # Browsers that are kept warm come on top of those that are worked in.
    attempts = shop.rows("select started_at, ended_at from attempt")
    assert 2 <= most_at_once([(begin, end) for begin, end in attempts]) <= 3
    sessions = shop.rows("select account_id, started_at, ended_at from session")
    for account in {row[0] for row in sessions}:
        assert most_at_once([(begin, end) for each, begin, end in sessions if each == account]) == 1
    signed_in = [len(shop.market.ledger("sign_in", name)) for name in EVERYBODY]
    assert signed_in == [1] * 6, "by the marketplace's own ledger"


def test_a_cycle_serves_the_least_recently_served_first_and_says_why(shop: Any) -> None:
    shop.configure(accounts=["elena", "farid"])
    shop.cli("run", "elena", "check_login")
    shop.cli("run", "farid", "check_login")

    done = shop.cli("cycle", "--flow", "check_login", "--concurrency", "1", "--json")

    assert done.code == 0, done.said
    order = shop.rows(
        "select account.name from session join account on account.id = session.account_id order by session.id"
    )
    assert [name for (name,) in order] == ["elena", "farid", "elena", "farid"]
    reasons = {job["account"]: job["reason"] for job in done.json["jobs"]}
    assert re.fullmatch(r"last served \d+ s ago, longest ago among 2 due", reasons["elena"])
    assert re.fullmatch(r"last served \d+ s ago, the only one due", reasons["farid"])


def test_a_paused_account_is_left_out_until_it_is_resumed(shop: Any) -> None:
    shop.configure(accounts=["elena", "farid"])
    paused = shop.cli("accounts", "pause", "farid", "--reason", "on holiday")
    assert paused.said == "farid is paused."
    assert "on holiday" in shop.cli("accounts", "show", "farid").said
    assert shop.cli("accounts", "pause", "farid").code == 1, "it is paused already"

    without = shop.cli("cycle", "--flow", "check_login", "--json")
    assert [job["account"] for job in without.json["jobs"]] == ["elena"]
    refused = shop.cli("run", "farid", "check_login")
    assert (refused.code, "on holiday" in refused.said) == (3, True)

    assert shop.cli("accounts", "resume", "farid").said == "farid is active."
    again = shop.cli("cycle", "--flow", "check_login", "--json")
    assert sorted(job["account"] for job in again.json["jobs"]) == ["elena", "farid"]


def test_accounts_are_imported_with_every_wrong_row_named(shop: Any) -> None:
    (shop.folder / "more.csv").write_text(
        "name,username,password_env\nida,ida@example.org,IDA\nNot A Name,x,X\njon,jon,JON\n"
    )
    strict = shop.cli("accounts", "import", "more.csv", "--strict")
    assert strict.code == 1
    assert "more.csv: line 3" in strict.said
    assert [each["name"] for each in shop.cli("accounts", "list", "--json").json["accounts"]] == ["amy", "ben"]

    done = shop.cli("accounts", "import", "more.csv")

    assert done.code == 1, "one row is wrong"
    assert [each["name"] for each in shop.cli("accounts", "list", "--json").json["accounts"]] == [
        "amy",
        "ben",
        "ida",
        "jon",
    ]


# ── Evidence ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_is_listed_shown_and_opened_and_its_trace_is_served(shop: Any, wait_for: Any) -> None:
    shop.configure(accounts=["farid"], extra='[evidence]\ntrace = "always"\n', max_attempts=1)
    shop.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "status", "status": 404})
    assert shop.cli("run", "farid", "check_login").code == 1

    listed = shop.cli("evidence", "list")
    shown = shop.cli("evidence", "show", 1)
    opened = shop.cli("evidence", "open", 1, env={"PATH": ""})

    assert "screenshot" in listed.said
    assert (shown.code, "404" in shown.said, "summary.md" in shown.said) == (0, True, True)
    (picture,) = [path for path in shop.pictures() if path.parent.name != "steps"]
    assert opened.code == 0
    assert str(picture.with_name("attempt.html")) in "".join(opened.out.split("\n"))
    viewer = shop.start("trace", 1)
    try:
        said = wait_for(lambda: re.search(r"http://\S+", viewer.stdout.readline()), what="the viewer", within_s=90)
        page = httpx.get(said.group(), follow_redirects=True, timeout=30)
        assert (page.status_code, "trace" in page.text.lower()) == (200, True)
    finally:
        viewer.send_signal(signal.SIGTERM)
        viewer.communicate(timeout=60)  # its pipes are closed: nothing of the viewer is left
    none = shop.cli("trace", 999)
    assert (none.code, "no attempt" in none.said) == (2, True)


def test_a_display_that_is_missing_is_said_with_the_way_to_install_one(shop: Any, tmp_path: Any) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()

    done = shop.cli("run", "amy", "check_login", "--headed", env={"PATH": str(empty)})

    assert done.code == 2
    assert "apt-get install xvfb" in done.said
    assert "xvfb-run -a runner" in done.said
    if shutil.which("xvfb-run"):
        assert "apt-get" not in shop.cli("run", "amy", "check_login", "--headed").said
