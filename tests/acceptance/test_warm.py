"""Browsers that stay open between two visits: they are used again, give way to everybody, and never get in the way."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from runner.browser import processes, profiles

ONE = "[orchestrator]\nconcurrency = 1\ncycle_every_s = 1\nidle_poll_s = 0.1\n"
CHECKS = ONE + 'flows = ["check_login"]\n'


def browser_of(shop: Any, account: str) -> psutil.Process | None:
    """The browser that is open on an account's profile, None when there is none."""
    found = processes.browsers_on(profiles.user_data_dir(shop.folder / "profiles" / account))
    return found[-1] if found else None


def is_idle(shop: Any, account: str) -> bool:
    return profiles.idle_file(shop.folder / "profiles" / account).exists()


def served(shop: Any, account: str) -> int:
    """How many of its jobs have succeeded."""
    if not shop.database.exists() or not shop.rows("select 1 from sqlite_master where name = 'batch'"):
        return 0
    ((number,),) = shop.rows(
        "select count(*) from job j join account a on a.id = j.account_id where a.name = ? and j.state = 'succeeded'",
        account,
    )
    return int(number)


def sessions(shop: Any, account: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = shop.rows(
        "select s.end, count(t.id) from session s join account a on a.id = s.account_id "
        "left join attempt t on t.session_id = s.id where a.name = ? group by s.id order by s.id",
        account,
    )
    return found


def passwords_typed(shop: Any, account: str) -> int:
    return len(shop.market.ledger("sign_in", account)) + len(shop.market.ledger("sign_in_failed", account))


Daemon = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def daemon(shop: Any, wait_for: Any) -> Daemon:
    """Starts a daemon and waits until amy's browser is warm after its first cycle."""

    def start(*options: str, extra: str = CHECKS, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        shop.configure(accounts=["amy"], extra=extra)
        started: subprocess.Popen[str] = shop.start("daemon", *options, stderr=subprocess.DEVNULL, env=env)
        wait_for(lambda: served(shop, "amy") and is_idle(shop, "amy"), what="amy's browser to be warm", within_s=90)
        return started

    return start


def test_the_second_cycle_goes_on_in_the_browser_of_the_first_and_types_no_password(
    shop: Any, daemon: Daemon, wait_for: Any
) -> None:
    running = daemon("--every", "1")
    first = browser_of(shop, "amy")
    wait_for(lambda: served(shop, "amy") >= 3, what="three cycles", within_s=90)
    wait_for(lambda: is_idle(shop, "amy"), what="amy's browser to rest")

    assert browser_of(shop, "amy") == first
    assert passwords_typed(shop, "amy") == 1
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=60) == 0
    assert browser_of(shop, "amy") is None
    ((end, attempts),) = sessions(shop, "amy")
    assert end == "done"
    assert attempts >= 3, "one Session, and every Attempt is its"


def test_whoever_needs_the_account_gets_it_from_a_daemon_that_holds_it_warm(
    shop: Any, daemon: Daemon, wait_for: Any
) -> None:
    daemon("--every", "600")
    warm = browser_of(shop, "amy")

    done = shop.cli("run", "amy", "check_login", "--json")

    assert done.code == 0, done.said
    assert passwords_typed(shop, "amy") == 1, "the login came along"
    assert warm is not None
    assert not processes.is_running(warm)
    wait_for(lambda: [end for end, _ in sessions(shop, "amy")] == ["done", "done"], what="both sessions to have ended")
    again = shop.cli("jobs", "submit", "amy", "check_login")
    assert again.code == 0, again.said
    wait_for(lambda: is_idle(shop, "amy"), what="the daemon to have it warm again")
    reset = shop.cli("profiles", "reset", "amy")
    assert reset.code == 0, reset.said
    assert browser_of(shop, "amy") is None


def test_a_warm_browser_of_a_daemon_that_is_frozen_is_in_nobodys_way(shop: Any, daemon: Daemon) -> None:
    frozen = daemon("--every", "600")
    warm = browser_of(shop, "amy")
    frozen.send_signal(signal.SIGSTOP)
    try:
        done = shop.cli("run", "amy", "check_login")
        assert done.code == 0, done.said
    finally:
        frozen.send_signal(signal.SIGCONT)
    assert warm is not None
    assert not processes.is_running(warm)
    assert passwords_typed(shop, "amy") == 1


def test_a_warm_browser_that_crashes_costs_nobody_anything(shop: Any, daemon: Daemon, wait_for: Any) -> None:
    daemon("--every", "600")
    warm = browser_of(shop, "amy")
    assert warm is not None
    processes.kill(processes.with_descendants([warm]))
    wait_for(lambda: [end for end, _ in sessions(shop, "amy")] == ["crashed"], what="its session to have ended")

    assert shop.cli("jobs", "submit", "amy", "check_login").code == 0
    wait_for(lambda: served(shop, "amy") == 2, what="the next job", within_s=90)

    assert shop.rows("select count(*) from attempt where outcome <> 'succeeded'") == [(0,)]
    assert passwords_typed(shop, "amy") == 1


def test_the_browser_of_an_account_that_is_paused_is_closed(shop: Any, daemon: Daemon, wait_for: Any) -> None:
    daemon("--every", "600")
    assert shop.cli("accounts", "pause", "amy").code == 0
    wait_for(lambda: [end for end, _ in sessions(shop, "amy")] == ["done"], what="its session to have ended")
    assert browser_of(shop, "amy") is None


def test_a_killed_daemon_leaves_no_warm_browser(shop: Any, daemon: Daemon, wait_for: Any) -> None:
    killed = daemon("--every", "600")
    killed.kill()
    wait_for(lambda: browser_of(shop, "amy") is None, what="amy's browser to end with its runner")
    done = shop.cli("run", "amy", "check_login")
    assert done.code == 0, done.said
    assert [end for end, _ in sessions(shop, "amy")] == ["crashed", "done"]


def test_a_cycle_and_a_run_leave_nothing_open_and_a_budget_of_none_keeps_none(shop: Any) -> None:
    shop.configure(accounts=["amy", "ben"], extra=CHECKS)
    assert shop.cli("cycle").code == 0
    assert shop.cli("run", "amy", "check_login").code == 0
    assert [browser_of(shop, name) for name in ("amy", "ben")] == [None, None]
    assert not any(is_idle(shop, name) for name in ("amy", "ben"))
    told = json.loads(shop.cli("sessions", "list", "--open", "--json").out)
    assert told["sessions"] == []
