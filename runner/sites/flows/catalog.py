"""All Flows by name."""

from __future__ import annotations

from typing import Any

from runner.errors import NotFound
from runner.sites.flow import Flow
from runner.sites.flows.capture_page import CapturePage
from runner.sites.flows.check_login import CheckLogin
from runner.sites.flows.publish_listing import PublishListing
from runner.sites.flows.read_inbox import ReadInbox
from runner.sites.flows.send_message import SendMessage

FLOWS: dict[str, Flow[Any]] = {
    flow.name: flow for flow in (CheckLogin(), ReadInbox(), PublishListing(), SendMessage(), CapturePage())
}


def flow_named(name: str) -> Flow[Any]:
    """The Flow with this name. Raises NotFound with the nearest ones."""
    if name not in FLOWS:
        raise NotFound("flow", name, FLOWS)
    return FLOWS[name]
