from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from runner.config.settings import AccountSettings, Settings, SiteSettings
from runner.domain.accounts import SecretRef
from runner.domain.retry import RetryPolicy
from runner.errors import ErrorKind

Read = Callable[..., Settings]


def test_settings_made_in_code_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_BROWSER__HEADLESS", "false")
    monkeypatch.setenv("BROWSER", '{"headless": false}')
    assert Settings().browser.headless is True


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.browser = settings.browser  # type: ignore[misc]  # that it is refused is what is tested
    with pytest.raises(ValidationError):
        settings.browser.headless = False  # type: ignore[misc]  # as above


def test_own_origin_is_allowed_first_and_once() -> None:
    origins = ["http://127.0.0.1:8/", "HTTP://LocalHost:80", "http://127.0.0.1:9"]
    site = SiteSettings.model_validate(
        {"adapter": "mock", "base_url": "http://127.0.0.1:8/shop/", "allowed_origins": origins}
    )
    assert site.base_url == "http://127.0.0.1:8/shop"
    assert site.allowed_origins == ("http://127.0.0.1:8", "http://localhost", "http://127.0.0.1:9")


def test_remote_site_is_allowed_where_it_says_so() -> None:
    site = SiteSettings.model_validate(
        {
            "adapter": "x",
            "base_url": "https://Shop.Example:443",
            "allow_remote": True,
            "allowed_origins": ["https://bücher.example"],
        }
    )
    assert site.allowed_origins == ("https://shop.example", "https://xn--bcher-kva.example")


def test_adapter_is_the_name_of_the_site_unless_it_says_otherwise(read: Read) -> None:
    settings = read(
        '[sites.mock]\nbase_url = "http://127.0.0.1:1"\n[sites.shop]\nadapter = "mock"\nbase_url = "http://127.0.0.1:2"'
    )
    assert {name: site.adapter for name, site in settings.sites.items()} == {"mock": "mock", "shop": "mock"}


def test_username_is_the_name_unless_it_says_otherwise(read: Read) -> None:
    account = '[[accounts]]\nname = "amy"\nsite = "mock"\npassword.env = "A"\n'
    assert read(account).accounts[0].username == "amy"
    assert read(account + 'username = "amy@shop.example"').accounts[0].username == "amy@shop.example"


def test_account_becomes_one_of_the_domain(read: Read) -> None:
    text = '[[accounts]]\nname = "amy"\nsite = "mock"\npassword.env = "A"\ntags = ["x"]\n'
    account = read(text).accounts[0].new_account()
    assert (account.name, account.site, account.username, account.tags) == ("amy", "mock", "amy", ("x",))
    assert account.secret == SecretRef(kind="env", name="A")


def test_retry_policy_of_a_kind_lies_over_the_general_one(read: Read) -> None:
    retry = read("[retry]\njitter = 0.1\n[retry.kinds.network]\nmax_attempts = 9\n").retry
    assert retry.policy(ErrorKind.NETWORK) == RetryPolicy(max_attempts=9, jitter=0.1)
    assert retry.policy(ErrorKind.TIMEOUT) == RetryPolicy(jitter=0.1)


def test_default_retry_policy_is_the_domains() -> None:
    assert Settings().retry.policy(ErrorKind.INTERNAL) == RetryPolicy()


def test_accounts_that_clash_are_refused_in_code_too() -> None:
    ref = SecretRef(kind="env", name="A")
    amy = AccountSettings(name="amy", site="mock", username="amy", password=ref)
    with pytest.raises(ValidationError, match="already the name of account number 1"):
        Settings(accounts=(amy, amy))
