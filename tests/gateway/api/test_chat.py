"""A chat is kept as it was held: with its tools, its branches, what was sent along, and what it cost."""

import base64
import dataclasses
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support import openai_wire as wire
from tests.support import pdfs
from tests.support.gateway import PATIENCE, Address, Json, Running, serving
from tests.support.talking import Scripted, Talker, calls
from tests.support.upstream import Cut, Hang, Hold, Reply

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PDF = f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.4 x').decode()}"


def said_to(asked: Json) -> list[tuple[str, Json]]:
    """Return roles and contents of what a provider was sent."""
    return [(message["role"], message["content"]) for message in asked["messages"]]


def test_a_message_is_answered_and_the_next_one_remembers_it(ann: Talker, model: Scripted) -> None:
    first = ann.says("My name is Ann.")
    assert (first["success"], first["response"]) == (True, "Hello")
    assert (first["provider"], first["model"], first["attempts"], first["finishReason"]) == ("up", "large", 1, "stop")
    assert first["usage"]["inputTokens"] == 3
    assert first["cost"] == pytest.approx((3 * 1 + 2 * 10) / 1e6)
    second = ann.says("What is it?", conversation=first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert said_to(model.asked[-1]) == [("user", "My name is Ann."), ("assistant", "Hello"), ("user", "What is it?")]
    told = ann.told(first["conversation"])
    assert [(one["role"], one["text"]) for one in told] == [
        ("user", "My name is Ann."), ("assistant", "Hello"), ("user", "What is it?"), ("assistant", "Hello"),
    ]  # fmt: skip
    assert [one["id"] for one in told[2:]] == [second["userMessageId"], second["messageId"]]
    assert told[1]["cost"] == pytest.approx(first["cost"])
    assert told[1]["requestId"] == first["requestId"]


def test_a_stream_tells_everything_as_it_comes(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: wire.stream("Hel", "lo")
    events = ann.hears("Hi")
    assert [event["type"] for event in events] == ["start", "content", "content", "done"]
    assert "".join(event["text"] for event in events[1:3]) == "Hello"
    done = events[-1]
    assert events[0]["conversation"] == done["conversation"]
    assert done["response"] == "Hello"
    assert done["usage"]["totalTokens"] == 5
    assert [one["id"] for one in ann.told(done["conversation"])] == [done["userMessageId"], done["messageId"]]


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_run_and_told(ann: Talker, model: Scripted, *, streamed: bool) -> None:
    def says(asked: Json) -> Reply | str:
        if asked["messages"][-1]["role"] == "tool":
            return f"It is {asked['messages'][-1]['content']}."
        return calls(asked, ("calculator", {"expression": "157 * 289"}), ("calculator", {"expression": "1/0"}))

    model.says = says
    if streamed:
        events = ann.hears("What is 157 * 289?", tools=["calculator"])
        kinds = [event["type"] for event in events]
        assert kinds == ["start", "toolCall", "toolCall", "toolResult", "toolResult", "content", "done"]
        assert json.loads(events[1]["arguments"]) == {"expression": "157 * 289"}
        turn = events[-1]
    else:
        turn = ann.says("What is 157 * 289?", tools=["calculator"])
    assert [(run["name"], run["success"]) for run in turn["toolsCalled"]] == [
        ("calculator", True),
        ("calculator", False),
    ]
    assert "45373" in turn["toolsCalled"][0]["result"]
    assert (turn["rounds"], turn["attempts"]) == (2, 2)
    assert turn["usage"]["totalTokens"] == 10
    assert turn["cost"] == pytest.approx(2 * 23 / 1e6)
    kept = ann.told(turn["conversation"])[-1]
    assert kept["toolsCalled"][0]["arguments"] == '{"expression": "157 * 289"}'


def test_a_tool_that_is_not_there_is_refused_by_name(ann: Talker) -> None:
    refused = ann("POST", "/api/chat/message", {"message": "Hi", "model": "up/large", "tools": ["calculater"]})
    assert (refused.status, refused.error["code"]) == (400, "unknown_tool")
    assert "calculator" in refused.error["message"]


def test_pictures_pdfs_and_texts_reach_the_model_now_and_in_later_turns(ann: Talker, model: Scripted) -> None:
    sent = [
        {"name": "C:\\pictures\\dot.png", "data": PICTURE},
        {"name": "paper.pdf", "data": PDF},
        {"name": "notes.md", "text": "# Notes"},
    ]
    turn = ann.says("What is it?", attachments=sent)
    ann.says("Again?", conversation=turn["conversation"])
    for asked in model.asked:
        parts = asked["messages"][0]["content"]
        assert [part["type"] for part in parts] == ["image_url", "file", "text", "text"]
        assert parts[0]["image_url"]["url"] == PICTURE
        assert parts[1]["file"] == {"filename": "paper.pdf", "file_data": PDF}
        assert "# Notes" in parts[2]["text"]
    (question, *_) = ann.told(turn["conversation"])
    assert [(one["name"], one["mediaType"]) for one in question["attachments"]] == [
        ("dot.png", "image/png"), ("paper.pdf", "application/pdf"), ("notes.md", "text/plain"),
    ]  # fmt: skip
    file = ann("GET", question["attachments"][0]["url"])
    assert (file.status, file.body, file.headers["content-type"]) == (200, PNG, "image/png")
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]


def test_a_model_that_reads_no_pdf_is_told_what_it_says(ann: Talker, model: Scripted) -> None:
    paper = base64.b64encode(pdfs.pdf(["Whales are mammals."])).decode()
    sent = [{"name": "whales.pdf", "data": f"data:application/pdf;base64,{paper}"}]
    turn = ann.says("What are they?", model="up/other", attachments=sent)
    assert turn["context"]["pdfsAsText"] == 1
    (asked,) = model.asked[-1]["messages"]
    assert [part["type"] for part in asked["content"]] == ["text", "text"]
    assert "Whales are mammals." in asked["content"][0]["text"]
    again = ann.says("And now?", model="up/large", conversation=turn["conversation"])
    assert again["context"]["pdfsAsText"] == 0
    assert model.asked[-1]["messages"][0]["content"][0]["type"] == "file", "who reads PDFs gets the PDF"


def test_a_conversation_gets_its_title_from_a_model_after_the_answer(ann: Talker, model: Scripted) -> None:
    turn = ann.says("Hello there, how are you doing on this fine day of the year?")
    assert turn["title"].startswith("Hello there")
    named = ann.waits_until(turn["conversation"], lambda one: one["titleSource"] == "model")
    assert named["title"] == "Greetings Among Friends"
    (asked,) = [one.json for one in model.upstream.received if one.json["model"] == "titler"]
    assert asked["max_tokens"] == 100


def test_a_name_that_its_user_gave_stays(ann: Talker, model: Scripted) -> None:
    made = ann("POST", "/api/conversations", {"title": "Mine", "tags": ["x", "x"]}).json
    assert (made["title"], made["titleSource"], made["tags"]) == ("Mine", "user", ["x"])
    ann.says("Hi", conversation=made["id"])
    assert ann.shown(made["id"])["title"] == "Mine"
    assert not [one for one in model.upstream.received if one.json["model"] == "titler"]
    renamed = ann("PATCH", f"/api/conversations/{made['id']}", {"title": "Still mine", "archived": True}).json
    assert (renamed["title"], renamed["archived"]) == ("Still mine", True)
    assert made["id"] not in {one["id"] for one in ann("GET", "/api/conversations").json["conversations"]}
    archived = ann("GET", "/api/conversations?archived=true").json["conversations"]
    assert made["id"] in {one["id"] for one in archived}


def test_what_was_said_otherwise_is_a_branch_and_both_stay(ann: Talker, model: Scripted) -> None:
    first = ann.says("One")
    talk = first["conversation"]
    second = ann.says("Two", conversation=talk)
    edited = ann("POST", f"/api/conversations/{talk}/messages/{second['userMessageId']}/edit", {"message": "Zwei"})
    assert edited.status == 200, edited.body
    assert [text for _, text in said_to(model.asked[-1])] == ["One", "Hello", "Zwei"]
    told = ann.told(talk)
    assert [one["text"] for one in told] == ["One", "Hello", "Zwei", "Hello"]
    assert told[2]["branches"] == [second["userMessageId"], edited.json["userMessageId"]]
    assert [one["text"] for one in ann.told(talk, second["messageId"])] == ["One", "Hello", "Two", "Hello"]
    back = ann("PATCH", f"/api/conversations/{talk}", {"head": second["messageId"]})
    assert back.json["head"] == second["messageId"]
    ann.says("Three", conversation=talk)
    assert [text for _, text in said_to(model.asked[-1])] == ["One", "Hello", "Two", "Hello", "Three"]


def test_the_first_message_can_be_said_otherwise_too(ann: Talker, model: Scripted) -> None:
    first = ann.says("One", attachments=[{"name": "dot.png", "data": PICTURE}])
    talk = first["conversation"]
    path = f"/api/conversations/{talk}/messages/{first['userMessageId']}/edit/stream"
    events = [json.loads(event) for event in ann("POST", path, {"message": "Eins", "model": "up/large"}).events]
    assert events[-1]["type"] == "done"
    (sent,) = model.asked[-1]["messages"]
    assert [part["type"] for part in sent["content"]] == ["image_url", "text"]
    told = ann.told(talk)
    assert [one["text"] for one in told] == ["Eins", "Hello"]
    assert len(told[0]["branches"]) == 2


def test_an_answer_is_given_again_by_another_model(ann: Talker, model: Scripted) -> None:
    turn = ann.says("One", options={"temperature": 0.5})
    talk = turn["conversation"]
    model.says = lambda asked: f"from {asked['model']}"
    again = ann("POST", f"/api/conversations/{talk}/regenerate", {"model": "up/other"}).json
    assert (again["response"], again["userMessageId"]) == ("from other", turn["userMessageId"])
    assert [text for _, text in said_to(model.asked[-1])] == ["One"]
    told = ann.told(talk)
    assert [one["text"] for one in told] == ["One", "from other"]
    assert told[1]["branches"] == [turn["messageId"], again["messageId"]]
    third = ann("POST", f"/api/conversations/{talk}/regenerate", {"messageId": turn["messageId"], "model": "up/other"})
    assert len(ann.told(talk)[1]["branches"]) == 3
    assert third.json["conversation"] == talk


def test_an_answer_cannot_be_edited_and_an_empty_conversation_not_answered_again(ann: Talker) -> None:
    turn = ann.says("One")
    path = f"/api/conversations/{turn['conversation']}/messages/{turn['messageId']}/edit"
    assert ann("POST", path, {"message": "x"}).error["code"] == "not_a_question"
    empty = ann("POST", "/api/conversations", {}).json["id"]
    assert ann("POST", f"/api/conversations/{empty}/regenerate", {}).error["code"] == "empty_conversation"


def test_a_long_conversation_is_cut_at_its_beginning_and_it_is_said(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: "word " * 100
    talk = ann.says("Begin", model="up/small")["conversation"]
    turns = [ann.says(f"Go on {at}", model="up/small", conversation=talk) for at in range(5)]
    assert turns[0]["context"] == {
        "messages": 3,
        "estimatedTokens": 141,
        "truncated": 0,
        "summarised": False,
        "pdfsAsText": 0,
    }
    assert turns[-1]["context"]["truncated"] > 0
    sent = said_to(model.asked[-1])
    assert len(sent) == turns[-1]["context"]["messages"] == 11 - turns[-1]["context"]["truncated"]
    assert (sent[0][0], sent[-1]) == ("user", ("user", "Go on 4"))
    assert len(ann.told(talk)) == 12, "what is not sent is kept all the same"


def test_an_operator_may_have_nothing_kept(ann: Talker, chief: Talker) -> None:
    talk = ann.says("Before")["conversation"]
    assert chief("PUT", "/api/settings", {"key": "chat.keep", "value": False}).status == 200
    try:
        assert ann.says("During")["conversation"] is None
        assert ann.says("During", conversation=talk)["conversation"] is None
        assert ann("POST", "/api/conversations", {}).error["code"] == "conversations_off"
        again = ann("POST", f"/api/conversations/{talk}/regenerate", {"model": "up/large"})
        assert (again.status, again.json["conversation"]) == (200, None)
    finally:
        assert chief("DELETE", "/api/settings?key=chat.keep").status in {200, 204}
    assert len(ann.told(talk)) == 2


@pytest.fixture
def summed_up(chief: Talker) -> Iterator[None]:
    """Have long conversations summed up."""
    said = {"chat.history": "summarise", "chat.summary_model": "up/other"}
    for key, value in said.items():
        assert chief("PUT", "/api/settings", {"key": key, "value": value}).status == 200
    yield
    for key in said:
        assert chief("DELETE", f"/api/settings?key={key}").status in {200, 204}


@pytest.mark.usefixtures("summed_up")
def test_what_is_cut_off_is_summed_up_and_the_summary_kept(ann: Talker, model: Scripted) -> None:
    model.says = lambda asked: "They said many words." if asked["model"] == "other" else "word " * 100
    talk = ann.says("Begin", model="up/small")["conversation"]
    turns = [ann.says(f"Go on {at}", model="up/small", conversation=talk) for at in range(4)]
    cut = [turn for turn in turns if turn["context"]["truncated"]]
    assert cut
    assert all(turn["context"]["summarised"] for turn in cut)
    (first, *_) = model.asked[-1]["messages"]
    assert first["role"] == "system"
    assert "They said many words." in first["content"]
    summaries = [asked for asked in model.asked if asked["model"] == "other"]
    assert "Begin" in summaries[0]["messages"][1]["content"]
    if len(summaries) > 1:
        assert "They said many words." in summaries[-1]["messages"][1]["content"], "it goes on from the one before"
        assert "user: Begin" not in summaries[-1]["messages"][1]["content"]
    assert ann.shown(talk)["metadata"] is None, "the summary is the house's own"


def test_a_provider_that_finds_it_too_long_gets_less(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: "word " * 50
    talk = ann.says("Begin")["conversation"]
    for at in range(3):
        ann.says(f"Go on {at}", conversation=talk)

    def says(asked: Json) -> Reply | str:
        if len(asked["messages"]) > 5:
            return wire.refusal(400, "This model's maximum context length is 10 tokens", "context_length_exceeded")
        return "Short"

    model.says = says
    turn = ann.says("And now?", conversation=talk)
    assert turn["response"] == "Short"
    assert turn["context"]["truncated"] > 0
    assert ann.hears("And streamed?", conversation=talk)[-1]["response"] == "Short"


def test_agents_have_instructions_tools_and_a_model_of_their_own(ann: Talker, model: Scripted) -> None:
    (listed,) = ann("GET", "/api/agents").json["agents"]
    assert (listed["name"], listed["tools"], listed["maxRounds"]) == ("pirate", ["calculator"], 1)
    assert listed["instructions"] is None, "what they are told is the operator's"
    answer = ann("POST", "/api/chat/message", {"message": "Hi", "agent": "pirate", "tools": []}).json
    asked = model.asked[-1]
    assert (asked["model"], asked["temperature"]) == ("other", 0.1)
    assert asked["messages"][0] == {"role": "system", "content": "You are a pirate."}
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["calculator"]
    ann("POST", "/api/chat/message", {"message": "And?", "conversation": answer["conversation"]})
    assert model.asked[-1]["messages"][0]["content"] == "You are a pirate.", "it is held with the agent to its end"
    unknown = ann("POST", "/api/chat/message", {"message": "Hi", "agent": "parrot"})
    assert (unknown.status, unknown.error["code"]) == (404, "agent_not_found")
    assert "pirate" in unknown.error["message"]


def test_instructions_of_a_conversation_go_before_all_its_turns(ann: Talker, model: Scripted) -> None:
    turn = ann.says("Hi", instructions="Be brief.")
    ann.says("More", conversation=turn["conversation"])
    assert [asked["messages"][0]["content"] for asked in model.asked] == ["Be brief.", "Be brief."]
    changed = ann("PATCH", f"/api/conversations/{turn['conversation']}", {"instructions": None}).json
    assert changed["instructions"] is None


def test_conversations_are_searched_by_what_was_said(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: "The zephyrine answer is 42."
    turn = ann.says("Tell me about quixotic windmills")
    for words in ("quixotic", "ZEPHYRINE answer", "zeph"):
        (found,) = ann("GET", f"/api/conversations?q={words.replace(' ', '%20')}").json["conversations"]
        assert found["id"] == turn["conversation"]
    assert found["found"] == turn["messageId"]
    assert "zephyrine answer" in found["excerpt"]
    assert ann("GET", "/api/conversations?q=nonexistentword").json["conversations"] == []


def test_pages_of_conversations_follow_each_other(ann: Talker) -> None:
    made = [ann("POST", "/api/conversations", {"tags": ["paged"]}).json["id"] for _ in range(5)]
    seen: list[str] = []
    path = "/api/conversations?tag=paged&limit=2"
    page = ann("GET", path).json
    while True:
        seen += [one["id"] for one in page["conversations"]]
        if page["next"] is None:
            break
        page = ann("GET", f"{path}&cursor={page['next']}").json
    assert seen == made[::-1]
    assert ann("GET", "/api/conversations?cursor=nonsense").error["param"] == "cursor"


def test_a_conversation_is_exported_whole_and_to_be_read(ann: Talker) -> None:
    turn = ann.says("One", attachments=[{"name": "dot.png", "data": PICTURE}])
    talk = turn["conversation"]
    ann("POST", f"/api/conversations/{talk}/regenerate", {"model": "up/large"})
    whole = ann("GET", f"/api/conversations/{talk}/export")
    assert whole.headers["content-disposition"] == f'attachment; filename="{talk}.json"'
    assert [one["role"] for one in whole.json["messages"]] == ["user", "assistant", "assistant"]
    assert whole.json["messages"][0]["attachments"][0]["data"] == PICTURE
    read = ann("GET", f"/api/conversations/{talk}/export?format=md")
    assert read.headers["content-type"].startswith("text/markdown")
    assert "> One" in read.body.decode()
    assert read.body.decode().count("## Assistant") == 1


def test_what_is_deleted_is_gone(ann: Talker, bob: Talker) -> None:
    turn = ann.says("A unique pterodactyl")
    bobs = bob.says("His own")
    assert ann("DELETE", f"/api/conversations/{turn['conversation']}").status == 204
    for path in ("", "/messages", "/export"):
        assert ann("GET", f"/api/conversations/{turn['conversation']}{path}").status == 404
    assert ann("GET", "/api/conversations?q=pterodactyl").json["conversations"] == []
    ann.says("Another one")
    assert ann("DELETE", "/api/conversations").error["param"] == "all"
    assert ann("DELETE", "/api/conversations?all=true").json["deleted"] > 0
    assert ann("GET", "/api/conversations").json["conversations"] == []
    assert bob.shown(bobs["conversation"])["id"] == bobs["conversation"]


def test_nothing_is_kept_of_a_turn_that_failed_or_was_not_to_be_kept(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: wire.refusal(500)
    before = ann("GET", "/api/conversations").json["conversations"]
    assert ann("POST", "/api/chat/message", {"message": "Hi", "model": "up/large"}).status == 502
    assert ann("POST", "/api/chat/message/stream", {"message": "Hi", "model": "up/large"}).status == 502
    model.says = lambda _: "Hello"
    assert ann.says("Hi", keep=False)["conversation"] is None
    talk = ann.says("Begun")["conversation"]
    ann.waits_until(talk, lambda one: one["titleSource"] == "model")
    before, told = ann("GET", "/api/conversations").json["conversations"], ann.told(talk)
    aside = ann.says("By the way", keep=False, conversation=talk)
    assert (aside["conversation"], ann.told(talk)) == (None, told)
    assert len(model.asked[-1]["messages"]) == len(told) + 1, "it is remembered all the same"
    assert ann.hears("Streamed", keep=False, conversation=talk)[0]["conversation"] is None
    assert ann("GET", "/api/conversations").json["conversations"] == before


def test_what_was_said_before_a_stream_broke_is_kept_and_the_error_told(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: Reply.stream([*wire.words("Half of", " an answer"), Cut()])
    events = ann.hears("Hi")
    assert [event["type"] for event in events] == ["start", "content", "content", "error"]
    assert events[-1]["error"]["code"] == "stream_interrupted"
    told = ann.waits_until(events[0]["conversation"], lambda one: "id" in one)
    kept = ann.told(told["id"])
    assert [(one["text"], one["finishReason"]) for one in kept] == [
        ("Hi", None), ("Half of an answer", "stream_interrupted"),
    ]  # fmt: skip


def test_a_conversation_that_began_with_a_broken_answer_gets_its_title_with_the_next_one(
    ann: Talker, model: Scripted
) -> None:
    model.says = lambda _: Reply.stream([*wire.words("Half"), Cut()])
    talk = ann.hears("Hi")[0]["conversation"]
    assert ann.waits_until(talk, lambda one: "id" in one)["titleSource"] == "words"
    model.says = lambda _: "Whole"
    ann.says("Once more", conversation=talk)
    ann.waits_until(talk, lambda one: one["titleSource"] == "model")


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(ann: Talker, model: Scripted) -> None:
    assert isinstance(ann.gateway, Running)
    store = ann.gateway.gateway.engine.store
    assert store is not None
    talk = ann.says("Hi")["conversation"]

    def says(_: Json) -> str:
        store.database.close_until_upgraded("the database is away")
        return "Paid for"

    model.says = says
    try:
        turn = ann.says("And?", conversation=talk)
    finally:
        store.database.open_again()
    assert (turn["response"], turn["conversation"]) == ("Paid for", None)
    assert len(ann.told(talk)) == 2


def test_who_leaves_finds_what_was_said_by_then(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: Reply.stream([*wire.words("Once upon"), Hang()])
    connection = http.client.HTTPConnection("127.0.0.1", ann.gateway.port, timeout=PATIENCE)
    headers = {"content-type": "application/json", "authorization": f"Bearer {ann.key}"}
    connection.request("POST", "/api/chat/message/stream", json.dumps({"message": "Hi", "model": "up/large"}), headers)
    reply = connection.getresponse()
    start = json.loads(reply.readline()[6:])
    while b"Once upon" not in reply.readline():
        pass
    reply.close()
    connection.close()
    assert model.upstream.wait_disconnect(PATIENCE), "the provider is left as well"
    found = ann.waits_until(start["conversation"], lambda one: "id" in one)
    assert [(one["text"], one["finishReason"]) for one in ann.told(found["id"])] == [
        ("Hi", None), ("Once upon", "cancelled"),
    ]  # fmt: skip


def test_a_conversation_that_is_deleted_while_it_is_answered_stays_deleted(ann: Talker, model: Scripted) -> None:
    talk, go_on = ann("POST", "/api/conversations", {"title": "Mine"}).json["id"], threading.Event()
    seen = len(model.upstream.received)
    model.says = lambda _: dataclasses.replace(wire.answer("Late"), before=Hold(go_on))
    beside = Talker(Address(ann.gateway.port), ann.key, "ann")
    with ThreadPoolExecutor(1) as elsewhere:
        late = elsewhere.submit(beside.says, "Two", conversation=talk)
        assert model.upstream.wait_received(PATIENCE, seen + 1)
        assert ann("DELETE", f"/api/conversations/{talk}").status == 204
        go_on.set()
        turn = late.result(PATIENCE)
    beside.gateway.hang_up()
    assert (turn["response"], turn["conversation"]) == ("Late", None)
    assert ann("GET", f"/api/conversations/{talk}").status == 404


def test_a_conversation_that_the_caller_keeps_is_answered_in_the_documents_form(ann: Talker, model: Scripted) -> None:
    body = {"model_id": "up/large", "messages": [{"role": "user", "content": "What is 2+2?"}], "temperature": 0.7}
    told = ann("POST", "/api/chat", body).json
    assert told["content"] == "Hello"
    assert told["usage"] == {"input_tokens": 3, "output_tokens": 2}
    assert told["toolsCalled"] == []
    assert (model.asked[-1]["temperature"], model.asked[-1]["model"]) == (0.7, "large")
    events = [json.loads(one) for one in ann("POST", "/api/chat/stream", body).events]
    assert [event["type"] for event in events] == ["start", "content", "done"]
    assert (events[0]["conversation"], events[-1]["content"]) == (None, "Hello")


def test_the_analytics_chat_has_its_tools_and_takes_the_model_from_a_message(ann: Talker, model: Scripted) -> None:
    def says(asked: Json) -> Reply | str:
        if asked["messages"][-1]["role"] == "tool":
            return "All is well."
        return calls(asked, ("system_monitor", {}))

    model.says = says
    messages = [{"role": "user", "content": "How is it?", "llm_model_id": "up/other"}]
    told = ann("POST", "/api/analytics/chat", {"messages": messages}).json
    assert (told["content"], told["model"]) == ("All is well.", "other")
    assert [(run["name"], run["success"]) for run in told["toolsCalled"]] == [("system_monitor", True)]
    offered = {tool["function"]["name"] for tool in model.asked[0]["tools"]}
    assert {"calculator", "system_monitor", "session_analysis", "advanced_analytics"} <= offered
    assert "llm_model_id" not in model.asked[0]["messages"][1]


def test_titles_are_found_for_messages_and_for_conversations(ann: Talker, model: Scripted) -> None:
    told = ann("POST", "/api/conversations/generate-title", {"messages": [{"role": "user", "content": "Hi"}]}).json
    assert (told["title"], told["source"], told["model"]) == ("Greetings Among Friends", "model", "up/titler")
    talk = ann.says("Hi")["conversation"]
    ann("PATCH", f"/api/conversations/{talk}", {"title": "Old"})
    model.title = "New"
    assert ann("POST", "/api/conversations/generate-title", {"conversation": talk}).json["title"] == "New"
    assert ann.shown(talk)["title"] == "New"
    assert ann("POST", "/api/conversations/generate-title", {}).error["param"] == "messages"


def test_a_strategy_or_a_provider_decides_who_answers(ann: Talker, model: Scripted) -> None:
    assert ann.says("Hi", provider="up", model="large")["model"] == "large"
    cheap = ann.says(
        "Hi", model="auto", strategy="cost", context={"providers": ["up"], "requiredCapabilities": ["pdf"]}
    )
    assert cheap["model"] == "large"
    both = {"message": "Hi", "strategy": "cost", "context": {"strategy": "quality"}}
    assert ann("POST", "/api/chat/message", both).error["param"] == "strategy"
    del model


def test_without_a_database_a_message_is_answered_and_nothing_kept() -> None:
    with serving() as gateway:
        body = json.dumps({"message": "Hi"}).encode()
        answer = gateway.request("POST", "/api/chat/message", body)
        assert (answer.status, answer.json["response"], answer.json["conversation"]) == (200, "Mock response", None)
        refused = gateway.get("/api/conversations")
        assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
        assert "[store]" in refused.error["message"]
        going_on = gateway.request("POST", "/api/chat/message", b'{"message": "Hi", "conversation": "conv_1"}')
        assert going_on.status == 503


def test_the_log_says_who_answered_and_what_it_took(ann: Talker, model: Scripted) -> None:
    del model
    turn = ann.says("Hi")
    assert isinstance(ann.gateway, Running)
    line = ann.gateway.wait_line(request_id=turn["requestId"], event="request")
    assert (line["provider"], line["model"], line["asked"], line["attempts"]) == ("up", "large", "up/large", 1)
    assert (line["input_tokens"], line["output_tokens"]) == (3, 2)
    assert float(line["cost_usd"]) == pytest.approx(turn["cost"])


def test_a_cap_on_cost_ends_the_rounds(ann: Talker, model: Scripted) -> None:
    model.says = lambda asked: calls(asked, ("calculator", {"expression": "1"}))
    turn = ann.says("Hi", tools=["calculator"], maxCostUsd=0.004, options={"maxTokens": 100})
    assert turn["finishReason"] in {"max_cost", "max_rounds"}
    assert turn["cost"] < 0.004
