// Generated from docs/openapi.json by `npm run generate`. Do not edit.

export interface paths {
    "/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Opens a session for a device. An unknown handle, a wrong password and a disabled account get the same answer after the same
         *     work. Wrong passwords are answered with growing delays for whoever tries them, and not for the account's owner elsewhere.
         */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends the caller's own session; its sockets close. Once more, after an answer that was lost, succeeds again. */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Changes the caller's password. The caller's other sessions end; their sockets close. May be repeated. */
        post: operations["changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchanges a refresh token for new tokens. The same one again gets the same answer until the new one is used, because an
         *     answer may be lost; after that it ends the session, because two hold it.
         */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Creates an account. It has no session: log in next. */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's live sessions, newest first. */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        /** Ends every session of the caller's, this one too; their sockets close. */
        delete: operations["logoutEverywhere"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends one of the caller's sessions; its sockets close. */
        delete: operations["revokeSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Creates a group, or the one conversation with another person: 200 when that existed, or a group of the same `client_key`;
         *     201 when it is new. To the other person it is a request until they answer. Members of a group with whom the caller shares no
         *     accepted conversation are invited.
         */
        post: operations["createConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A conversation the caller is in, with its first members. */
        get: operations["getConversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Gives a group another title. For admins and the owner. */
        patch: operations["renameConversation"];
        trace?: never;
    };
    "/v1/conversations/{id}/draft": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the caller is writing in a conversation, on whichever device; an empty text where they write nothing. */
        get: operations["getDraft"];
        /**
         * Keeps what the caller is writing in a conversation, for their other devices, which are told that it changed (`DRAFT_CHANGED`) and read
         *     it. It takes the place of what any of them kept before. The same once more changes nothing.
         */
        put: operations["putDraft"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/hidden": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Leaves a conversation out of the caller's list until there is a message in it that is newer. */
        put: operations["hideConversation"];
        post?: never;
        /** Lists a hidden conversation again. */
        delete: operations["unhideConversation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The members of a conversation the caller is in, by id. */
        get: operations["listMembers"];
        put?: never;
        /**
         * Brings people into a group. For admins and the owner. Those with whom the caller shares no accepted conversation are invited.
         *     Someone who is in it already, or invited already, stays as they are.
         */
        post: operations["addMembers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/members/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Puts someone out of a group, withdraws their invitation, or leaves it (one's own id). Admins put out members; the owner anyone. */
        delete: operations["removeMember"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/members/{user_id}/role": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Gives a member another role. For the owner; `owner` hands the group over and makes the caller an admin. */
        put: operations["setRole"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One message as it is now. */
        get: operations["getMessage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Says an earlier message of the caller's own anew, and answers once that is in the log. Only text, and only for so long after it was
         *     sent. The same `client_id` again gives the same ack.
         */
        patch: operations["editMessage"];
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/delete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deletes a message for everyone, and answers once that is in the log. The caller's own, and only for so long after it was sent;
         *     in a group also one of a member below the caller's role. Its place stays, with the body `erased`; what it ever said is gone. The
         *     same `client_id` again gives the same ack.
         */
        post: operations["deleteMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/hidden": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Hides a message from the caller alone, for good, on all of their devices, which are told (`MESSAGE_HIDDEN`). Everybody else goes on
         *     seeing it. Once more changes nothing.
         */
        put: operations["hideMessage"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/pin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pins a message in its conversation, or takes that back, and answers once that is in the log. The same `client_id` again gives the same
         *     ack. In a group this is for its owner and admins.
         */
        post: operations["pinMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/reactions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who reacted to a message, by user. */
        get: operations["listReactions"];
        put?: never;
        /**
         * Reacts to a message with an emoji, or takes that back, and answers once that is in the log. The same `client_id` again gives the
         *     same ack.
         */
        post: operations["react"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/readers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who has read a message, in a conversation of any size. Only who is in the conversation now, and was when the message was sent. */
        get: operations["listReaders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/receipts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who has a message, who has read it, and when; for members who may see it. When it was delivered is told to its sender alone. What
         *     somebody read and does not tell looks as if it was not read.
         */
        get: operations["getMessageReceipts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a message said over time. Empty for one whose content was erased. */
        get: operations["listRevisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/thread": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The thread under a message: its root, and replies, oldest first. Who came behind the root sees neither. */
        get: operations["getThread"];
        /**
         * Follows the thread under a message, or no longer. Who sent its root and who replies follows it without this; a reply after one ended
         *     that follows it again. The caller's other devices are told (`THREAD_MARK_MOVED`), and nobody else is. A person follows the 1,000
         *     threads in which they last took part. Once more changes nothing.
         */
        put: operations["followThread"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/messages/{message_id}/thread/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Moves the caller's mark in a thread that they follow forward; never back, never beyond the newest reply. It is their own affair: their
         *     other devices are told (`THREAD_MARK_MOVED`), at once or, if that was said of the thread less than 5 s ago, then; nobody else is. In a
         *     thread that they do not follow nothing changes.
         */
        post: operations["markThreadRead"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/pins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is pinned in a conversation, the newest pin first: of what the caller may see. */
        get: operations["listPins"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Moves the caller's read mark forward; never back, never beyond the last event. Their other devices are told (`READ_MARK_MOVED`):
         *     at once, or, if that was said of the conversation less than 5 s ago, then. The other members are told too (`receipts`), unless the
         *     caller has receipts off, or the conversation is a large one or waits for an answer.
         */
        post: operations["markRead"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/receipts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the other members of a conversation have read, at this moment. Later news comes over the socket (`receipts`) and may be lost: read
         *     this after connecting, and when the conversation is shown.
         */
        get: operations["getReceipts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/scheduled/{client_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Schedules a message to be sent later, or says anew what it says and when it is sent. It is sent once, with this `client_id`; whether
         *     its author may is asked then. The author's devices are told what becomes of it (`SCHEDULED_MESSAGE_CHANGED`). The same again changes
         *     nothing. One person has at most 100 that wait, of 1 MiB together.
         */
        put: operations["scheduleMessage"];
        post?: never;
        /** Cancels a message that was to be sent later. The author's devices are told. Also for a conversation that the author has left. */
        delete: operations["cancelScheduled"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/conversations/{id}/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes what is named of the caller's settings of a conversation: mutes, pins or archives it, and says of what they are notified.
         *     Their devices are told (`CONVERSATION_SETTINGS_CHANGED`), and nobody else is. Once more changes nothing.
         */
        patch: operations["changeConversationSettings"];
        trace?: never;
    };
    "/v1/conversations/{id}/unread": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Marks a conversation as unread from an event on, for the caller alone: their other devices are told (`READ_MARK_MOVED`), and nobody
         *     else is. What they have read stays read for others. Moving the read mark there or beyond, and writing something, ends it.
         */
        post: operations["markUnread"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Groups that the caller is invited into and has not answered. */
        get: operations["listInvitations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/invitations/{id}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Accepts an invitation, or a direct conversation that another began. Again changes nothing. */
        post: operations["acceptInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/invitations/{id}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Declines an invitation, or a direct conversation that another began: it is
         *     hidden until the caller accepts it or writes in it.
         */
        post: operations["declineInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Messages of the past, oldest first, from when the caller came in; with `changes`, also who came and went. */
        get: operations["listMessages"];
        put?: never;
        /** Sends a message and answers once it is in the log. The same `client_id` again gives the same message and ack. */
        post: operations["postMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/scheduled": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's messages that are to be sent later, the earliest first, and those that were refused at their time or are overdue. */
        get: operations["listScheduled"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages by what they say, the newest first: in conversations that the caller is in, from when they came in. A search that takes
         *     too long answers with what it found, and with how far back it came.
         */
        get: operations["searchMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a client shows first, in one answer: the list's first page with previews, unread counts, read marks and settings, drafts, and of
         *     direct conversations how far the other person has read and whether they are there. With `since`, the `token` of an earlier answer, only what
         *     changed since; `full` says which of the two it is: what cannot be told as a change, or is too much, is told whole. What others call
         *     themselves is read with the list, and is no change of a conversation.
         */
        get: operations["sync"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/threads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The threads that the caller follows and that have a reply, the one with the newest first, each with what is unread in it. */
        get: operations["listThreads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user with exactly this handle. */
        get: operations["findUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user by id. */
        get: operations["getUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The caller's conversations, most recently active first, without hidden ones. What others began and the caller has not answered
         *     is listed apart, with `state=request`, and so is what the caller archived, with `archived=true`. `pinned=true` lists only what they
         *     pinned. `id` is one's own or `me`.
         */
        get: operations["listConversations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/lookup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Users by id, many at once: the names of members who have left, for instance. */
        post: operations["lookUpUsers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller. */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes how the caller is shown to others. Their other devices are told (`PROFILE_CHANGED`). */
        patch: operations["changeProfile"];
        trace?: never;
    };
    "/v1/users/me/drafts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Where the caller has drafts, without their texts. */
        get: operations["listDrafts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/me/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the caller has set for all their devices. */
        get: operations["getSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes what is named of the caller's settings. Their other devices are told (`SETTINGS_CHANGED`). */
        patch: operations["changeSettings"];
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description The answer to `POST /v1/conversations/{id}/members`. Who was in it, or asked, before is in neither list of news. */
        AddedMembers: {
            /** @description Those who are in the group now. */
            added: components["schemas"]["UserId"][];
            /** @description Those who were invited: the caller shares no accepted conversation with them. */
            invited: components["schemas"]["UserId"][];
        };
        /** @description `POST /v1/conversations/{id}/members`. */
        AddMembersRequest: {
            /** @description The people to bring in, 1 to 500. */
            user_ids: components["schemas"]["UserId"][];
        };
        /**
         * @description `available`, `do_not_disturb` or `invisible` (exactly as somebody who is not there). A newer server may say another.
         * @example available
         * @example do_not_disturb
         * @example invisible
         */
        Availability: string;
        /** @description `PATCH /v1/conversations/{id}/settings`. What is not named stays as it is. */
        ChangeConversationSettingsRequest: {
            /** @description Whether it is listed apart, until somebody writes in it. What is archived is not pinned. */
            archived?: boolean | null;
            level?: components["schemas"]["NotifyLevel"] | null;
            muted_until_ms?: components["schemas"]["i64"] | null;
            /** @description Whether it stands above the others. At most 10 do. What is pinned is not archived. */
            pinned?: boolean | null;
        };
        /** @description `POST /v1/auth/password`. */
        ChangePasswordRequest: {
            /** @description The present password. */
            current_password: components["schemas"]["Password"];
            /** @description The new password: 8 to 256 bytes, and not easily guessed. */
            new_password: components["schemas"]["Password"];
        };
        /** @description `PATCH /v1/users/me`. */
        ChangeProfileRequest: {
            /** @description The name that others see. */
            display_name: components["schemas"]["DisplayName"];
        };
        /** @description `PATCH /v1/users/me/settings`. What is not named stays as it is. */
        ChangeSettingsRequest: {
            availability?: components["schemas"]["Availability"] | null;
            presence_to?: components["schemas"]["PresenceAudience"] | null;
            /** @description Whether the user tells others what they have read, and is told of others. */
            read_receipts?: boolean | null;
        };
        /** @description client_id */
        ClientId: string;
        /** @description `GET /v1/conversations/{id}` and the answer to creating one. */
        Conversation: {
            /** @description The conversation's id. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description When the conversation began, in milliseconds since 1970. */
            created_at_ms: components["schemas"]["i64"];
            /** @description Direct or group. */
            kind: components["schemas"]["ConversationKind"];
            /**
             * Format: int32
             * @description The number of members.
             */
            member_count: number;
            /** @description The first members by id, at most 100; `GET /v1/conversations/{id}/members` has all. */
            members: components["schemas"]["Member"][];
            /** @description What the caller set for it. */
            settings?: components["schemas"]["ConversationSettings"];
            /** @description Whether the caller accepted the conversation. */
            state: components["schemas"]["ConversationState"];
            title?: components["schemas"]["ConversationTitle"] | null;
        };
        /** @description ULID of a conversation */
        ConversationId: string;
        /**
         * @description `direct` (exactly two people; nobody joins or leaves) or `group` (a titled group with roles). A newer server may say another.
         * @example direct
         * @example group
         */
        ConversationKind: string;
        /** @description `GET /v1/users/{id}/conversations`. */
        ConversationList: {
            /** @description The conversations of this page, the most recently active first. */
            conversations: components["schemas"]["ConversationListItem"][];
            /** @description Hand back as `cursor` for the next page; absent on the last. */
            next_cursor?: string | null;
        };
        /** @description One row of a user's list. */
        ConversationListItem: {
            /** @description The conversation's id. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Direct or group. */
            kind: components["schemas"]["ConversationKind"];
            last_message?: components["schemas"]["Message"] | null;
            /** @description Whether the text of `last_message` was cut: a list shows beginnings, histories show messages. */
            last_message_cut?: boolean;
            /** @description The sequence of the conversation's last event. */
            last_seq: components["schemas"]["Seq"];
            peer?: components["schemas"]["UserProfile"] | null;
            /** @description The sequence up to which the caller has read. */
            read_seq: components["schemas"]["Seq"];
            /** @description The caller's role. */
            role: components["schemas"]["Role"];
            /** @description What the caller set for it. */
            settings?: components["schemas"]["ConversationSettings"];
            /** @description Whether the caller accepted the conversation. */
            state?: components["schemas"]["ConversationState"];
            title?: components["schemas"]["ConversationTitle"] | null;
            /**
             * Format: int32
             * @description Messages of others after the caller's read mark; counting stops at 1,000.
             */
            unread_count: number;
            unread_from?: components["schemas"]["Seq"] | null;
        };
        /** @description The answer to `GET /v1/conversations/{id}/receipts`. */
        ConversationReceipts: {
            /**
             * @description The newest message of the caller's that each of the others' devices have, among the conversation's newest 500. Who has none of
             *     these is not named.
             */
            delivered?: components["schemas"]["DeliveredTo"][];
            /** @description Whether receipts name people here. Not in conversations of more than 64 members, nor in one that waits for an answer. */
            named: boolean;
            /**
             * @description What the other members have read, each of them: who has read nothing since they came has `read_seq` = `after_seq`. Empty for a
             *     caller who has receipts off.
             */
            read: components["schemas"]["ReadBy"][];
        };
        /** @description What a person set for one conversation, on all their devices. No other person is told. */
        ConversationSettings: {
            archived_seq?: components["schemas"]["Seq"] | null;
            /** @description Of what the person wants to be notified. */
            level?: components["schemas"]["NotifyLevel"];
            muted_until_ms?: components["schemas"]["i64"] | null;
            pinned_at_ms?: components["schemas"]["i64"] | null;
            /**
             * Format: int32
             * @description Rises with each change: of two that a device is told of, the greater one holds. 0 when nothing was ever set.
             */
            version?: number;
        };
        /**
         * @description Whether a member accepted the conversation.
         * @enum {string}
         */
        ConversationState: "accepted" | "request";
        /** @description title */
        ConversationTitle: string;
        /** @description `POST /v1/conversations`. */
        CreateConversationRequest: {
            /** @enum {string} */
            kind: "direct";
            /** @description The other person's id. */
            user_id: components["schemas"]["UserId"];
        } | {
            client_key?: components["schemas"]["ClientId"] | null;
            /** @enum {string} */
            kind: "group";
            /** @description The group's other first members. Those with whom the caller shares no accepted conversation are invited. */
            member_ids?: components["schemas"]["UserId"][];
            /** @description The group's title. */
            title: components["schemas"]["ConversationTitle"];
        };
        /** @description `POST /v1/conversations/{id}/messages/{message_id}/delete`. */
        DeleteMessageRequest: {
            /** @description The caller's own key for this deletion. */
            client_id: components["schemas"]["ClientId"];
        };
        /** @description Up to where somebody's devices have what the one who is told has sent. */
        DeliveredTo: {
            /** @description The newest message of the told one's own that they have. It only rises. */
            seq: components["schemas"]["Seq"];
            /** @description Whose devices. */
            user_id: components["schemas"]["UserId"];
        };
        /**
         * @description `browser`, `desktop`, `phone`, `tablet` or `terminal`. A newer version may say another.
         * @example browser
         * @example desktop
         * @example phone
         * @example tablet
         * @example terminal
         */
        DeviceKind: string;
        /** @description device name */
        DeviceName: string;
        /** @description One device's session. */
        DeviceSession: {
            /** @description When the device logged in, in milliseconds since 1970. */
            created_at_ms: components["schemas"]["i64"];
            /** @description Whether the session is the caller's own. */
            current: boolean;
            device_kind?: components["schemas"]["DeviceKind"] | null;
            /** @description The name that the person gave the device. */
            device_name: components["schemas"]["DeviceName"];
            /** @description When the device last refreshed its tokens, in milliseconds since 1970. */
            last_used_at_ms: components["schemas"]["i64"];
            /** @description The session's id. */
            session_id: components["schemas"]["SessionId"];
        };
        /** @description display name */
        DisplayName: string;
        /** @description What a person is writing in a conversation, on all their devices. */
        Draft: {
            /** @description The conversation's id. */
            conversation_id: components["schemas"]["ConversationId"];
            reply_to?: components["schemas"]["MessageId"] | null;
            /** @description What they have written so far; empty when nothing is left of it. */
            text: components["schemas"]["DraftText"];
            /**
             * Format: int64
             * @description Rises with each change: the greatest is the last. 0 where nothing was ever written.
             */
            version: number;
        };
        /** @description `GET /v1/users/me/drafts`. */
        DraftList: {
            /** @description All drafts of the caller that have a text; at most 200. */
            drafts: components["schemas"]["DraftVersion"][];
        };
        /** @description text */
        DraftText: string;
        /** @description That there is a draft, without its text. */
        DraftVersion: {
            /** @description The conversation's id. */
            conversation_id: components["schemas"]["ConversationId"];
            /**
             * Format: int64
             * @description Rises with each change: the greatest is the last.
             */
            version: number;
        };
        /** @description `PATCH /v1/conversations/{id}/messages/{message_id}`. */
        EditMessageRequest: {
            /** @description What the message says now: a text. */
            body: components["schemas"]["MessageBody"];
            /** @description The caller's own key for this edit. */
            client_id: components["schemas"]["ClientId"];
        };
        /** @description emoji */
        Emoji: string;
        /**
         * @description A registered refusal.
         * @enum {string}
         */
        ErrorCode: "malformed_frame" | "frame_too_large" | "unknown_command" | "bad_id" | "bad_client_id" | "bad_position" | "invalid_field" | "empty_message" | "message_too_long" | "unsupported_body" | "hello_required" | "hello_twice" | "unauthenticated" | "token_expired" | "token_in_url" | "session_revoked" | "refresh_reused" | "bad_credentials" | "password_too_guessable" | "forbidden" | "origin_refused" | "not_member" | "unknown_user" | "unknown_session" | "not_found" | "method_not_allowed" | "unknown_message" | "message_gone" | "not_a_thread_root" | "not_sender" | "not_editable" | "bad_emoji" | "too_many_reactions" | "already_reacted" | "not_reacted" | "too_many_pins" | "already_pinned" | "not_pinned" | "conversation_too_large" | "delete_too_late" | "too_many_hidden" | "too_many_pinned" | "too_many_archived" | "too_many_drafts" | "too_many_scheduled" | "unknown_scheduled" | "already_sent" | "edit_too_late" | "too_many_edits" | "handle_taken" | "handle_reserved" | "group_full" | "direct_immutable" | "unknown_invitation" | "too_many_conversations" | "too_many_invitations" | "owner_must_hand_over" | "rate_limited" | "too_many_in_flight" | "quota_exceeded" | "log_full" | "too_many_connections" | "client_id_ahead" | "draining" | "busy" | "unavailable" | "outcome_unknown" | "internal";
        /** @description Where an event stands: what its frame says in front of it. */
        EventPlace: {
            /** @description The run of events in which each names the one before it: `c:<conversation>` or `u:<shard>`. */
            chain: string;
            prev?: components["schemas"]["Seq"] | null;
            /** @description The event's place in the shard's order. */
            seq: components["schemas"]["Seq"];
            /**
             * Format: int32
             * @description The version of the event's shape, from 1.
             */
            v: number;
        };
        /** @description A thread that the caller follows. */
        FollowedThread: {
            /** @description The sequence up to which the caller has read it. */
            read_seq: components["schemas"]["Seq"];
            /** @description The message under which the replies stand, as it is now, with their number. */
            root: components["schemas"]["Message"];
            /**
             * Format: int32
             * @description Replies of others behind it; counting stops at 1,000.
             */
            unread_count: number;
        };
        /** @description `PUT /v1/conversations/{id}/messages/{message_id}/thread`. */
        FollowThreadRequest: {
            /** @description Whether the caller follows the thread from now on. */
            following: boolean;
        };
        /** @description handle */
        Handle: string;
        /** Format: int64 */
        i64: number;
        /** @description An invitation into a group that waits for the caller's answer. */
        Invitation: {
            /** @description The group's id. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description When the caller was invited, in milliseconds since 1970. */
            invited_at_ms: components["schemas"]["i64"];
            /** @description The member who invited the caller. */
            invited_by: components["schemas"]["UserProfile"];
            /**
             * Format: int32
             * @description The number of members.
             */
            member_count: number;
            title?: components["schemas"]["ConversationTitle"] | null;
        };
        /** @description `GET /v1/invitations`. */
        InvitationList: {
            /** @description All invitations that wait, those to the newest conversations first. */
            invitations: components["schemas"]["Invitation"][];
        };
        /** @description `POST /v1/auth/login`. */
        LoginRequest: {
            device_kind?: components["schemas"]["DeviceKind"] | null;
            /** @description The name that the person gives this device. */
            device_name: components["schemas"]["DeviceName"];
            /** @description The user's unique name. */
            handle: components["schemas"]["Handle"];
            /** @description The user's password. */
            password: components["schemas"]["Password"];
        };
        /** @description `POST /v1/users/lookup`. */
        LookUpUsersRequest: {
            /** @description The users to look up, 1 to 500. */
            user_ids: components["schemas"]["UserId"][];
        };
        /** @description `POST /v1/conversations/{id}/read`. */
        MarkReadRequest: {
            /** @description The sequence up to which the caller has read. The mark moves forward only, and never beyond the last event. */
            seq: components["schemas"]["Seq"];
        };
        /** @description `POST /v1/conversations/{id}/messages/{message_id}/thread/read`. */
        MarkThreadReadRequest: {
            /** @description The sequence of the last reply that was read. */
            seq: components["schemas"]["Seq"];
        };
        /** @description `POST /v1/conversations/{id}/unread`. */
        MarkUnreadRequest: {
            /** @description The sequence of the first event that counts as unread. One beyond the last event is taken for that. */
            seq: components["schemas"]["Seq"];
        };
        /** @description A member of a conversation. */
        Member: components["schemas"]["UserProfile"] & {
            /** @description The member's role. */
            role: components["schemas"]["Role"];
        };
        /** @description `GET /v1/conversations/{id}/members`. */
        MemberList: {
            /** @description The members of this page, by id. */
            members: components["schemas"]["Member"][];
            next_cursor?: components["schemas"]["UserId"] | null;
        };
        /** @description A message. */
        Message: {
            /** @description What it says now. */
            body: components["schemas"]["MessageBody"];
            /** @description The sender's key, by which their devices match it to their outbox. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            edited_at_ms?: components["schemas"]["i64"] | null;
            edited_seq?: components["schemas"]["Seq"] | null;
            /** @description Which. */
            message_id: components["schemas"]["MessageId"];
            prev?: components["schemas"]["Seq"] | null;
            reacted_seq?: components["schemas"]["Seq"] | null;
            /** @description How people react, in the order in which each emoji first came; not in previews. */
            reactions?: components["schemas"]["Reaction"][];
            replies?: components["schemas"]["ThreadReplies"] | null;
            reply_to?: components["schemas"]["MessageRef"] | null;
            /** @description By whom. */
            sender_id: components["schemas"]["UserId"];
            /** @description When it was accepted. */
            sent_at_ms: components["schemas"]["i64"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
            thread?: components["schemas"]["ThreadRef"] | null;
        };
        /** @description A message, or what was said of one, is in the log. */
        MessageAck: {
            /** @description The client's key. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Minted by the server; the original one when the key had been used before. Of an edit or a deletion, the id of its event. */
            message_id: components["schemas"]["MessageId"];
            /** @description When it was accepted. */
            sent_at_ms: components["schemas"]["i64"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
        };
        /** @description The content of a message. A newer server may say another `type`; its fields are not known here, and are kept. */
        MessageBody: {
            /** @description The text. */
            text: components["schemas"]["MessageText"];
            /** @enum {string} */
            type: "text";
        } | {
            /** @enum {string} */
            type: "erased";
        };
        /** @description ULID of a message */
        MessageId: string;
        /** @description `GET /v1/messages`. */
        MessagePage: {
            /**
             * @description What happened to the conversation between them, if it was asked for: in the log's order, and to be merged by `seq`. A
             *     page then begins and ends with the smallest and the greatest `seq` of both. Each is the event's frame, as AsyncAPI
             *     describes it; here only its place is named.
             */
            changes?: components["schemas"]["EventPlace"][];
            /** @description Whether more messages lie in the direction asked for. */
            has_more: boolean;
            /** @description The messages of this page, in the log's order, oldest first. */
            messages: components["schemas"]["Message"][];
        };
        /** @description What one member's devices did with a message. */
        MessageReceipt: {
            delivered?: components["schemas"]["ReceiptStep"] | null;
            read?: components["schemas"]["ReceiptStep"] | null;
            /** @description Who. */
            user: components["schemas"]["UserProfile"];
        };
        /** @description The answer to `GET /v1/conversations/{id}/messages/{message_id}/receipts`. */
        MessageReceipts: {
            /**
             * Format: int32
             * @description Members whose devices have it; 0 for a message of another's.
             */
            delivered_count: number;
            /**
             * @description Whether `people` names everybody. Not in conversations of more than 64 members, where only the counts are told and readers come
             *     in pages; nor in one that waits for an answer, where nothing is told.
             */
            named: boolean;
            /** @description Members whom the message was for: who was there when it was sent and still is, by id, but for its sender. */
            people: components["schemas"]["MessageReceipt"][];
            /**
             * Format: int32
             * @description Members who have read the message, but for its sender; 0 for a caller who has receipts off.
             */
            read_count: number;
        };
        /** @description A message that another one refers to. Whoever shows it shows what it says now. */
        MessageRef: {
            /** @description Which, in the same conversation. */
            message_id: components["schemas"]["MessageId"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
        };
        /** @description text */
        MessageText: string;
        /**
         * @description `all`, `mentions` or `none`: of what a person wants to be notified. A newer server may say another.
         * @example all
         * @example mentions
         * @example none
         */
        NotifyLevel: string;
        /**
         * Format: password
         * @description 8 to 256 bytes
         */
        Password: string;
        /** @description How one person is there. */
        PersonPresence: {
            conversation_id?: components["schemas"]["ConversationId"] | null;
            last_seen_ms?: components["schemas"]["i64"] | null;
            /** @description How. */
            state: components["schemas"]["PresenceState"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description A pinned message. */
        Pin: {
            /** @description The message as it is now, without its reactions. */
            message: components["schemas"]["Message"];
            /** @description When, in milliseconds since 1970. */
            pinned_at_ms: components["schemas"]["i64"];
            /** @description Who pinned it. */
            pinned_by: components["schemas"]["UserId"];
            /** @description The `seq` of the event that says so. */
            pinned_seq: components["schemas"]["Seq"];
        };
        /** @description The answer to `GET /v1/conversations/{id}/pins`. */
        PinList: {
            /** @description The pinned messages that the caller may see, the newest pin first: at most 50. */
            pins: components["schemas"]["Pin"][];
            /** @description Up to where the log is in this list. What comes behind it goes on from here. */
            upto: components["schemas"]["Seq"];
        };
        /** @description `POST /v1/conversations/{id}/messages/{message_id}/pin`. */
        PinMessageRequest: {
            /** @description The caller's own key for this. */
            client_id: components["schemas"]["ClientId"];
            /** @description Whether the message is pinned from now on; `false`: no longer. */
            on: boolean;
        };
        /** @description `POST /v1/messages`. */
        PostMessageRequest: {
            /** @description The content of the message. */
            body: components["schemas"]["MessageBody"];
            /** @description The caller's own key for this send. */
            client_id: components["schemas"]["ClientId"];
            /** @description The conversation to send to. */
            conversation_id: components["schemas"]["ConversationId"];
            reply_to?: components["schemas"]["MessageId"] | null;
            thread?: components["schemas"]["MessageId"] | null;
        };
        /**
         * @description `everybody`, `contacts` (those with whom one shares a conversation that both have accepted) or `nobody`. A newer server may say another.
         * @example everybody
         * @example contacts
         * @example nobody
         */
        PresenceAudience: string;
        /**
         * @description `online`, `idle` (a device is on), `do_not_disturb` or `offline` (not there, or not told). A newer server may say another, which is shown as `offline`.
         * @example online
         * @example idle
         * @example do_not_disturb
         * @example offline
         */
        PresenceState: string;
        /** @description Every refusal over HTTP, as `application/problem+json` (RFC 9457). */
        Problem: {
            /**
             * Format: int32
             * @description The number of the close code, where a stream of events was refused.
             */
            close_code?: number | null;
            /** @description The registered code. */
            code: components["schemas"]["ErrorCode"];
            /** @description Words for people; they may change. */
            detail: string;
            /** @description The request's id, to quote to the operator. */
            request_id: string;
            /**
             * Format: int64
             * @description The time to wait before the next try, in milliseconds.
             */
            retry_after_ms?: number | null;
            /** @description Whether the same request may succeed later without any change. */
            retryable: boolean;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The meaning of the code. */
            title: string;
            /** @description The code as a relative URI; not an address that answers. */
            type: string;
        };
        /** @description `PUT /v1/conversations/{id}/draft`. */
        PutDraftRequest: {
            reply_to?: components["schemas"]["MessageId"] | null;
            /** @description What the caller has written so far; empty when nothing is left of it. */
            text: components["schemas"]["DraftText"];
        };
        /** @description Those who react to a message with one emoji. */
        Reaction: {
            /** @description The first of them, at most [`Self::MOST_NAMED`]. */
            by: components["schemas"]["UserId"][];
            /**
             * Format: int32
             * @description How many people.
             */
            count: number;
            /** @description Which. */
            emoji: components["schemas"]["Emoji"];
            /** @description Whether the reader is one of them. */
            mine: boolean;
        };
        /** @description The answer to `GET …/reactions`. */
        ReactionList: {
            next?: components["schemas"]["UserId"] | null;
            /** @description Who reacted, by user. */
            reactions: components["schemas"]["Reactor"][];
        };
        /** @description Somebody who reacted. */
        Reactor: {
            /** @description When, in milliseconds since 1970. */
            at_ms: components["schemas"]["i64"];
            /** @description With what. */
            emoji: components["schemas"]["Emoji"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description `POST /v1/conversations/{id}/messages/{message_id}/reactions`. */
        ReactRequest: {
            /** @description The caller's own key for this. */
            client_id: components["schemas"]["ClientId"];
            /** @description With what: one emoji. */
            emoji: components["schemas"]["Emoji"];
            /** @description Whether to react so from now on; `false`: no longer. */
            on: boolean;
        };
        /** @description Up to where somebody has read. */
        ReadBy: {
            /** @description What stands at or before this place says nothing: they came later, or had receipts off when they read it. It only rises. */
            after_seq: components["schemas"]["Seq"];
            /** @description They have read what stands behind `after_seq` and not behind this place. It only rises. */
            read_seq: components["schemas"]["Seq"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description The answer to `GET /v1/conversations/{id}/messages/{message_id}/readers`. */
        ReaderList: {
            next_cursor?: components["schemas"]["UserId"] | null;
            /** @description Members who have read the message, by id; not its sender, nor those who have receipts off. Empty for a caller who has them off. */
            readers: components["schemas"]["UserProfile"][];
        };
        /** @description When something reached somebody, and on what. */
        ReceiptStep: {
            at_ms?: components["schemas"]["i64"] | null;
            /** @description Whether it was at that time or before: of each person and conversation, the last 8 times are known. */
            before?: boolean;
            device_kind?: components["schemas"]["DeviceKind"] | null;
        };
        /** @description `POST /v1/auth/refresh`. */
        RefreshRequest: {
            /**
             * @description The newest refresh token of the session, or the one before it while the newest has not been used: an answer that was
             *     lost is asked for again. Using an older one ends the session.
             */
            refresh_token: components["schemas"]["Secret"];
        };
        /** @description `POST /v1/auth/register`. */
        RegisterRequest: {
            /** @description The name that others see. */
            display_name: components["schemas"]["DisplayName"];
            /** @description The unique name to log in with. */
            handle: components["schemas"]["Handle"];
            /** @description The password: 8 to 256 bytes, and not easily guessed. */
            password: components["schemas"]["Password"];
        };
        /** @description `PATCH /v1/conversations/{id}`. */
        RenameRequest: {
            /** @description The new title. */
            title: components["schemas"]["ConversationTitle"];
        };
        /** @description One version of a message. */
        Revision: {
            /** @description When it was said, in milliseconds since 1970. */
            at_ms: components["schemas"]["i64"];
            /** @description What it said. */
            body: components["schemas"]["MessageBody"];
            /** @description The sequence of the event that said it: the message's own, or an edit's. */
            seq: components["schemas"]["Seq"];
        };
        /** @description `GET /v1/conversations/{id}/messages/{message_id}/revisions`. */
        RevisionList: {
            /** @description Whether there are older ones: ask with `before`. */
            has_more: boolean;
            /**
             * @description The newest versions, oldest first, the present one last; at most 100, and not much more than 1 MiB of them. A message that
             *     was never edited has one.
             */
            revisions: components["schemas"]["Revision"][];
        };
        /**
         * @description `member` (reads and posts; may leave), `admin` (also renames, adds and removes) or `owner` (also appoints admins; one per group). A newer server may say another, which allows no more than `member` as far as this version knows.
         * @example member
         * @example admin
         * @example owner
         */
        Role: string;
        /** @description All of the caller's, by time. */
        ScheduledList: {
            /** @description At most 100, the earliest first. */
            scheduled: components["schemas"]["ScheduledMessage"][];
        };
        /** @description A message to be sent later. Its author alone sees it. */
        ScheduledMessage: {
            /** @description The content of the message. */
            body: components["schemas"]["MessageBody"];
            /** @description The author's key for it, with which it is sent. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            refusal?: components["schemas"]["ErrorCode"] | null;
            reply_to?: components["schemas"]["MessageId"] | null;
            /** @description When it is to be sent, in milliseconds since 1970. */
            send_at_ms: components["schemas"]["i64"];
            /** @description How it is doing. */
            state: components["schemas"]["ScheduledState"];
            /** @description The time zone that the time was chosen in; empty where none was named. */
            time_zone?: string;
        };
        /**
         * @description `waiting`, `sending`, `sent`, `refused` (at its time; `refusal` says why), `overdue` (more than a day late; its author is asked) or `cancelled`. A newer server may say another.
         * @example waiting
         * @example sending
         * @example sent
         * @example refused
         * @example overdue
         * @example cancelled
         */
        ScheduledState: string;
        /** @description `PUT /v1/conversations/{id}/scheduled/{client_id}`. */
        ScheduleRequest: {
            /** @description The content of the message. */
            body: components["schemas"]["MessageBody"];
            reply_to?: components["schemas"]["MessageId"] | null;
            /** @description When it is to be sent, in milliseconds since 1970: at most 366 days ahead. A time that is past means now. */
            send_at_ms: components["schemas"]["i64"];
            /** @description The time zone that the time was chosen in, such as `Europe/Berlin`, for people to read. */
            time_zone?: string;
        };
        /** @description A message that was found. */
        SearchHit: {
            /** @description The message as it is now. */
            message: components["schemas"]["Message"];
            /** @description Where its text says what was asked for: in order, without overlaps, at most 100. Empty when nothing of the text was asked for. */
            spans: components["schemas"]["TextSpan"][];
        };
        /** @description `GET /v1/search`. */
        SearchPage: {
            /** @description The messages of this page, the newest first. */
            hits: components["schemas"]["SearchHit"][];
            /**
             * Format: int64
             * @description How long the oldest message that cannot be found yet has waited, in milliseconds, if that is more than two seconds.
             */
            index_lag_ms?: number | null;
            /** @description Hand back as `cursor` for the next page; absent when everything was searched. A page that has none of its own may have one. */
            next_cursor?: string | null;
            partial_before_ms?: components["schemas"]["i64"] | null;
            searched_back_to_ms?: components["schemas"]["i64"] | null;
        };
        /**
         * Format: password
         * @description A bearer secret: keep it from logs and URLs
         */
        Secret: string;
        /**
         * Format: int64
         * @description A stream's sequence number: the order of everything in one shard. The first event has 1; 0 stands before it.
         */
        Seq: number;
        /** @description ULID of a session */
        SessionId: string;
        /** @description `GET /v1/auth/sessions`. */
        SessionList: {
            /** @description The live sessions, newest first. At most 100 exist. */
            sessions: components["schemas"]["DeviceSession"][];
        };
        /** @description `PUT /v1/conversations/{id}/members/{user_id}/role`. */
        SetRoleRequest: {
            /** @description The new role. `owner` hands the group over: the caller becomes an admin. */
            role: components["schemas"]["Role"];
        };
        /** @description What a user has set for all their devices. */
        Settings: {
            /** @description How they want to be seen while they are there. */
            availability?: components["schemas"]["Availability"];
            /** @description Whom the user tells whether they are there, and when they were. */
            presence_to?: components["schemas"]["PresenceAudience"];
            /**
             * @description Whether the user tells others what they have read, and is told of others. What they read while it was off is told to nobody,
             *     also later.
             */
            read_receipts: boolean;
        };
        /** @description `GET /v1/sync`. */
        SyncAnswer: {
            /** @description With `full`: the first page of what is archived. */
            archived?: components["schemas"]["ConversationListItem"][];
            /** @description As `next_cursor`, of the archived ones. */
            archived_cursor?: string | null;
            /**
             * @description With `full` the first page of the list, the most recently active first. Otherwise those of which something is new, in no order,
             *     archived ones and requests among them.
             */
            conversations: components["schemas"]["ConversationListItem"][];
            /** @description With `full` all drafts, the last changed first. Otherwise those that changed; an emptied one has the text `""`. */
            drafts: components["schemas"]["SyncedDraft"][];
            /**
             * @description `true`: what is shown first, and it takes the place of what the client has. `false`: what changed since the token, and all that
             *     did.
             */
            full: boolean;
            /** @description Without `full`: conversations that are in none of the caller's lists any more, because they left or hid them. */
            gone?: components["schemas"]["ConversationId"][];
            /**
             * Format: int32
             * @description Groups that the caller is asked to join.
             */
            invitation_count: number;
            /** @description With `full`: the `cursor` of the list's next page; absent when this is all of it. */
            next_cursor?: string | null;
            /** @description The server's clock. */
            now_ms: components["schemas"]["i64"];
            /** @description With `full`: what is pinned and not on the page. */
            pinned?: components["schemas"]["ConversationListItem"][];
            /** @description The place in the log up to which the answer is complete, for a `hello`; absent where there is no such place. */
            position?: string | null;
            /** @description The other people of the direct conversations above, as `watch_presence` tells of them. Empty when that is not known now. */
            presence?: components["schemas"]["PersonPresence"][];
            /** @description Of the direct conversations above: how far the other person has read, as `getReceipts` says it. */
            receipts?: components["schemas"]["SyncedReceipt"][];
            /** @description With `full`: the first page of what others began and the caller has not answered. */
            requests?: components["schemas"]["ConversationListItem"][];
            /** @description As `next_cursor`, of the requests. */
            requests_cursor?: string | null;
            /** @description What the caller has set for all their devices. */
            settings: components["schemas"]["Settings"];
            /** @description Hand back as `since`. It holds for some 30 days, and says nothing to a client. */
            token: string;
        };
        /** @description A draft. */
        SyncedDraft: {
            /** @description The conversation's id. */
            conversation_id: components["schemas"]["ConversationId"];
            reply_to?: components["schemas"]["MessageId"] | null;
            /** @description What is written; absent where the answer would become too long: then `getDraft` has it. */
            text?: string | null;
            /**
             * Format: int64
             * @description Rises with each change: the greatest is the last.
             */
            version: number;
        };
        /** @description How far the other person of a direct conversation has read. */
        SyncedReceipt: {
            /** @description The conversation's id. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Who, and from where to where. */
            read: components["schemas"]["ReadBy"];
        };
        /** @description A part of a text, in UTF-16 code units, as JavaScript counts them. */
        TextSpan: {
            /**
             * Format: int32
             * @description Where it ends: the first unit behind it.
             */
            end: number;
            /**
             * Format: int32
             * @description Where it begins.
             */
            start: number;
        };
        /** @description `GET /v1/threads`. */
        ThreadList: {
            /** @description Hand back as `cursor` for the next page; absent on the last. */
            next_cursor?: string | null;
            /** @description The threads of this page, the one with the newest reply first. */
            threads: components["schemas"]["FollowedThread"][];
        };
        /** @description `GET /v1/conversations/{id}/messages/{message_id}/thread`. */
        ThreadPage: {
            /** @description Whether the caller follows the thread. */
            following: boolean;
            /** @description Whether there are more in the direction that was asked for. */
            has_more: boolean;
            /** @description Replies, oldest first. */
            messages: components["schemas"]["Message"][];
            read_seq?: components["schemas"]["Seq"] | null;
            /** @description The message under which they stand, as it is now. */
            root: components["schemas"]["Message"];
        };
        /** @description The root of the thread in which a message is: a message of the same conversation that is in no thread itself. */
        ThreadRef: {
            /** @description Which. */
            message_id: components["schemas"]["MessageId"];
            /** @description Who sent it, and so follows the thread. */
            sender_id: components["schemas"]["UserId"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
        };
        /** @description What was said in the thread under a message, without what was deleted since. */
        ThreadReplies: {
            /** @description The first who replied, at most [`Self::MOST_NAMED`]. */
            by: components["schemas"]["UserId"][];
            /**
             * Format: int32
             * @description How many replies.
             */
            count: number;
            /** @description When it was accepted, in milliseconds since 1970. */
            last_at_ms: components["schemas"]["i64"];
            /** @description Where the newest of them stands. */
            last_seq: components["schemas"]["Seq"];
            /** @description The `seq` of the newest reply, or deletion of one, that is counted: those up to it are in there. */
            upto_seq: components["schemas"]["Seq"];
        };
        /** @description Answers log-in and refresh. */
        TokenResponse: {
            /** @description A JWT for `Authorization: Bearer` and for hello. */
            access_token: components["schemas"]["Secret"];
            /**
             * Format: int64
             * @description How long the access token is valid, in seconds.
             */
            expires_in_s: number;
            /** @description The token for the next refresh, good once. It stays good, for the same answer, until the token of that answer is used. */
            refresh_token: components["schemas"]["Secret"];
            /** @description The session of the device the tokens are for. */
            session_id: components["schemas"]["SessionId"];
            /** @description The user the tokens are for. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description ULID of a user */
        UserId: string;
        /** @description The answer to `POST /v1/users/lookup`. */
        UserList: {
            /** @description The users that exist, by id. */
            users: components["schemas"]["UserProfile"][];
        };
        /** @description A user as others see them. */
        UserProfile: {
            /** @description The name to show. */
            display_name: components["schemas"]["DisplayName"];
            /** @description The user's unique name. */
            handle: components["schemas"]["Handle"];
            /** @description The user's id. */
            user_id: components["schemas"]["UserId"];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            /** @description The device's tokens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenResponse"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `bad_credentials`: Handle or password is wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_session`: There is no such session of the caller's. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangePasswordRequest"];
            };
        };
        responses: {
            /** @description The new password holds, and no other session is left. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             *
             *     `password_too_guessable`: The password is a common one, or made of the person's own names: choose a longer or less usual one.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             *
             *     `bad_credentials`: Handle or password is wrong.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefreshRequest"];
            };
        };
        responses: {
            /** @description The device's new tokens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenResponse"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             *
             *     `refresh_reused`: The refresh token had been used before; every token of that session is now void.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterRequest"];
            };
        };
        responses: {
            /** @description The account exists. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserProfile"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             *
             *     `password_too_guessable`: The password is a common one, or made of the person's own names: choose a longer or less usual one.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `handle_taken`: Another user has this handle.
             *
             *     `handle_reserved`: The handle is reserved: clients and servers speak under it.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sessions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logoutEverywhere: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No session is left. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_session`: There is no such session of the caller's. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createConversation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateConversationRequest"];
            };
        };
        responses: {
            /** @description It existed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description The conversation is new. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `group_full`: The group has as many members as it may.
             *
             *     `too_many_conversations`: Somebody is in as many conversations as they may be.
             *
             *     `too_many_invitations`: Somebody has as many unanswered invitations as may wait.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    renameConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenameRequest"];
            };
        };
        responses: {
            /** @description The group is renamed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `direct_immutable`: A direct conversation has no title, roles, joining or leaving. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDraft: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It, as it was kept last. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Draft"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putDraft: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutDraftRequest"];
            };
        };
        responses: {
            /** @description It is kept. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DraftVersion"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_drafts`: The caller has as many drafts as a person may. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hideConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is hidden. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    unhideConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is listed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMembers: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the previous page. */
                cursor?: components["schemas"]["UserId"];
                /** @description 1 to 500; 100 unless given. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemberList"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addMembers: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddMembersRequest"];
            };
        };
        responses: {
            /** @description Who is in it now, and who is invited. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddedMembers"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `group_full`: The group has as many members as it may.
             *
             *     `direct_immutable`: A direct conversation has no title, roles, joining or leaving.
             *
             *     `too_many_conversations`: Somebody is in as many conversations as they may be.
             *
             *     `too_many_invitations`: Somebody has as many unanswered invitations as may wait.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
                /** @description Who. */
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are out, and see nothing that follows. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `direct_immutable`: A direct conversation has no title, roles, joining or leaving.
             *
             *     `owner_must_hand_over`: The owner hands the group over before leaving.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setRole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
                /** @description Whose. */
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetRoleRequest"];
            };
        };
        responses: {
            /** @description They have the role. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `direct_immutable`: A direct conversation has no title, roles, joining or leaving.
             *
             *     `owner_must_hand_over`: The owner hands the group over before leaving.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    editMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditMessageRequest"];
            };
        };
        responses: {
            /** @description The edit is in the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageAck"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `empty_message`: The message has no content.
             *
             *     `unsupported_body`: The message body's type is unknown to this server.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             *
             *     `not_sender`: Only who sent the message may do this.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `not_editable`: What the message holds cannot be edited.
             *
             *     `edit_too_late`: The message is older than messages may be to be edited.
             *
             *     `too_many_edits`: The message was edited as often as messages may be.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `message_gone`: The message's content was erased. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `frame_too_large`: The frame or body is larger than the server reads.
             *
             *     `message_too_long`: The message is longer than the limit.
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `client_id_ahead`: client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms. */
            425: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `quota_exceeded`: The caller has sent as many bytes as a person may: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `log_full`: The log takes no more messages: what is left of it is for membership changes and sessions.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeleteMessageRequest"];
            };
        };
        responses: {
            /** @description The deletion is in the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageAck"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             *
             *     `not_sender`: Only who sent the message may do this.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `delete_too_late`: The message is older than messages may be to be deleted for everyone. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `message_gone`: The message's content was erased. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `client_id_ahead`: client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms. */
            425: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `quota_exceeded`: The caller has sent as many bytes as a person may: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `log_full`: The log takes no more messages: what is left of it is for membership changes and sessions.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hideMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is hidden. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_hidden`: The caller has hidden as many messages as a person may. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pinMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PinMessageRequest"];
            };
        };
        responses: {
            /** @description It is in the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageAck"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `too_many_pins`: As many messages are pinned in the conversation as may be.
             *
             *     `already_pinned`: The message is pinned already.
             *
             *     `not_pinned`: The message is not pinned: there is nothing to take back.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `message_gone`: The message's content was erased. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `client_id_ahead`: client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms. */
            425: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `quota_exceeded`: The caller has sent as many bytes as a person may: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `log_full`: The log takes no more messages: what is left of it is for membership changes and sessions.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReactions: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                after?: components["schemas"]["UserId"];
                /** @description Only those with this emoji. */
                emoji?: components["schemas"]["Emoji"];
                /** @description People on the page, 1 to 200. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReactionList"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             *
             *     `bad_emoji`: What is to be reacted with is not one emoji that the server knows.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    react: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReactRequest"];
            };
        };
        responses: {
            /** @description It is in the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageAck"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             *
             *     `bad_emoji`: What is to be reacted with is not one emoji that the server knows.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `too_many_reactions`: The message has as many reactions, or kinds of them, as a message may, or the caller tried as many on it as a person may.
             *
             *     `already_reacted`: The caller reacts to the message with this emoji already.
             *
             *     `not_reacted`: The caller does not react to the message with this emoji: there is nothing to take back.
             *
             *     `conversation_too_large`: The conversation has more members than may do this.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `message_gone`: The message's content was erased. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `client_id_ahead`: client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms. */
            425: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `quota_exceeded`: The caller has sent as many bytes as a person may: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `log_full`: The log takes no more messages: what is left of it is for membership changes and sessions.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReaders: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the previous page. */
                cursor?: components["schemas"]["UserId"];
                /** @description 1 to 500; 100 unless given. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReaderList"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMessageReceipts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At this moment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageReceipts"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRevisions: {
        parameters: {
            query?: {
                /** @description Only versions before this sequence; the newest of them are given. */
                before?: components["schemas"]["Seq"];
            };
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest versions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevisionList"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getThread: {
        parameters: {
            query?: {
                /** @description The oldest replies after this sequence. */
                after?: components["schemas"]["Seq"];
                /** @description The newest replies before this sequence; without `before` and `after` the newest. */
                before?: components["schemas"]["Seq"];
                /** @description 1 to 200; 50 unless given. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description The root. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ThreadPage"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_a_thread_root`: The message is in a thread itself: replies stand under the thread's root. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followThread: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description The root. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FollowThreadRequest"];
            };
        };
        responses: {
            /** @description It is so. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_a_thread_root`: The message is in a thread itself: replies stand under the thread's root. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    markThreadRead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
                /** @description The root. */
                message_id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarkThreadReadRequest"];
            };
        };
        responses: {
            /** @description The mark is at least there, or at the newest reply. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_a_thread_root`: The message is in a thread itself: replies stand under the thread's root. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPins: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pinned messages. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinList"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    markRead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarkReadRequest"];
            };
        };
        responses: {
            /** @description The mark is at least there, or at the last event. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReceipts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What they have read. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationReceipts"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    scheduleMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The caller's own key for the message. */
                client_id: components["schemas"]["ClientId"];
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ScheduleRequest"];
            };
        };
        responses: {
            /** @description It waits. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ScheduledMessage"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `empty_message`: The message has no content.
             *
             *     `unsupported_body`: The message body's type is unknown to this server.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `too_many_scheduled`: The caller has as many messages waiting to be sent later as a person may.
             *
             *     `already_sent`: The message was sent, or is being sent: it can neither be changed nor cancelled.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `frame_too_large`: The frame or body is larger than the server reads.
             *
             *     `message_too_long`: The message is longer than the limit.
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `client_id_ahead`: client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms. */
            425: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelScheduled: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The caller's own key for the message. */
                client_id: components["schemas"]["ClientId"];
                /** @description Where. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It will not be sent. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unknown_user`: There is no such user.
             *
             *     `unknown_scheduled`: No such message of the caller's waits to be sent later.
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_sent`: The message was sent, or is being sent: it can neither be changed nor cancelled. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeConversationSettings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeConversationSettingsRequest"];
            };
        };
        responses: {
            /** @description All that is set for it now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationSettings"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `too_many_pinned`: The caller has pinned as many conversations as a person may.
             *
             *     `too_many_archived`: The caller has archived as many conversations as a person may.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    markUnread: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarkUnreadRequest"];
            };
        };
        responses: {
            /** @description It is unread from there on. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listInvitations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvitationList"];
                };
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acceptInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The conversation's. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The caller is in it. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_invitation`: Nothing of the kind waits for the caller's answer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `group_full`: The group has as many members as it may.
             *
             *     `too_many_conversations`: Somebody is in as many conversations as they may be.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    declineInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The conversation's. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing waits for an answer any more. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_invitation`: Nothing of the kind waits for the caller's answer. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMessages: {
        parameters: {
            query: {
                /** @description Only messages after this sequence; the oldest of them are given. */
                after?: components["schemas"]["Seq"];
                /** @description Only messages before this sequence; the newest of them are given. */
                before?: components["schemas"]["Seq"];
                /** @description `true`: also who came and went, new titles and roles, as `changes`. They count for `limit` as messages do. */
                changes?: boolean;
                /** @description The conversation's id. */
                conversation_id: components["schemas"]["ConversationId"];
                /** @description 1 to 200; 50 unless given. */
                limit?: number;
                /** @description `true`: only messages after the caller's read mark, as with `after`. */
                unread?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessagePage"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    postMessage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PostMessageRequest"];
            };
        };
        responses: {
            /** @description The message is in the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageAck"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `bad_client_id`: client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `empty_message`: The message has no content.
             *
             *     `unsupported_body`: The message body's type is unknown to this server.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_message`: There is no such message in this conversation, or the caller may not see it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_a_thread_root`: The message is in a thread itself: replies stand under the thread's root. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `message_gone`: The message's content was erased. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `frame_too_large`: The frame or body is larger than the server reads.
             *
             *     `message_too_long`: The message is longer than the limit.
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `client_id_ahead`: client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms. */
            425: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `quota_exceeded`: The caller has sent as many bytes as a person may: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `log_full`: The log takes no more messages: what is left of it is for membership changes and sessions.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listScheduled: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them: at most 100, of 1 MiB together. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ScheduledList"];
                };
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    searchMessages: {
        parameters: {
            query: {
                /** @description Only in this conversation. */
                conversation_id?: components["schemas"]["ConversationId"];
                /** @description The `next_cursor` of the previous page. */
                cursor?: string;
                /** @description 1 to 50; 20 unless given. */
                limit?: number;
                /**
                 * @description Words, which all have to be there; `"phrases"`; `from:handle`, `from:me`, `in:title`, `in:handle`, `before:2026-11-28`,
                 *     `after:2026-11-28`, `has:link`, `has:code`. The last word may be the beginning of one, unless white space follows. Everything
                 *     else is text. At most 256 characters.
                 */
                q: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchPage"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `origin_refused`: The page's origin is not on the allow-list.
             *
             *     `not_member`: There is no such conversation, or the caller is not in it.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sync: {
        parameters: {
            query?: {
                /** @description Conversations of the first page, 1 to 200; 200 unless given. */
                limit?: number;
                /** @description The `token` of the last answer: only what changed since then comes. Without it everything comes. */
                since?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What is shown first, or what changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncAnswer"];
                };
            };
            /**
             * @description `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listThreads: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the previous page. */
                cursor?: string;
                /** @description 1 to 50; 20 unless given. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ThreadList"];
                };
            };
            /**
             * @description `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    findUser: {
        parameters: {
            query: {
                /** @description The exact handle. */
                handle: components["schemas"]["Handle"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserProfile"];
                };
            };
            /**
             * @description `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Who. */
                id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserProfile"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listConversations: {
        parameters: {
            query?: {
                /** @description `true`: only what the caller archived, which is left out otherwise. */
                archived?: boolean;
                /** @description The `next_cursor` of the previous page. */
                cursor?: string;
                /** @description 1 to 100; 50 unless given. */
                limit?: number;
                /** @description `true`: only what the caller pinned, the last pinned first, without pages. Without it they stand among the others. */
                pinned?: boolean;
                /** @description `request` lists what others began and the caller has not answered; `accepted`, and without it, all else. */
                state?: components["schemas"]["ConversationState"];
            };
            header?: never;
            path: {
                /** @description One's own id, or `me`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationList"];
                };
            };
            /**
             * @description `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `forbidden`: The caller's role does not allow this.
             *
             *     `origin_refused`: The page's origin is not on the allow-list.
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `busy`: The server is at its limit: try again after retry_after_ms.
             *
             *     `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    lookUpUsers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LookUpUsersRequest"];
            };
        };
        responses: {
            /** @description Those who exist. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserList"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `bad_id`: An id is not in its canonical form (26 characters of 0-9 and A-Z).
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The caller. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserProfile"];
                };
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeProfile: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeProfileRequest"];
            };
        };
        responses: {
            /** @description The caller, as others see them now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserProfile"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDrafts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, the last changed first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DraftList"];
                };
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All settings. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /** @description `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeSettingsRequest"];
            };
        };
        responses: {
            /** @description All settings, as they are now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /**
             * @description `malformed_frame`: The frame or body is not valid JSON of the documented shape.
             *
             *     `invalid_field`: A field is outside its documented limits.
             *
             *     `token_in_url`: Tokens are not accepted in URLs, where logs and histories keep them.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unauthenticated`: The token is missing, malformed, forged or of the wrong kind.
             *
             *     `token_expired`: The access token has expired, or its key is not known here: refresh it.
             *
             *     `session_revoked`: This device's session was ended: log in again.
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin_refused`: The page's origin is not on the allow-list. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_user`: There is no such user. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `frame_too_large`: The frame or body is larger than the server reads. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `rate_limited`: Too many requests: wait for retry_after_ms.
             *
             *     `too_many_connections`: This address, person or device has as many connections as it may.
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: An error of ours; quote the request id. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `unavailable`: A part the request needs does not answer. Nothing was stored: repeat it.
             *
             *     `outcome_unknown`: What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A refusal. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
