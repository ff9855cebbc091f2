"""How conversations with branches are shown."""

from wye.gateway.api.conversation_views import messages_view
from wye.store.conversations import Conversation, Message


def test_a_message_names_those_in_its_place_and_the_last_that_follows_from_each() -> None:
    tree = [("q1", None), ("a1", "q1"), ("q2", "a1"), ("a2", "q2"), ("a2x", "q2"), ("q1x", None), ("a1x", "q1x")]
    said = [
        Message(
            id=one,
            conversation_id="conv",
            user_id="ann",
            parent_id=parent,
            role="user" if one.startswith("q") else "assistant",
            text=one,
            created_at=0,
        )
        for one, parent in (("q1x", None), ("a1x", "q1x"))
    ]
    view = messages_view(Conversation(id="conv", user_id="ann", created_at=0, updated_at=0), said, {}, tree)
    question, answer = view.messages
    assert question.branches == ["q1", "q1x"]
    assert question.leaves == ["a2x", "a1x"]
    assert answer.leaves == ["a1x"]
