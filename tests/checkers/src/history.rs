//! What a run records. Users, devices and conversations ("rooms") are small numbers; times are microseconds of one clock that
//! never goes back; sequences are the log's and rise over its epochs.

/// The "room" that a user's own subject counts as: no conversation has its number.
pub const fn own_room(user: u32) -> u32 {
    1 << 31 | user
}

/// What became of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// None: the outcome is unknown, not failed.
    None,
    /// It was acknowledged.
    Acked {
        /// Its place.
        seq: u64,
        /// When.
        at_us: u64,
    },
    /// The server said no to the only attempt: the message must not exist.
    Refused {
        /// When.
        at_us: u64,
    },
}

/// Sends with this line promise no order among themselves.
pub const NO_LINE: u32 = u32::MAX;

/// One call to send. Retries of the same call are not recorded; the same key from another device is a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The user.
    pub sender: u32,
    /// The device, for orders and reports.
    pub device: u32,
    /// The conversation.
    pub room: u32,
    /// The sender's key.
    pub key: u64,
    /// Sends of one device and line were made one after the other; see [`NO_LINE`].
    pub line: u32,
    /// When.
    pub called_us: u64,
    /// The outcome.
    pub answer: Answer,
}

/// What a device was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A message.
    Message {
        /// By whom.
        sender: u32,
        /// With which key.
        key: u64,
        /// Whether its content is what was sent with that key.
        intact: bool,
    },
    /// Somebody joined.
    Added {
        /// Who.
        user: u32,
    },
    /// Somebody left or was removed.
    Removed {
        /// Who.
        user: u32,
    },
    /// The conversation began.
    Created,
    /// Something else about it changed.
    Changed,
    /// A marker: not everything missed will come; what follows was reloaded, up to the next live event.
    Reset,
    /// A marker: the device crashed and came back with what its disk held; events since then may come again.
    Restarted,
}

/// One event as a device got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Where; meaningless for markers.
    pub room: u32,
    /// Its place.
    pub seq: u64,
    /// The place of the event before it in the conversation, if it was said.
    pub prev: Option<u64>,
    /// What.
    pub what: What,
    /// When.
    pub at_us: u64,
    /// Which epoch of the log it came from, as far as the device could know.
    pub epoch: u16,
    /// Read over REST after a reset, not told live.
    pub reloaded: bool,
}

/// One device's whole story.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// Whose.
    pub user: u32,
    /// In order of arrival.
    pub events: Vec<Seen>,
    /// It ended the run connected and with time to catch up, so it has to have everything.
    pub complete: bool,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub seq: u64,
    /// The conversation.
    pub room: u32,
    /// What.
    pub what: LoggedWhat,
}

/// What an event of the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedWhat {
    /// A message.
    Message {
        /// By whom.
        sender: u32,
        /// With which key.
        key: u64,
        /// Whether its content is what was sent with that key.
        intact: bool,
    },
    /// The conversation began with these members.
    Created {
        /// Everybody in it from the start.
        members: Vec<u32>,
    },
    /// Somebody joined.
    Added {
        /// Who.
        user: u32,
    },
    /// Somebody left or was removed.
    Removed {
        /// Who.
        user: u32,
    },
    /// Several people joined at once.
    AddedAll {
        /// Who.
        users: Vec<u32>,
    },
    /// Several people were removed at once.
    RemovedAll {
        /// Who.
        users: Vec<u32>,
    },
    /// Something else.
    Changed,
    /// Something on a user's own subject; the room is [`own_room`].
    Own {
        /// Whose.
        user: u32,
    },
}

/// A message as a reader of the end state gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The conversation.
    pub room: u32,
    /// Its place.
    pub seq: u64,
    /// The place of the event before it, if it was said.
    pub prev: Option<u64>,
    /// By whom.
    pub sender: u32,
    /// With which key.
    pub key: u64,
}

/// A read of the history after an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBack {
    /// Where.
    pub room: u32,
    /// What was acknowledged.
    pub seq: u64,
    /// When.
    pub acked_us: u64,
    /// When the read began.
    pub called_us: u64,
    /// Whether the answer had it.
    pub found: bool,
}

/// A membership change that was answered with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipCall {
    /// Where.
    pub room: u32,
    /// Who.
    pub user: u32,
    /// Added or removed.
    pub added: bool,
    /// When it was asked for.
    pub called_us: u64,
    /// When it was answered.
    pub answered_us: u64,
}

/// A delivered or read mark as somebody saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Which device saw it.
    pub observer: u32,
    /// Whose mark.
    pub reader: u32,
    /// Where.
    pub room: u32,
    /// Delivered up to here.
    pub delivered: u64,
    /// Read up to here.
    pub read: u64,
    /// When.
    pub at_us: u64,
}

/// An attempt to read an acknowledged message some time later, by the log's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionProbe {
    /// Which.
    pub seq: u64,
    /// How old it was.
    pub age_ms: u64,
    /// How long it is kept.
    pub kept_ms: u64,
    /// How much later than that it may still be there.
    pub slack_ms: u64,
    /// Whether it was.
    pub found: bool,
}

/// A deletion that was answered with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// Where.
    pub room: u32,
    /// Which message.
    pub seq: u64,
    /// When it was answered.
    pub at_us: u64,
}

/// What the log says became of a message: an edit of its sender's, or its deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amendment {
    /// Where.
    pub room: u32,
    /// The place of the edit or deletion.
    pub seq: u64,
    /// The message's place.
    pub message: u64,
    /// A checksum of what it says from now on; `None` when it says nothing any more.
    pub text: Option<u64>,
}

/// What somebody learned that a message says, other than as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub room: u32,
    /// The message's place.
    pub message: u64,
    /// The place of the edit that says so; 0 when its content is gone.
    pub by: u64,
    /// A checksum of it; `None` when its content is gone.
    pub text: Option<u64>,
}

/// A person's reaction to a message with an emoji.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reaction {
    /// Where.
    pub room: u32,
    /// The message's place.
    pub message: u64,
    /// Whose.
    pub user: u32,
    /// With which emoji.
    pub emoji: u32,
}

/// What somebody said about a reaction of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reacted {
    /// Its place.
    pub seq: u64,
    /// Which reaction.
    pub of: Reaction,
    /// Whether it stands from now on.
    pub on: bool,
}

/// A fault, as liveness is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disturbance {
    /// Its name.
    pub fault: String,
    /// When everything was as before.
    pub healed_us: u64,
    /// When sending worked again everywhere; `None` when it did not in time.
    pub recovered_us: Option<u64>,
}

/// Everything about a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Every send.
    pub sends: Vec<Sent>,
    /// Every device.
    pub devices: Vec<Device>,
    /// Where the log ended when every device was live: what lies on users' own subjects behind it, each of their devices has to get.
    pub own_from: u64,
    /// The log at the end, after those of earlier epochs; ascending.
    pub log: Vec<Logged>,
    /// Messages in Postgres.
    pub rows: Vec<Row>,
    /// Events of all kinds in Postgres: room, place, place of the one before.
    pub events: Vec<(u32, u64, Option<u64>)>,
    /// Messages over REST, per room that was read.
    pub histories: Vec<(u32, Vec<Row>)>,
    /// Reads after acknowledgements.
    pub reads: Vec<ReadBack>,
    /// Membership changes.
    pub membership: Vec<MembershipCall>,
    /// Marks.
    pub receipts: Vec<Receipt>,
    /// Reads long after.
    pub retention: Vec<RetentionProbe>,
    /// Deletions.
    pub deletions: Vec<Deletion>,
    /// What the log says became of messages, ascending.
    pub amendments: Vec<Amendment>,
    /// What each device learned of that, by device, in order.
    pub said: Vec<(usize, Said)>,
    /// What histories over REST say in the end of messages that are not as they were sent; of these rooms.
    pub said_in_history: Vec<(u32, Vec<Said>)>,
    /// What the log says of reactions, ascending.
    pub reacted: Vec<Reacted>,
    /// What each device was told of that, by device.
    pub heard: Vec<(usize, Reacted)>,
    /// Reactions that histories over REST show in the end, of these rooms.
    pub reactions_in_history: Vec<(u32, Vec<Reaction>)>,
    /// Faults.
    pub disturbances: Vec<Disturbance>,
}
