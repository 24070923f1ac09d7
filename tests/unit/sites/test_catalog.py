"""Flows by name."""

from __future__ import annotations

import pytest

from runner.errors import NotFound
from runner.sites.flows import catalog


def test_the_flows_are_those_of_the_design() -> None:
    assert set(catalog.FLOWS) == {"check_login", "read_inbox", "publish_listing", "send_message", "capture_page"}


def test_only_publishing_and_sending_change_the_site() -> None:
    assert {name for name, flow in catalog.FLOWS.items() if flow.changes} == {"publish_listing", "send_message"}


def test_every_flow_has_one_line_for_a_person_and_describes_its_parameters() -> None:
    for flow in catalog.FLOWS.values():
        assert flow.summary.endswith(".")
        assert "\n" not in flow.summary
        assert all(field.description for field in flow.Params.model_fields.values()), flow.name


def test_an_unknown_flow_names_the_nearest() -> None:
    with pytest.raises(NotFound, match=r'There is no flow "read_inbx".*Did you mean "read_inbox"'):
        catalog.flow_named("read_inbx")
