"""A real marketplace in a process of its own, one per test worker, made new before each test."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PASSWORD = "canary horse battery"


class Visitor:
    """A person with a browser of their own, without the browser."""

    def __init__(self, url: str, password: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=10)
        self._password = password
        self.csrf = ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        answer = self.client.get(path, **more)
        self._remember_token(answer)
        return answer

    def post(self, path: str, data: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Posts a form with the token of the page that was loaded last."""
        answer = self.client.post(path, data={"csrf": self.csrf, **(data or {})}, **more)
        self._remember_token(answer)
        return answer

    def _remember_token(self, answer: httpx.Response) -> None:
        if found := re.search(r'name="csrf-token" content="(\w+)"', answer.text):
            self.csrf = found[1]

    def sign_in(self, login: str = "amy", password: str | None = None, **fields: str) -> httpx.Response:
        """Fills in the sign-in form; the page after it is loaded, so that its token is known."""
        self.get("/sign-in")
        answer = self.post("/sign-in", {"login": login, "password": password or self._password, **fields})
        if answer.status_code == 303:
            self.get("/sell")
        return answer

    def send(self, thread_id: str, text: str) -> httpx.Response:
        return self.post(f"/api/threads/{thread_id}/messages", {"text": text}, headers={"Accept": "application/json"})


class Bazaar:
    """The running marketplace as a test sees it: visitors, ledger, faults."""

    def __init__(self, url: str, data_dir: Path, password: str) -> None:
        self.url, self.data_dir, self.password = url, data_dir, password
        self.control = httpx.Client(base_url=url, timeout=10)

    def visitor(self) -> Visitor:
        return Visitor(self.url, self.password)

    def signed_in(self, login: str = "amy") -> Visitor:
        visitor = self.visitor()
        assert visitor.sign_in(login).status_code == 303
        return visitor

    def ledger(self, kind: str = "", **query: str | int) -> list[dict[str, Any]]:
        """The entries of this test: the seeded messages are left out."""
        answer = self.control.get("/_ledger", params={"kind": kind, **query}).json()
        return [entry for entry in answer["entries"] if not entry["detail"].get("seeded")]

    def faults(self, *rules: dict[str, Any]) -> None:
        self.control.put("/_faults", json=list(rules)).raise_for_status()

    def state(self) -> dict[str, Any]:
        return self.control.get("/_state").json()


@pytest.fixture(scope="session")
def _bazaar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bazaar]:
    data_dir = tmp_path_factory.mktemp("bazaar")
    # The survey stays away, or a test of the page's text would depend on a die.
    command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(data_dir), "--seed", "7"]
    environment = os.environ | {"MARKETPLACE_PASSWORD": PASSWORD}
    with subprocess.Popen(
        [*command, "--survey", "0", "--json"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Bazaar(ready["url"], data_dir, PASSWORD)
        process.terminate()


@pytest.fixture
def bazaar(_bazaar: Bazaar) -> Bazaar:
    _bazaar.control.post("/_reset", json={"seed": 7}).raise_for_status()
    return _bazaar


@pytest.fixture
def draft() -> Callable[..., str]:
    """Saves a draft as a visitor and returns its id."""

    def save(visitor: Visitor, **changes: str) -> str:
        fields = {
            "reference": "AC-77",
            "title": "ThinkPad T14, 16 GB",
            "price": "499.50",
            "currency": "EUR",
            "category": "computers",
            "condition": "good",
            "description": "Quick and quiet, with a new battery.\r\nCollected in Leiden.",
            "location": "Leiden",
        }
        answer = visitor.post("/sell", fields | changes)
        assert answer.status_code == 303, answer.text
        return re.findall(r"/sell/(\d+)/photos", answer.headers["location"])[0]

    return save
