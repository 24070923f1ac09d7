"""What a person changes at a desk: Rules and Templates in place, their order, a Draft's words; and what waits."""

from __future__ import annotations

from runner.domain.access import Role
from runner.domain.classification import MessageType
from tests.unit.api.conftest import Shop
from tests.unit.api.test_answering import RULE, drafted


async def test_a_rule_is_changed_in_its_place_with_its_counts(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await drafted(shop, agent)
        assert (await agent.post("/api/v1/rules", json={"name": "rest", "level": "off"})).status_code == 201
        changed = {**RULE, "name": "bids", "when": {"type": ["offer"], "price_to": 50}}
        got = (await agent.put("/api/v1/rules/offers", json=changed)).json()
        assert (got["name"], got["position"], got["when"]["price_to"], got["uses"]["waiting"]) == ("bids", 1, "50", 1)
        assert (await agent.put("/api/v1/rules/bids", json={**changed, "name": "rest"})).status_code == 409
        assert (await agent.put("/api/v1/rules/offers", json=changed)).status_code == 404
        nothing = {**changed, "then": {"reply": "none"}}
        assert (await agent.put("/api/v1/rules/bids", json=nothing)).status_code == 404


async def test_rules_are_put_in_order_and_go_as_far_as_they_may(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await drafted(shop, agent)
        for name in ("b", "c"):
            assert (await agent.post("/api/v1/rules", json={"name": name, "level": "off"})).status_code == 201
        for name, position, order in (("c", 1, "c offers b"), ("c", 99, "offers b c"), ("offers", 2, "b offers c")):
            await agent.put(f"/api/v1/rules/{name}/position", json={"position": position})
            found = (await agent.get("/api/v1/rules")).json()["items"]
            assert [each["name"] for each in found] == order.split()
            assert [each["position"] for each in found] == [1, 2, 3]
        automatic = await agent.put("/api/v1/rules/offers/level", json={"level": "automatic"})
        assert automatic.json()["level"] == "automatic"
        await agent.post("/api/v1/rules", json={"name": "shut", "then": {"close": True}, "level": "automatic"})
        cannot = await agent.put("/api/v1/rules/shut/level", json={"level": "suggest"})
        assert (cannot.status_code, "no reply that could wait" in cannot.text) == (422, True)


async def test_a_template_is_changed_in_its_place(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await drafted(shop, agent)
        (before,) = (await agent.get("/api/v1/templates")).json()["items"]
        path = f"/api/v1/templates/hi/{before['id']}"
        got = (await agent.put(path, json={"name": "hi", "text": ["Hello.", "Hi."], "language": "en"})).json()
        assert (got["id"], got["variants"], got["language"]) == (before["id"], ["Hello.", "Hi."], "en")
        assert got["uses"]["waiting"] == 1
        renamed = await agent.put(path, json={"name": "hello", "text": "Hello."})
        assert (renamed.status_code, "offers" in renamed.text) == (409, True), "a rule asks for that name"
        assert (await agent.post("/api/v1/templates", json={"name": "hi", "text": "Any."})).status_code == 201
        assert (await agent.put(path, json={"name": "hi", "text": "Any."})).status_code == 409
        assert (await agent.put(path, json={"name": "hi", "text": "{nmae}"})).status_code == 422


async def test_texts_are_tried_before_they_are_stored(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await drafted(shop, agent)
        asked = {"text": ["Hi {buyer_name}", "{price}", "{bayer_name}"]}
        good, missing, wrong = (await agent.post("/api/v1/templates/preview", json=asked)).json()
        assert (good["text"], good["message_id"]) == ("Hi Bea", "1")
        assert (missing["text"], "{price}" in missing["why_not"]) == (None, True)
        assert (wrong["text"], "Did you mean {buyer_name}?" in wrong["wrong"]) == (None, True)


async def test_a_draft_in_other_words_is_sent_as_it_stands(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        draft = await drafted(shop, agent)
        path = f"/api/v1/drafts/{draft['id']}"
        assert (await agent.put(f"{path}/text", json={"text": "Hi Bea, 25?"})).json()["text"] == "Hi Bea, 25?"
        sent = (await agent.post(f"{path}/send")).json()
        job = (await agent.get(f"/api/v1/jobs/{sent['job_id']}")).json()
        assert job["params"]["text"] == "Hi Bea, 25?"
        assert (await agent.put(f"{path}/text", json={"text": "Too late"})).status_code == 409


async def test_rules_and_templates_come_in_together_or_not_at_all(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:
        await shop.services.access.operators.new_link("ada", Role.AGENT)
        file = {"templates": [{"name": "hi", "text": "Hi"}], "rules": [RULE]}
        assert (await agent.post("/api/v1/rules/import", json=file)).json() == {"templates": 1, "rules": 1}
        broken = {"templates": [{"name": "new", "text": "Hi"}], "rules": [{**RULE, "then": {"reply": "none"}}]}
        assert (await agent.post("/api/v1/rules/import", json=broken)).status_code == 404
        assert len((await agent.get("/api/v1/templates")).json()["items"]) == 1


async def test_threads_are_found_by_what_they_wait_for(shop: Shop) -> None:
    async with await shop.client(Role.AGENT) as agent:

        async def waiting(what: str) -> int:
            found = (await agent.get("/api/v1/threads", params={"waits": what})).json()["items"]
            assert (await agent.get("/api/v1/threads/waiting")).json()[what] == len(found)
            return len(found)

        await drafted(shop, agent)
        assert (await waiting("click"), await waiting("person")) == (1, 0)
        await agent.post("/api/v1/templates", json={"name": "prices", "text": "{price}"})
        await agent.put("/api/v1/rules/offers", json={"name": "offers", "then": {"reply": "prices"}})
        await shop.services.classifications.correct(1, MessageType.PAYMENT, by="ada")
        await shop.services.answering.sweep()
        assert (await waiting("click"), await waiting("person")) == (0, 1), "its reply lacks a value"


async def test_the_words_that_spoke_for_a_type_are_named(shop: Shop) -> None:
    async with await shop.client(Role.VIEWER) as viewer, await shop.client(Role.AGENT) as agent:
        await drafted(shop, agent)
        found = (await viewer.get("/api/v1/messages/1/explanation", params={"type": "offer"})).json()
        assert (found["explained"], len(found["top"])) == ("offer", 3)
        assert found["reasons"]
        said = await viewer.post("/api/v1/messages/explain", json={"text": "Is it still available?"})
        assert said.json()["type"] == "availability_check"
        tried = await viewer.post("/api/v1/rules/imagine", json={"text": "I give you 20 euros", "account": "amy"})
        assert (tried.json()["type"], tried.json()["rule"], tried.json()["message_id"]) == ("offer", "offers", None)
        assert (await viewer.post("/api/v1/rules/imagine", json={"text": "hm", "account": "no"})).status_code == 404
