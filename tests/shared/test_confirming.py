"""Asking before damage: over rounds, in the call, or by confirm_id; a no is a no, and a yes is for one thing once."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult, ErrorData, InputRequiredResult
from toy_world import Mode, World, both_eras, details_of, text_of

YES = ElicitResult(action="accept", content={"confirm": True})
NO_ANSWERS = [
    (ElicitResult(action="decline"), "said no"),
    (ElicitResult(action="accept", content={"confirm": False}), "said no"),
    (ElicitResult(action="cancel"), "closed the question"),
    (ElicitResult(action="accept"), "closed the question"),
    (ElicitResult(action="accept", content={}), "closed the question"),
]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, allow_writes=True)


class Person:
    """Answers questions, and keeps what was asked."""

    def __init__(self, reply: ElicitResult | ErrorData) -> None:
        self.reply = reply
        self.asked: list[str] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult | ErrorData:
        self.asked.append(params.message)
        return self.reply


def ended(world: World) -> list[tuple[str, str, str]]:
    """Decision, code and rule of each finished call."""
    done = [one for one in world.records() if one["phase"] != "begin"]
    return [(one["decision"], one.get("code", ""), one.get("rule", "")) for one in done]


@both_eras
@pytest.mark.requirement("CONF-1")
def test_a_yes_does_it_once_after_showing_the_preview(world: World, mode: Mode) -> None:
    person = Person(YES)
    result = world.call(mode, "erase", {"name": "apple"}, elicitation_callback=person)
    assert text_of(result) == "erased apple"
    assert world.app.effects == ["erase apple"]
    assert person.asked == ["erases apple (1)\n\nDo exactly this?"]
    rounds = [("asked", "", "")] if mode == "auto" else []
    assert ended(world) == [*rounds, ("confirmed", "", "")]


@both_eras
@pytest.mark.requirement("CONF-2")
@pytest.mark.parametrize(("reply", "said"), NO_ANSWERS)
def test_anything_but_a_yes_changes_nothing(world: World, mode: Mode, reply: ElicitResult, said: str) -> None:
    result = world.call(mode, "erase", {"name": "apple"}, elicitation_callback=Person(reply))
    assert details_of(result)["code"] == "not_confirmed"
    assert said in text_of(result)
    assert "Do not try again" in text_of(result)
    assert world.app.effects == []
    assert ended(world)[-1] == ("refused", "not_confirmed", "CONF-2")


@pytest.mark.requirement("CONF-1")
@pytest.mark.parametrize("reply", [YES, *(one for one, _ in NO_ANSWERS)])
def test_a_round_cannot_be_played_again_with_a_yes(world: World, reply: ElicitResult) -> None:
    """Neither after a yes nor after a no: each question is good for one answer."""

    async def scenario(client: Client) -> None:
        call = client.session.call_tool
        asked = await call("erase", {"name": "apple"}, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        state: dict[str, Any] = {"request_state": asked.request_state}
        await call("erase", {"name": "apple"}, input_responses={"confirm": reply}, **state)
        again = await call("erase", {"name": "apple"}, input_responses={"confirm": YES}, **state)
        assert details_of(again)["code"] == "bad_confirm_id"

    world.talk("auto", scenario, elicitation_callback=Person(YES))
    assert world.app.effects == (["erase apple"] if reply is YES else [])


@pytest.mark.requirement("CONF-1", "STATE-1")
def test_a_round_is_bound_to_arguments_tool_and_preview(world: World) -> None:
    async def scenario(client: Client) -> None:
        call = client.session.call_tool

        async def ask() -> dict[str, Any]:
            asked = await call("erase", {"name": "apple"}, allow_input_required=True)
            assert isinstance(asked, InputRequiredResult)
            return {"request_state": asked.request_state, "input_responses": {"confirm": YES}}

        for name, arguments in (("erase", {"name": "pear"}), ("put", {"name": "apple"})):
            with pytest.raises(MCPError, match="requestState"):
                await call(name, arguments, **await ask())
        answered = await ask()
        world.app.items["apple"] = 99
        assert details_of(await call("erase", {"name": "apple"}, **answered))["code"] == "stale_confirm_id"

    world.talk("auto", scenario, elicitation_callback=Person(YES))
    assert world.app.effects == []


@pytest.mark.requirement("CONF-1")
@pytest.mark.parametrize(
    "without",
    [{"input_responses": {"confirm": YES}}, {"input_responses": {"other": YES}}, {}],
    ids=["state", "key", "all"],
)
def test_an_answer_to_no_question_is_no_yes(world: World, without: dict[str, Any]) -> None:
    """Answers without requestState, under another key, or none at all: the question comes (again)."""

    async def scenario(client: Client) -> None:
        call = client.session.call_tool
        result = await call("erase", {"name": "apple"}, allow_input_required=True, **without)
        assert isinstance(result, InputRequiredResult)
        if "other" in without.get("input_responses", {}):
            result = await call(
                "erase", {"name": "apple"}, allow_input_required=True, request_state=result.request_state, **without
            )
            assert isinstance(result, InputRequiredResult)

    world.talk("auto", scenario, elicitation_callback=Person(YES))
    assert world.app.effects == []


@pytest.mark.requirement("CONF-1")
def test_a_round_is_no_confirm_id(world: World) -> None:
    async def scenario(client: Client) -> None:
        asked = await client.session.call_tool("erase", {"name": "apple"}, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        result = await client.call_tool("erase", {"name": "apple", "confirm_id": asked.request_state})
        assert details_of(result)["code"] == "bad_confirm_id"

    world.talk("auto", scenario, elicitation_callback=Person(YES))
    assert world.app.effects == []


@both_eras
@pytest.mark.requirement("CONF-1")
def test_a_client_that_cannot_ask_gets_a_preview_and_a_confirm_id(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        shown = await client.call_tool("erase", {"name": "apple"})
        data = shown.structured_content
        assert data is not None
        assert (data["applied"], data["would_erase"]) == (False, "apple")
        assert list(data)[:3] == ["notices", "applied", "confirm_id"]
        assert f"confirm_id={data['confirm_id']}" in text_of(shown)
        assert data["notices"][0] in text_of(shown)
        assert text_of(shown).startswith("Nothing was changed yet: this is a preview.")
        assert "erases apple (1)" in text_of(shown)
        assert world.app.effects == []
        done = await client.call_tool("erase", {"name": "apple", "confirm_id": data["confirm_id"]})
        assert text_of(done) == "erased apple"
        again = await client.call_tool("erase", {"name": "apple", "confirm_id": data["confirm_id"]})
        assert details_of(again)["code"] == "bad_confirm_id"

    world.talk(mode, scenario)
    assert world.app.effects == ["erase apple"]
    assert [one[0] for one in ended(world)] == ["asked", "confirmed", "refused"]


@both_eras
@pytest.mark.requirement("CONF-1", "STATE-1")
def test_a_confirm_id_is_bound_to_arguments_and_preview(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        async def confirm_id() -> str:
            shown = await client.call_tool("erase", {"name": "apple"})
            assert shown.structured_content is not None
            return shown.structured_content["confirm_id"]

        for given, change, code in (
            ({"name": "pear", "confirm_id": await confirm_id()}, None, "stale_confirm_id"),
            ({"name": "apple", "confirm_id": await confirm_id()}, 99, "stale_confirm_id"),
            ({"name": "apple", "confirm_id": "invented"}, None, "bad_confirm_id"),
            ({"name": "apple", "confirm_id": (await confirm_id())[:-1]}, None, "bad_confirm_id"),
        ):
            world.app.items["apple"] = change or world.app.items["apple"]
            result = await client.call_tool("erase", given)
            assert details_of(result)["code"] == code
            assert "Call again without confirm_id" in text_of(result)

    world.talk(mode, scenario)
    assert world.app.effects == []


@both_eras
@pytest.mark.requirement("CONF-1", "STATE-1")
def test_a_confirm_id_of_another_principal_is_refused(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        shown = await client.call_tool("erase", {"name": "apple"})
        assert shown.structured_content is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(world.server.middleware[1]), "_principal_name", lambda self, ctx: "local:mallory")
            stolen = {"name": "apple", "confirm_id": shown.structured_content["confirm_id"]}
            assert details_of(await client.call_tool("erase", stolen))["code"] == "stale_confirm_id"

    world.talk(mode, scenario)
    assert world.app.effects == []


@pytest.mark.requirement("CONF-1")
@pytest.mark.parametrize("code", [-32601, -32600])
def test_a_client_that_promised_to_ask_and_cannot_gets_a_confirm_id(world: World, code: int) -> None:
    person = Person(ErrorData(code=code, message="Method not found"))
    shown = world.call("legacy", "erase", {"name": "apple"}, elicitation_callback=person)
    assert shown.structured_content is not None
    assert shown.structured_content["applied"] is False
    assert len(shown.structured_content["confirm_id"]) >= 22
    assert world.app.effects == []


@pytest.mark.requirement("CONF-2")
@pytest.mark.parametrize("code", [-32603, -1, -32602, -32000])
def test_a_client_that_fails_while_asking_is_no_yes_and_no_way_around(world: World, code: int) -> None:
    person = Person(ErrorData(code=code, message="User rejected the request"))
    result = world.call("legacy", "erase", {"name": "apple"}, elicitation_callback=person)
    assert details_of(result)["code"] == "not_confirmed"
    assert "confirm_id" not in text_of(result)
    assert world.app.effects == []


@both_eras
def test_a_long_preview_is_cut_where_the_person_can_see_it(world: World, mode: Mode) -> None:
    person = Person(YES)
    name = "n" * 10_000
    world.call(mode, "erase", {"name": name}, elicitation_callback=person)
    (question,) = person.asked
    assert len(question) < 4_200
    assert "more characters)" in question
    assert question.endswith("Do exactly this?")


@both_eras
def test_a_preview_over_the_budget_is_refused_and_not_shown_in_part(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, allow_writes=True, max_result_chars=2_000)
    assert details_of(world.call(mode, "erase", {"name": "n" * 5_000}))["code"] == "over_budget"
    assert world.app.effects == []


@both_eras
@pytest.mark.requirement("AUD-1")
def test_every_round_of_a_write_begins_and_ends_in_the_log(world: World, mode: Mode) -> None:
    world.call(mode, "erase", {"name": "apple"}, elicitation_callback=Person(YES))
    phases = [one["phase"] for one in world.records()]
    assert phases == ["begin", "end"] * (2 if mode == "auto" else 1)
