// Generated from docs/asyncapi.json by `npm run generate`. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description client_id */
        ClientId: string;
        Command: components["schemas"]["frame_hello"] | components["schemas"]["frame_send_message"] | components["schemas"]["frame_ping"];
        /** @description What changed about a conversation. */
        ConversationChange: {
            /** @description What it is. */
            conversation: components["schemas"]["ConversationSummary"];
            /** @enum {string} */
            kind: "created";
        } | {
            /** @enum {string} */
            kind: "renamed";
            /** @description The new one. */
            title: components["schemas"]["ConversationTitle"];
        } | {
            /** @enum {string} */
            kind: "role_changed";
            /** @description The new one. */
            role: components["schemas"]["Role"];
            /** @description Whose. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description ULID of a conversation */
        ConversationId: string;
        /**
         * @description `direct` (exactly two people; nobody joins or leaves) or `group` (a titled group with roles). A newer server may say another.
         * @example direct
         * @example group
         */
        ConversationKind: string;
        /** @description What a list needs to show a conversation. */
        ConversationSummary: {
            /** @description Direct or group. */
            kind: components["schemas"]["ConversationKind"];
            title?: components["schemas"]["ConversationTitle"] | null;
        };
        /** @description title */
        ConversationTitle: string;
        /** @description A conversation began or changed. */
        ConversationUpdated: {
            /** @description When. */
            at_ms: components["schemas"]["i64"];
            /** @description By whom. */
            by: components["schemas"]["UserId"];
            /** @description What changed. */
            change: components["schemas"]["ConversationChange"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
        };
        /**
         * @description A registered refusal.
         * @enum {string}
         */
        ErrorCode: "malformed_frame" | "frame_too_large" | "unknown_command" | "bad_id" | "bad_client_id" | "bad_position" | "invalid_field" | "empty_message" | "message_too_long" | "unsupported_body" | "hello_required" | "hello_twice" | "unauthenticated" | "token_expired" | "token_in_url" | "session_revoked" | "refresh_reused" | "bad_credentials" | "password_too_guessable" | "forbidden" | "origin_refused" | "not_member" | "unknown_user" | "unknown_session" | "not_found" | "method_not_allowed" | "handle_taken" | "handle_reserved" | "group_full" | "direct_immutable" | "unknown_invitation" | "too_many_conversations" | "too_many_invitations" | "owner_must_hand_over" | "rate_limited" | "too_many_in_flight" | "quota_exceeded" | "log_full" | "too_many_connections" | "client_id_ahead" | "draining" | "busy" | "unavailable" | "outcome_unknown" | "internal";
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
        /** @description Everything up to the position was delivered; what follows is live. */
        frame_caught_up: {
            /** @description To be stored and handed back in the next hello. */
            position: string;
            /** @enum {string} */
            type: "caught_up";
        };
        frame_conversation_updated: (components["schemas"]["ConversationUpdated"] & {
            /** @enum {string} */
            type: "conversation_updated";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
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
        frame_member_added: (components["schemas"]["MemberAddedFrame"] & {
            /** @enum {string} */
            type: "member_added";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
        };
        frame_member_removed: (components["schemas"]["MemberRemovedFrame"] & {
            /** @enum {string} */
            type: "member_removed";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
        };
        frame_members_added: (components["schemas"]["MembersAddedFrame"] & {
            /** @enum {string} */
            type: "members_added";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
        };
        frame_members_removed: (components["schemas"]["MembersRemovedFrame"] & {
            /** @enum {string} */
            type: "members_removed";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
        };
        /** @description The message is in the log. */
        frame_message_ack: components["schemas"]["MessageAck"] & {
            /** @enum {string} */
            type: "message_ack";
        };
        frame_message_erased: (components["schemas"]["MessageErasedFrame"] & {
            /** @enum {string} */
            type: "message_erased";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
        };
        frame_new_message: (components["schemas"]["Message"] & {
            /** @enum {string} */
            type: "new_message";
        }) & {
            /** @description The run of events in which each names the one before it: `c:<conversation>`. */
            chain: string;
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
        /** @description Everything up to the position was delivered, and more of what was missed follows. */
        frame_progress: {
            /** @description To be stored and handed back in the next hello, should the socket end before `caught_up`. */
            position: string;
            /** @enum {string} */
            type: "progress";
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
        frame_send_message: components["schemas"]["SendMessage"] & {
            /** @constant */
            type: "send_message";
        };
        /** @description Answers hello. Catching up follows, and ends in `caught_up`. */
        frame_welcome: components["schemas"]["Welcome"] & {
            /** @enum {string} */
            type: "welcome";
        };
        /** Format: int64 */
        i64: number;
        /** @description Someone joined. */
        MemberAddedFrame: {
            /** @description By whom. */
            added_by: components["schemas"]["UserId"];
            /** @description When. */
            at_ms: components["schemas"]["i64"];
            /** @description What they joined. */
            conversation: components["schemas"]["ConversationSummary"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description As what. */
            role: components["schemas"]["Role"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Someone left or was removed. */
        MemberRemovedFrame: {
            /** @description When. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description By whom; themselves when they left. */
            removed_by: components["schemas"]["UserId"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
            /** @description Who. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description Several people joined. */
        MembersAddedFrame: {
            /** @description By whom. */
            added_by: components["schemas"]["UserId"];
            /** @description When. */
            at_ms: components["schemas"]["i64"];
            /** @description What they joined. */
            conversation: components["schemas"]["ConversationSummary"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description As what. */
            role: components["schemas"]["Role"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
            /** @description Who; at most 500. */
            user_ids: components["schemas"]["UserId"][];
        };
        /** @description Several people were removed. */
        MembersRemovedFrame: {
            /** @description When. */
            at_ms: components["schemas"]["i64"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description By whom. */
            removed_by: components["schemas"]["UserId"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
            /** @description Who; at most 500. */
            user_ids: components["schemas"]["UserId"][];
        };
        /** @description A message. */
        Message: {
            /** @description What. */
            body: components["schemas"]["MessageBody"];
            /** @description The sender's key, by which their devices match it to their outbox. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Which. */
            message_id: components["schemas"]["MessageId"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description By whom. */
            sender_id: components["schemas"]["UserId"];
            /** @description When it was accepted. */
            sent_at_ms: components["schemas"]["i64"];
            /** @description Its place in the order. */
            seq: components["schemas"]["Seq"];
        };
        /** @description A message is in the log. */
        MessageAck: {
            /** @description The client's key. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description Minted by the server; the original one when the key had been used before. */
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
        /** @description A message's content was erased. */
        MessageErasedFrame: {
            /** @description When it was erased. */
            at_ms: components["schemas"]["i64"];
            /** @description The message's conversation. */
            conversation_id: components["schemas"]["ConversationId"];
            /** @description The erased message. */
            message_id: components["schemas"]["MessageId"];
            /** @description The sequence of the erased message. */
            message_seq: components["schemas"]["Seq"];
            prev?: components["schemas"]["Seq"] | null;
            /** @description The sequence of this event. */
            seq: components["schemas"]["Seq"];
        };
        /** @description ULID of a message */
        MessageId: string;
        /** @description text */
        MessageText: string;
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
        /** @description A message to send. */
        SendMessage: {
            /** @description What. */
            body: components["schemas"]["MessageBody"];
            /** @description The client's own key for this send; the same key gives the same message and the original ack for 30 days. */
            client_id: components["schemas"]["ClientId"];
            /** @description Where to. */
            conversation_id: components["schemas"]["ConversationId"];
        };
        /**
         * Format: int64
         * @description A stream's sequence number: the order of everything in one shard. The first event has 1; 0 stands before it.
         */
        Seq: number;
        ServerFrame: components["schemas"]["frame_welcome"] | components["schemas"]["frame_message_ack"] | components["schemas"]["frame_new_message"] | components["schemas"]["frame_member_added"] | components["schemas"]["frame_member_removed"] | components["schemas"]["frame_members_added"] | components["schemas"]["frame_members_removed"] | components["schemas"]["frame_conversation_updated"] | components["schemas"]["frame_message_erased"] | components["schemas"]["frame_progress"] | components["schemas"]["frame_caught_up"] | components["schemas"]["frame_reset"] | components["schemas"]["frame_pong"] | components["schemas"]["frame_error"];
        /** @description ULID of a session */
        SessionId: string;
        /** @description ULID of a user */
        UserId: string;
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
