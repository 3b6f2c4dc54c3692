"""Calls every operation of the REST API with a client that a standard generator made from the served document.

Arguments: the API's URL, the document's path, a handle's beginning. The generated package is `relayhub_client`.
A new operation is called here too: the run fails for one that is not.
"""

import importlib
import json
import re
import sys
import time

import relayhub_client
from relayhub_client import models

BASE, DOCUMENT, PREFIX = sys.argv[1:4]

with open(DOCUMENT, encoding="utf-8") as file:
    PATHS = json.load(file)["paths"]
OPERATIONS = {operation["operationId"]: operation for item in PATHS.values() for operation in item.values() if "operationId" in operation}
CALLED = set()


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def attempt(operation, client, **arguments):
    """The whole answer, whatever its status; the document has to know it."""
    described = OPERATIONS[operation]
    module = importlib.import_module(f"relayhub_client.api.{snake(described['tags'][0])}.{snake(operation)}")
    answer = module.sync_detailed(client=client, **arguments)
    CALLED.add(operation)
    status = str(int(answer.status_code))
    assert status in described["responses"], f"{operation} answered {status}, which the document does not know: {answer.content}"
    return answer


def call(operation, client, **arguments):
    """What the answer holds; a refusal fails the run."""
    answer = attempt(operation, client, **arguments)
    assert 200 <= answer.status_code < 300, f"{operation}: {answer.status_code} {answer.content}"
    assert answer.status_code == 204 or answer.parsed is not None, f"{operation}: the client understood nothing of {answer.content}"
    return answer.parsed


def body(model, **fields):
    return getattr(models, model).from_dict(fields)


def signed_in(tokens):
    return relayhub_client.AuthenticatedClient(base_url=BASE, token=tokens.access_token)


def person(name):
    handle = f"{PREFIX}{name}"
    password = f"password of {handle}"
    profile = call("register", ANYBODY, body=body("RegisterRequest", handle=handle, display_name=name, password=password))
    login = body("LoginRequest", handle=handle, password=password, device_name="generated")
    return profile, login, call("login", ANYBODY, body=login)


def change_password(client, login, new):
    passwords = body("ChangePasswordRequest", current_password=login.password, new_password=new)
    return attempt("changePassword", client, body=passwords)


ANYBODY = relayhub_client.Client(base_url=BASE)
ann_profile, ann_login, ann_tokens = person("ann")
bob_profile, bob_login, bob_tokens = person("bob")
ann, bob = signed_in(ann_tokens), signed_in(bob_tokens)

assert call("me", ann).user_id == ann_profile.user_id
assert call("changeProfile", ann, body=body("ChangeProfileRequest", display_name="Ann again")).display_name == "Ann again"
assert call("findUser", ann, handle=bob_profile.handle).user_id == bob_profile.user_id

direct = call("createConversation", ann, body=body("CreateConversationRequestType0", kind="direct", user_id=bob_profile.user_id))
call("acceptInvitation", bob, id=direct.conversation_id)
group_body = body("CreateConversationRequestType1", kind="group", title="generated", member_ids=[bob_profile.user_id])
group = call("createConversation", ann, body=group_body).conversation_id

text = {"type": "text", "text": "from a generated client"}
for conversation in (direct.conversation_id, group):
    sent = call("postMessage", ann, body=body("PostMessageRequest", client_id="g-1", conversation_id=conversation, body=text))
page = call("listMessages", bob, conversation_id=group, limit=10)
assert [message.seq for message in page.messages] == [sent.seq], page
assert page.messages[0].body.text == text["text"]
edit = body("EditMessageRequest", client_id="g-2", body={"type": "text", "text": "edited by a generated client"})
edited = call("editMessage", ann, id=group, message_id=sent.message_id, body=edit)
now = call("getMessage", bob, id=group, message_id=sent.message_id)
assert (now.body.text, now.edited_seq) == ("edited by a generated client", edited.seq), now
versions = call("listRevisions", bob, id=group, message_id=sent.message_id).revisions
assert [version.body.text for version in versions] == [text["text"], now.body.text], versions
assert call("searchMessages", bob, q="\"not a phrase\" from:nobody_has_this", limit=5).hits == []
assert call("getMessageReceipts", ann, id=group, message_id=sent.message_id).named
kept = call("putDraft", ann, id=group, body=body("PutDraftRequest", text="not yet sent"))
assert (call("getDraft", ann, id=group).text, call("getDraft", ann, id=group).version) == ("not yet sent", kept.version)
assert [draft.conversation_id for draft in call("listDrafts", ann).drafts] == [group]
level = body("ChangeConversationSettingsRequest", level="mentions")
assert call("changeConversationSettings", ann, id=group, body=level).level == "mentions"
later = body("ScheduleRequest", body=text, send_at_ms=int(time.time() + 3600) * 1000)
waits = call("scheduleMessage", ann, id=group, client_id="g-4", body=later)
assert [message.client_id for message in call("listScheduled", ann).scheduled] == [waits.client_id]
call("cancelScheduled", ann, id=group, client_id="g-4")
reaction = body("ReactRequest", client_id="g-r", emoji="\u2764", on=True)
reacted = call("react", bob, id=group, message_id=sent.message_id, body=reaction)
shown = call("getMessage", ann, id=group, message_id=sent.message_id)
assert [(kind.emoji, kind.count, kind.mine) for kind in shown.reactions] == [("\u2764\ufe0f", 1, False)], shown
assert shown.reacted_seq == reacted.seq, shown
reactors = call("listReactions", ann, id=group, message_id=sent.message_id, emoji="\u2764\ufe0f", limit=10).reactions
assert [reactor.user_id for reactor in reactors] == [bob_profile.user_id], reactors
under = body("PostMessageRequest", client_id="g-t", conversation_id=group, body=text, thread=sent.message_id)
said_under = call("postMessage", ann, body=under)
thread = call("getThread", bob, id=group, message_id=sent.message_id, limit=10)
assert ([message.seq for message in thread.messages], thread.following) == ([said_under.seq], False), thread
call("followThread", bob, id=group, message_id=sent.message_id, body=body("FollowThreadRequest", following=True))
call("markThreadRead", bob, id=group, message_id=sent.message_id, body=body("MarkThreadReadRequest", seq=said_under.seq))
followed = call("listThreads", bob, limit=10).threads
assert [(item.root.message_id, item.unread_count) for item in followed] == [(sent.message_id, 0)], followed
pinned = call("pinMessage", ann, id=group, message_id=sent.message_id, body=body("PinMessageRequest", client_id="g-p", on=True))
pins = call("listPins", bob, id=group)
assert [(pin.message.message_id, pin.pinned_seq) for pin in pins.pins] == [(sent.message_id, pinned.seq)], pins
call("hideMessage", bob, id=group, message_id=sent.message_id)
assert call("listMessages", bob, conversation_id=group, limit=10).messages == []
call("deleteMessage", ann, id=group, message_id=sent.message_id, body=body("DeleteMessageRequest", client_id="g-3"))
assert call("getMessage", ann, id=group, message_id=sent.message_id).body.type_ == "erased"
call("markRead", bob, id=group, body=body("MarkReadRequest", seq=sent.seq))
receipts = call("getReceipts", ann, id=group)
assert receipts.named and [mark.read_seq for mark in receipts.read] == [sent.seq], receipts
readers = call("listReaders", ann, id=group, message_id=sent.message_id, limit=10).readers
assert [reader.user_id for reader in readers] == [bob_profile.user_id], readers
call("markUnread", bob, id=group, body=body("MarkUnreadRequest", seq=sent.seq))
assert call("getSettings", ann).read_receipts
assert not call("changeSettings", ann, body=body("ChangeSettingsRequest", read_receipts=False)).read_receipts
assert call("getReceipts", ann, id=group).read == []
first = call("sync", bob)
assert first.full and len(first.conversations) == 2, first
later = call("sync", bob, since=first.token)
assert not later.full and later.conversations == [], later
assert len(call("listConversations", bob, id="me", limit=10).conversations) == 2

call("renameConversation", ann, id=group, body=body("RenameRequest", title="renamed"))
assert call("getConversation", bob, id=group).title == "renamed"
call("setRole", ann, id=group, user_id=bob_profile.user_id, body=body("SetRoleRequest", role="admin"))
call("removeMember", ann, id=group, user_id=bob_profile.user_id)
refused = attempt("getConversation", bob, id=group)
assert (refused.status_code, refused.parsed.code) == (403, "not_member"), refused
changes = call("listMessages", ann, conversation_id=group, limit=10, changes=True).changes
assert [change["type"] for change in changes][-1] == "MEMBER_REMOVED", changes
assert call("addMembers", ann, id=group, body=body("AddMembersRequest", user_ids=[bob_profile.user_id])).added == [bob_profile.user_id]
assert len(call("listMembers", bob, id=group, limit=10).members) == 2
call("hideConversation", bob, id=group)
call("unhideConversation", bob, id=group)
assert call("listInvitations", bob).invitations == []
assert attempt("declineInvitation", bob, id=group).status_code == 404
assert call("getUser", ann, id=bob_profile.user_id).handle == bob_profile.handle
assert len(call("lookUpUsers", ann, body=body("LookUpUsersRequest", user_ids=[bob_profile.user_id])).users) == 1

other = call("login", ANYBODY, body=ann_login)
assert len(call("listSessions", ann).sessions) == 2
call("revokeSession", ann, id=other.session_id)
refreshed = call("refresh", ANYBODY, body=body("RefreshRequest", refresh_token=ann_tokens.refresh_token))
call("logout", signed_in(refreshed))
assert attempt("me", ann).status_code == 401
assert change_password(bob, bob_login, "password1").parsed.code == "password_too_guessable"
assert change_password(bob, bob_login, "another unusual phrase").status_code == 204
call("logoutEverywhere", bob)
assert attempt("me", bob).status_code == 401

missing = sorted(set(OPERATIONS) - CALLED)
assert not missing, f"these operations are not called in this file: {', '.join(missing)}"
print(f"{len(CALLED)} operations called")
