// Generated from docs/asyncapi.json by `npm run generate`. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description `active` (the person uses the device) or `idle`. Another is taken for `idle`.
         * @example active
         * @example idle
         */
        Activity: string;
        /**
         * @description `available`, `do_not_disturb` or `invisible` (exactly as somebody who is not there). A newer server may say another.
         * @example available
         * @example do_not_disturb
         * @example invisible
         */
        Availability: string;
        /** @description client_id */
        ClientId: string;
        Command: components["schemas"]["frame_hello"] | components["schemas"]["frame_send_message"] | components["schemas"]["frame_edit_message"] | components["schemas"]["frame_delete_message"] | components["schemas"]["frame_react"] | components["schemas"]["frame_pin_message"] | components["schemas"]["frame_received"] | components["schemas"]["frame_presence"] | components["schemas"]["frame_watch_presence"] | components["schemas"]["frame_typing_start"] | components["schemas"]["frame_typing_stop"] | components["schemas"]["frame_ping"];
        /** @description A conversation began. */
        ConversationCreated: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Which. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Direct or group. */
            kind: components["schemas"]["ConversationKind"];
            /** @description Who is in it from the start, the creator included; at most [`MOST_MEMBERS_AT_ONCE`]. More follow in `MEMBERS_ADDED`. */
            members: components["schemas"]["InitialMember"][];
            title?: components["schemas"]["ConversationTitle"] | null;
        };
        /** @description ULID of a conversation */
        ConversationId: string;
        /** @description Someone is invited into a conversation. */
        ConversationInvited: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Into which conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /**
         * @description `direct` (exactly two people; nobody joins or leaves) or `group` (a titled group with roles). A newer server may say another.
         * @example direct
         * @example group
         */
        ConversationKind: string;
        /** @description A user's conversations changed. */
        ConversationMembershipChanged: {
            actor_id?: components["schemas"]["UserId"] | null;
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Which conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description A new title. */
        ConversationRenamed: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Which. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The new title. */
            title: components["schemas"]["ConversationTitle"];
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
        /** @description A user set something for one conversation, on all their devices. */
        ConversationSettingsChanged: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description For which conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description All that is set for it now. */
            settings: components["schemas"]["ConversationSettings"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description title */
        ConversationTitle: string;
        /** @description An earlier message that is to be gone, for everyone. */
        DeleteMessage: {
            /** @description The client's own key for this deletion, as for a message. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Which message. */
            message_id: components["schemas"]["MessageId"];
        };
        /** @description Up to where somebody's devices have what the one who is told has sent. */
        DeliveredTo: {
            /** @description The newest message of the told one's own that they have. It only rises. */
            seq: components["schemas"]["Seq"];
            /** @description Whose devices. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description device name */
        DeviceName: string;
        /** @description display name */
        DisplayName: string;
        /** @description What a user is writing in a conversation changed: told at most every 5 s for each conversation, and never with its text. */
        DraftChanged: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was told, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
            /**
             * Format: int64
             * @description The draft's version: whose device has a lesser one reads it anew.
             */
            version: number;
        };
        /** @description What an earlier message of one's own says now. */
        EditMessage: {
            /** @description Its new text. */
            body: components["schemas"]["MessageBody"];
            /** @description The client's own key for this edit, as for a message. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Which message. */
            message_id: components["schemas"]["MessageId"];
        };
        /** @description emoji */
        Emoji: string;
        /**
         * @description A registered refusal.
         * @enum {string}
         */
        ErrorCode: "malformed_frame" | "frame_too_large" | "unknown_command" | "bad_id" | "bad_client_id" | "bad_position" | "invalid_field" | "empty_message" | "message_too_long" | "unsupported_body" | "hello_required" | "hello_twice" | "unauthenticated" | "token_expired" | "token_in_url" | "session_revoked" | "refresh_reused" | "bad_credentials" | "password_too_guessable" | "forbidden" | "origin_refused" | "not_member" | "unknown_user" | "unknown_session" | "not_found" | "method_not_allowed" | "unknown_message" | "message_gone" | "not_a_thread_root" | "not_sender" | "not_editable" | "bad_emoji" | "too_many_reactions" | "already_reacted" | "not_reacted" | "too_many_pins" | "already_pinned" | "not_pinned" | "conversation_too_large" | "delete_too_late" | "too_many_hidden" | "too_many_pinned" | "too_many_archived" | "too_many_drafts" | "too_many_scheduled" | "unknown_scheduled" | "already_sent" | "edit_too_late" | "too_many_edits" | "handle_taken" | "handle_reserved" | "group_full" | "direct_immutable" | "unknown_invitation" | "too_many_conversations" | "too_many_invitations" | "owner_must_hand_over" | "rate_limited" | "too_many_in_flight" | "quota_exceeded" | "log_full" | "too_many_connections" | "client_id_ahead" | "draining" | "busy" | "unavailable" | "outcome_unknown" | "internal";
        /** @description A refusal. */
        ErrorFrame: {
            client_id?: components["schemas"]["ClientId"] | null;
            /** @description The registered code. */
            code: components["schemas"]["ErrorCode"];
            /** @description For people; may change. */
            message: string;
            /**
             * Format: int64
             * @description When to try again.
             */
            retry_after_ms?: number | null;
            /** @description Whether the same request may succeed later without any change. */
            retryable: boolean;
        };
        /** @description ULID of a event */
        EventId: string;
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
        /** @description Everything up to the position was delivered; what follows is live. */
        frame_caught_up: {
            /** @description To be stored and handed back in the next hello. */
            position: string;
            /** @enum {string} */
            type: "caught_up";
        };
        frame_CONVERSATION_CREATED: components["schemas"]["EventPlace"] & components["schemas"]["ConversationCreated"] & {
            /** @constant */
            type: "CONVERSATION_CREATED";
        };
        frame_CONVERSATION_INVITED: components["schemas"]["EventPlace"] & components["schemas"]["ConversationInvited"] & {
            /** @constant */
            type: "CONVERSATION_INVITED";
        };
        frame_CONVERSATION_JOINED: components["schemas"]["EventPlace"] & components["schemas"]["ConversationMembershipChanged"] & {
            /** @constant */
            type: "CONVERSATION_JOINED";
        };
        frame_CONVERSATION_LEFT: components["schemas"]["EventPlace"] & components["schemas"]["ConversationMembershipChanged"] & {
            /** @constant */
            type: "CONVERSATION_LEFT";
        };
        frame_CONVERSATION_RENAMED: components["schemas"]["EventPlace"] & components["schemas"]["ConversationRenamed"] & {
            /** @constant */
            type: "CONVERSATION_RENAMED";
        };
        frame_CONVERSATION_SETTINGS_CHANGED: components["schemas"]["EventPlace"] & components["schemas"]["ConversationSettingsChanged"] & {
            /** @constant */
            type: "CONVERSATION_SETTINGS_CHANGED";
        };
        frame_delete_message: components["schemas"]["DeleteMessage"] & {
            /** @constant */
            type: "delete_message";
        };
        frame_DRAFT_CHANGED: components["schemas"]["EventPlace"] & components["schemas"]["DraftChanged"] & {
            /** @constant */
            type: "DRAFT_CHANGED";
        };
        frame_edit_message: components["schemas"]["EditMessage"] & {
            /** @constant */
            type: "edit_message";
        };
        /** @description A refusal, or an announcement of the close that follows. */
        frame_error: components["schemas"]["ErrorFrame"] & {
            /** @enum {string} */
            type: "error";
        };
        frame_hello: {
            /** @description The newest position the client has stored; opaque. */
            position?: string;
            /** @description An access token. */
            token: string;
            /** @constant */
            type: "hello";
        };
        frame_INVITATION_ENDED: components["schemas"]["EventPlace"] & components["schemas"]["ConversationMembershipChanged"] & {
            /** @constant */
            type: "INVITATION_ENDED";
        };
        frame_MEMBER_ADDED: components["schemas"]["EventPlace"] & components["schemas"]["MemberAdded"] & {
            /** @constant */
            type: "MEMBER_ADDED";
        };
        frame_MEMBER_REMOVED: components["schemas"]["EventPlace"] & components["schemas"]["MemberRemoved"] & {
            /** @constant */
            type: "MEMBER_REMOVED";
        };
        frame_MEMBERS_ADDED: components["schemas"]["EventPlace"] & components["schemas"]["MembersAdded"] & {
            /** @constant */
            type: "MEMBERS_ADDED";
        };
        frame_MEMBERS_REMOVED: components["schemas"]["EventPlace"] & components["schemas"]["MembersRemoved"] & {
            /** @constant */
            type: "MEMBERS_REMOVED";
        };
        /** @description The message, the edit or the deletion is in the log. */
        frame_message_ack: components["schemas"]["MessageAck"] & {
            /** @enum {string} */
            type: "message_ack";
        };
        frame_MESSAGE_EDITED: components["schemas"]["EventPlace"] & components["schemas"]["MessageEdited"] & {
            /** @constant */
            type: "MESSAGE_EDITED";
        };
        frame_MESSAGE_ERASED: components["schemas"]["EventPlace"] & components["schemas"]["MessageErased"] & {
            /** @constant */
            type: "MESSAGE_ERASED";
        };
        frame_MESSAGE_HIDDEN: components["schemas"]["EventPlace"] & components["schemas"]["MessageHidden"] & {
            /** @constant */
            type: "MESSAGE_HIDDEN";
        };
        frame_MESSAGE_PINNED: components["schemas"]["EventPlace"] & components["schemas"]["MessagePinned"] & {
            /** @constant */
            type: "MESSAGE_PINNED";
        };
        frame_MESSAGE_REACTED: components["schemas"]["EventPlace"] & components["schemas"]["MessageReacted"] & {
            /** @constant */
            type: "MESSAGE_REACTED";
        };
        frame_MESSAGE_SENT: components["schemas"]["EventPlace"] & components["schemas"]["MessageSent"] & {
            /** @constant */
            type: "MESSAGE_SENT";
        };
        frame_pin_message: components["schemas"]["PinMessage"] & {
            /** @constant */
            type: "pin_message";
        };
        frame_ping: {
            /** @description The newest position the client has stored; opaque. */
            position?: string;
            /** @constant */
            type: "ping";
        };
        /** @description Answers ping. */
        frame_pong: {
            /** @description Everything up to here was sent on this socket before this frame; absent before `caught_up`. */
            position?: string | null;
            /** @description The server's clock. */
            server_time_ms: components["schemas"]["i64"];
            /** @enum {string} */
            type: "pong";
        };
        frame_presence: components["schemas"]["SayPresence"] & {
            /** @constant */
            type: "presence";
        };
        frame_PROFILE_CHANGED: components["schemas"]["EventPlace"] & components["schemas"]["ProfileChanged"] & {
            /** @constant */
            type: "PROFILE_CHANGED";
        };
        /** @description Everything up to the position was delivered, and more of what was missed follows. */
        frame_progress: {
            /** @description To be stored and handed back in the next hello, should the socket end before `caught_up`. */
            position: string;
            /** @enum {string} */
            type: "progress";
        };
        frame_react: components["schemas"]["React"] & {
            /** @constant */
            type: "react";
        };
        frame_READ_MARK_MOVED: components["schemas"]["EventPlace"] & components["schemas"]["ReadMarkMoved"] & {
            /** @constant */
            type: "READ_MARK_MOVED";
        };
        /** @description What others have read, and have, in a conversation. Not an event: it has no `seq`, is not replayed, and may be lost. */
        frame_receipts: components["schemas"]["Receipts"] & {
            /** @enum {string} */
            type: "receipts";
        };
        frame_received: {
            conversations: components["schemas"]["ReceivedUpto"][];
            /** @constant */
            type: "received";
        };
        /** @description The gap cannot be filled event by event: reload over REST, then go on from `position`; `caught_up` follows. */
        frame_reset: {
            /** @description The place from which live events follow. */
            position: string;
            /** @description Why. */
            reason: components["schemas"]["ResetReason"];
            /** @enum {string} */
            type: "reset";
        };
        frame_ROLE_CHANGED: components["schemas"]["EventPlace"] & components["schemas"]["RoleChanged"] & {
            /** @constant */
            type: "ROLE_CHANGED";
        };
        frame_SCHEDULED_MESSAGE_CHANGED: components["schemas"]["EventPlace"] & components["schemas"]["ScheduledMessageChanged"] & {
            /** @constant */
            type: "SCHEDULED_MESSAGE_CHANGED";
        };
        frame_send_message: components["schemas"]["SendMessage"] & {
            /** @constant */
            type: "send_message";
        };
        frame_SESSION_REVOKED: components["schemas"]["EventPlace"] & components["schemas"]["SessionRevoked"] & {
            /** @constant */
            type: "SESSION_REVOKED";
        };
        frame_SESSION_STARTED: components["schemas"]["EventPlace"] & components["schemas"]["SessionStarted"] & {
            /** @constant */
            type: "SESSION_STARTED";
        };
        frame_SETTINGS_CHANGED: components["schemas"]["EventPlace"] & components["schemas"]["SettingsChanged"] & {
            /** @constant */
            type: "SETTINGS_CHANGED";
        };
        frame_THREAD_MARK_MOVED: components["schemas"]["EventPlace"] & components["schemas"]["ThreadMarkMoved"] & {
            /** @constant */
            type: "THREAD_MARK_MOVED";
        };
        frame_typing_start: {
            conversation_id: components["schemas"]["ConversationId"];
            /** @constant */
            type: "typing_start";
        };
        frame_typing_stop: {
            conversation_id: components["schemas"]["ConversationId"];
            /** @constant */
            type: "typing_stop";
        };
        /** @description How people are there whom one watches. Not an event: it has no `seq`, is not replayed, and may be lost. */
        frame_user_presence: components["schemas"]["Presence"] & {
            /** @enum {string} */
            type: "user_presence";
        };
        frame_USER_REGISTERED: components["schemas"]["EventPlace"] & components["schemas"]["UserRegistered"] & {
            /** @constant */
            type: "USER_REGISTERED";
        };
        frame_USER_SEEN: components["schemas"]["EventPlace"] & components["schemas"]["UserRegistered"] & {
            /** @constant */
            type: "USER_SEEN";
        };
        /** @description Somebody began or stopped typing. Not an event: it has no `seq`, is not replayed, and may be lost. */
        frame_user_typing: components["schemas"]["UserTyping"] & {
            /** @enum {string} */
            type: "user_typing";
        };
        frame_watch_presence: components["schemas"]["WatchPresence"] & {
            /** @constant */
            type: "watch_presence";
        };
        /** @description Answers hello. Catching up follows, and ends in `caught_up`. */
        frame_welcome: components["schemas"]["Welcome"] & {
            /** @enum {string} */
            type: "welcome";
        };
        /** Format: int64 */
        i64: number;
        /** @description One of the first members. */
        InitialMember: {
            /** @description As what. */
            role: components["schemas"]["Role"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Someone joined. */
        MemberAdded: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Direct or group; tells the new member what they joined. */
            kind: components["schemas"]["ConversationKind"];
            /** @description As what. */
            role: components["schemas"]["Role"];
            title?: components["schemas"]["ConversationTitle"] | null;
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Someone left or was removed. */
        MemberRemoved: {
            /** @description By whom; themselves when they left. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Several people joined. */
        MembersAdded: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Direct or group; tells the new members what they joined. */
            kind: components["schemas"]["ConversationKind"];
            /** @description As what. */
            role: components["schemas"]["Role"];
            title?: components["schemas"]["ConversationTitle"] | null;
            /** @description Who, without repeats; at most [`MOST_MEMBERS_AT_ONCE`]. */
            user_ids: components["schemas"]["UserId"][];
        };
        /** @description Several people were removed. */
        MembersRemoved: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Who, without repeats; at most [`MOST_MEMBERS_AT_ONCE`]. */
            user_ids: components["schemas"]["UserId"][];
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
        /** @description A message's sender said it anew. The edit with the greatest `seq` counts; one of a message whose content is gone never does. */
        MessageEdited: {
            /** @description By whom: the message's sender. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was accepted, by the accepting server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description What the message says now; `erased` when the message's content was erased later. */
            body: components["schemas"]["MessageBody"];
            /** @description The sender's own key for the edit. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The edited message. */
            message_id: components["schemas"]["MessageId"];
            /** @description The message's sequence in the shard. */
            message_seq: components["schemas"]["Seq"];
        };
        /**
         * @description A message's content was erased: somebody deleted it for everyone, or an operator did. Says what a tombstone needs, because the
         *     message is gone from the log.
         */
        MessageErased: {
            actor_client_id?: components["schemas"]["ClientId"] | null;
            actor_id?: components["schemas"]["UserId"] | null;
            /** @description When it was erased, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description The sender's key for the message. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The erased message. */
            message_id: components["schemas"]["MessageId"];
            message_prev?: components["schemas"]["Seq"] | null;
            /** @description The message's sequence in the shard. */
            message_seq: components["schemas"]["Seq"];
            /** @description The message's sender. */
            sender_id: components["schemas"]["UserId"];
            /** @description When the message was accepted, by the accepting server's clock. */
            sent_at_ms: components["schemas"]["i64"];
            /** @description When the stream stored the message, by the NATS server's clock. */
            stored_at_ms: components["schemas"]["i64"];
            thread?: components["schemas"]["ThreadRef"] | null;
        };
        /** @description A user hid a message from themselves. Everybody else goes on seeing it. */
        MessageHidden: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The hidden message. */
            message_id: components["schemas"]["MessageId"];
            /** @description The message's sequence in the shard. */
            message_seq: components["schemas"]["Seq"];
            /** @description From whom. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description ULID of a message */
        MessageId: string;
        /**
         * @description Somebody pinned a message in its conversation, or took that back. For each message the one with the greatest `seq` counts; those of a
         *     message whose content is gone do not.
         */
        MessagePinned: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was accepted, by the accepting server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Their own key for it. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The message. Members who came after it do not see it. */
            message_id: components["schemas"]["MessageId"];
            /** @description The message's sequence in the shard. */
            message_seq: components["schemas"]["Seq"];
            /** @description Whether it is pinned from now on; `false`: no longer. */
            on: boolean;
        };
        /**
         * @description Somebody reacted to a message, or takes that back. For each person and emoji the one with the greatest `seq` counts; those of a
         *     message whose content is gone do not.
         */
        MessageReacted: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was accepted, by the accepting server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Their own key for it. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description With what. */
            emoji: components["schemas"]["Emoji"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The message. */
            message_id: components["schemas"]["MessageId"];
            /** @description The message's sequence in the shard. */
            message_seq: components["schemas"]["Seq"];
            /** @description Whether they react so from now on; `false`: no longer. */
            on: boolean;
        };
        /** @description A message that another one refers to. Whoever shows it shows what it says now. */
        MessageRef: {
            /** @description Which, in the same conversation. */
            message_id: components["schemas"]["MessageId"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
        };
        /** @description A message was accepted. */
        MessageSent: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was accepted, by the accepting server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description What. */
            body: components["schemas"]["MessageBody"];
            /** @description The sender's own key, by which their devices match it to their outbox. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Minted by the server. It is the event's id, too. */
            message_id: components["schemas"]["MessageId"];
            reply_to?: components["schemas"]["MessageRef"] | null;
            thread?: components["schemas"]["ThreadRef"] | null;
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
        /** @description How one person is there. */
        PersonPresence: {
            conversation_id?: components["schemas"]["ConversationId"] | null;
            last_seen_ms?: components["schemas"]["i64"] | null;
            /** @description How. */
            state: components["schemas"]["PresenceState"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description A message that is to be pinned in its conversation, or no longer. */
        PinMessage: {
            /** @description The client's own key for this, as for a message. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Which message. */
            message_id: components["schemas"]["MessageId"];
            /** @description Whether it is pinned from now on; `false`: no longer. */
            on: boolean;
        };
        /**
         * @description How people are there whom one watches. Not an event: it has no `seq`, is not replayed, and may be lost; naming whom one watches
         *     tells everything anew.
         */
        Presence: {
            /** @description Those of whom there is news, at most 50. Who is not named has not changed. */
            people: components["schemas"]["PersonPresence"][];
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
        /** @description How others see a user changed. */
        ProfileChanged: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description The name that others see now. */
            display_name: components["schemas"]["DisplayName"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description A reaction to a message. */
        React: {
            /** @description The client's own key for this, as for a message. */
            client_id: components["schemas"]["ClientId"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description With what: one emoji. The server writes it in full. */
            emoji: components["schemas"]["Emoji"];
            /** @description Which message. */
            message_id: components["schemas"]["MessageId"];
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
        /** @description A user has read further. For each conversation the marks rise; one that moves often is told at most every 5 s. */
        ReadMarkMoved: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was told, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The sequence up to which they have read. */
            read_seq: components["schemas"]["Seq"];
            unread_from?: components["schemas"]["Seq"] | null;
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /**
         * @description What others have read, and have, in one conversation. Not an event: it has no `seq`, is not replayed, and may be lost. A client reads the
         *     whole state (`GET /v1/conversations/{id}/receipts`) after it connected and when it shows a conversation.
         */
        Receipts: {
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description People whose devices have more of what one has sent oneself. */
            delivered?: components["schemas"]["DeliveredTo"][];
            /** @description People who have read further; those who are not named have not changed. One's own may be among them. */
            read?: components["schemas"]["ReadBy"][];
        };
        /**
         * @description Up to where a device has what was said in a conversation. Because events come in the shard's order, it has everything of the shard
         *     up to there.
         */
        ReceivedUpto: {
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description The newest message of another's that the device has. */
            seq: components["schemas"]["Seq"];
        };
        /**
         * @description Why events cannot be replayed one by one.
         * @enum {string}
         */
        ResetReason: "epoch_changed" | "too_old" | "too_much" | "ahead_of_log" | "other";
        /**
         * @description `member` (reads and posts; may leave), `admin` (also renames, adds and removes) or `owner` (also appoints admins; one per group). A newer server may say another, which allows no more than `member` as far as this version knows.
         * @example member
         * @example admin
         * @example owner
         */
        Role: string;
        /** @description A role changed. */
        RoleChanged: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description The new role. */
            role: components["schemas"]["Role"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description What a device says of the person before it. */
        SayPresence: {
            conversation_id?: components["schemas"]["ConversationId"] | null;
            /** @description Whether they use it. */
            state: components["schemas"]["Activity"];
        };
        /** @description What became of a message that a user wants sent later. What it says is not here: the log would keep it for 30 days. */
        ScheduledMessageChanged: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description The author's key for it. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where it is to be sent. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            refusal?: components["schemas"]["ErrorCode"] | null;
            /** @description When it is, or was, to be sent, in milliseconds since 1970. */
            send_at_ms: components["schemas"]["i64"];
            /** @description How it is doing now. */
            state: components["schemas"]["ScheduledState"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
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
        /** @description A message to send. */
        SendMessage: {
            /** @description What. */
            body: components["schemas"]["MessageBody"];
            /** @description The client's own key for this send; the same key gives the same message and the original ack for 30 days. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where to. */
            conversation_id: components["schemas"]["ConversationId"];
            reply_to?: components["schemas"]["MessageId"] | null;
            thread?: components["schemas"]["MessageId"] | null;
        };
        /**
         * Format: int64
         * @description A stream's sequence number: the order of everything in one shard. The first event has 1; 0 stands before it.
         */
        Seq: number;
        ServerFrame: components["schemas"]["frame_welcome"] | components["schemas"]["frame_message_ack"] | components["schemas"]["frame_user_typing"] | components["schemas"]["frame_receipts"] | components["schemas"]["frame_user_presence"] | components["schemas"]["frame_progress"] | components["schemas"]["frame_caught_up"] | components["schemas"]["frame_reset"] | components["schemas"]["frame_pong"] | components["schemas"]["frame_error"] | components["schemas"]["frame_MESSAGE_SENT"] | components["schemas"]["frame_CONVERSATION_CREATED"] | components["schemas"]["frame_MEMBER_ADDED"] | components["schemas"]["frame_MEMBER_REMOVED"] | components["schemas"]["frame_MEMBERS_ADDED"] | components["schemas"]["frame_MEMBERS_REMOVED"] | components["schemas"]["frame_CONVERSATION_RENAMED"] | components["schemas"]["frame_ROLE_CHANGED"] | components["schemas"]["frame_MESSAGE_EDITED"] | components["schemas"]["frame_MESSAGE_ERASED"] | components["schemas"]["frame_MESSAGE_REACTED"] | components["schemas"]["frame_MESSAGE_PINNED"] | components["schemas"]["frame_USER_REGISTERED"] | components["schemas"]["frame_USER_SEEN"] | components["schemas"]["frame_CONVERSATION_JOINED"] | components["schemas"]["frame_CONVERSATION_LEFT"] | components["schemas"]["frame_CONVERSATION_INVITED"] | components["schemas"]["frame_INVITATION_ENDED"] | components["schemas"]["frame_SESSION_REVOKED"] | components["schemas"]["frame_SESSION_STARTED"] | components["schemas"]["frame_PROFILE_CHANGED"] | components["schemas"]["frame_READ_MARK_MOVED"] | components["schemas"]["frame_THREAD_MARK_MOVED"] | components["schemas"]["frame_SETTINGS_CHANGED"] | components["schemas"]["frame_MESSAGE_HIDDEN"] | components["schemas"]["frame_CONVERSATION_SETTINGS_CHANGED"] | components["schemas"]["frame_DRAFT_CHANGED"] | components["schemas"]["frame_SCHEDULED_MESSAGE_CHANGED"];
        /** @description ULID of a session */
        SessionId: string;
        /** @description A device's session ended. */
        SessionRevoked: {
            actor_id?: components["schemas"]["UserId"] | null;
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Which. */
            session_id: components["schemas"]["SessionId"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description A device logged in. */
        SessionStarted: {
            actor_id?: components["schemas"]["UserId"] | null;
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description What the person calls the device. */
            device_name: components["schemas"]["DeviceName"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Which. */
            session_id: components["schemas"]["SessionId"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description A user set something for all their devices. What it does not name is as it was. */
        SettingsChanged: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            availability?: components["schemas"]["Availability"] | null;
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            presence_to?: components["schemas"]["PresenceAudience"] | null;
            /** @description Whether the user tells others what they have read, and is told of others. */
            read_receipts?: boolean | null;
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /**
         * Format: int32
         * @description One stream of the log. A conversation lives on one shard for life.
         */
        ShardId: number;
        /**
         * @description A user follows a thread or no longer does, or has read further in one. Of one thread the event with the greatest `seq` counts; a mark
         *     that moves often is told at most every 5 s. One's own replies move it, too, and are not told apart.
         */
        ThreadMarkMoved: {
            /** @description By whom. */
            actor_id: components["schemas"]["UserId"];
            /** @description When it was told, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Whether they follow it. */
            following: boolean;
            /** @description The sequence up to which they have read it. */
            read_seq: components["schemas"]["Seq"];
            /** @description The thread's root. */
            thread: components["schemas"]["MessageRef"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
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
        /**
         * @description `typing` (they write something, until `until_ms`) or `stopped`. A newer server may say another.
         * @example typing
         * @example stopped
         */
        TypingState: string;
        /** @description ULID of a user */
        UserId: string;
        /** @description An account exists. */
        UserRegistered: {
            actor_id?: components["schemas"]["UserId"] | null;
            /** @description When, by the deciding server's clock. */
            at_ms: components["schemas"]["i64"];
            /** @description Identifies the event. */
            event_id: components["schemas"]["EventId"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Somebody began or stopped typing. Not an event: it has no `seq`, is not replayed, and may be lost. */
        UserTyping: {
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description What they do. */
            state: components["schemas"]["TypingState"];
            until_ms?: components["schemas"]["i64"] | null;
            /** @description Who. Never oneself. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Whom a device shows, in place of those whom it named before. */
        WatchPresence: {
            /** @description At most [`MOST_WATCHED`]. */
            users: components["schemas"]["UserId"][];
        };
        /** @description Answers hello. */
        Welcome: {
            /**
             * Format: int64
             * @description Send something at least this often, or the socket closes as `idle_timeout`.
             */
            idle_timeout_ms: number;
            /**
             * Format: int32
             * @description Sends without an ack that one socket may have.
             */
            max_in_flight: number;
            /** @description The server's clock: `client_id`s that are ULIDs are minted with it, whatever the device's clock says. */
            server_time_ms: components["schemas"]["i64"];
            /** @description Which of their devices. */
            session_id: components["schemas"]["SessionId"];
            /** @description Who the token says this is. */
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
export type operations = Record<string, never>;
