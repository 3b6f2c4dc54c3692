//! What is typed.

use relay_protocol::presence::{Availability, PresenceAudience};
use relay_types::{ConversationTitle, Handle, MessageText};

/// A line of input, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Empty,
    /// A message to the present conversation.
    Say(MessageText),
    Direct(Handle),
    Group(ConversationTitle, Vec<Handle>),
    List,
    Switch(usize),
    /// An answer to a message: that of a number, or the newest of another.
    Reply(Option<usize>, MessageText),
    /// Something in the thread under a message: that of a number, or the newest of another.
    Thread(Option<usize>, MessageText),
    /// What stands in the thread under the message of that number.
    ShowThread(usize),
    /// A message of one's own anew: that of a number, or the last one.
    Edit(Option<usize>, MessageText),
    /// A message that is to be gone for everyone: that of a number, or one's last one.
    Delete(Option<usize>),
    /// A message that one wants to see no more.
    DeleteForMe(usize),
    /// A reaction to the message of that number, or that it is taken back.
    React(usize, String, bool),
    /// The message of that number pinned in the conversation, or no longer.
    Pin(usize, bool),
    /// What is pinned in the conversation.
    Pins,
    /// What a message said before.
    Versions(usize),
    /// Who has read a message.
    Readers(usize),
    /// Who has a message, who has read it, and when.
    Details(usize),
    /// Whether one tells others what one has read, and is told of others.
    Receipts(bool),
    /// Messages by what they say; without words, more of the last search.
    Search(Option<String>),
    /// How one wants to be seen.
    Status(Availability),
    /// Whom one tells whether one is there.
    SeenBy(PresenceAudience),
    Members,
    History(u16),
    Rename(ConversationTitle),
    Add(Handle),
    Remove(Handle),
    Leave,
    Invitations,
    Accept(usize),
    Decline(usize),
    Quit,
    Help,
}

impl Input {
    /// Whether it is about the conversation one is in.
    pub const fn needs_target(&self) -> bool {
        match self {
            Self::Say(_)
            | Self::Reply(..)
            | Self::Thread(..)
            | Self::ShowThread(_)
            | Self::Edit(..)
            | Self::Delete(_)
            | Self::DeleteForMe(_)
            | Self::React(..)
            | Self::Pin(..)
            | Self::Pins
            | Self::Versions(_)
            | Self::Readers(_)
            | Self::Details(_)
            | Self::Members
            | Self::History(_)
            | Self::Rename(_)
            | Self::Add(_)
            | Self::Remove(_)
            | Self::Leave => true,
            Self::Empty
            | Self::Direct(_)
            | Self::Group(..)
            | Self::List
            | Self::Switch(_)
            | Self::Invitations
            | Self::Accept(_)
            | Self::Decline(_)
            | Self::Receipts(_)
            | Self::Search(_)
            | Self::Status(_)
            | Self::SeenBy(_)
            | Self::Quit
            | Self::Help => false,
        }
    }
}

/// Shown by `/help`.
pub const HELP: &str = "\
/dm <handle>                 talk to one person
/group <title> <handles…>    make a group (quote a title of several words)
/list                        your conversations
/switch <n>                  talk in conversation n of the list shown last
/members                     who is here
/history [n]                 the last n messages (20), with their numbers
/reply [#n] <text>           answer message n of them, or the newest of another
/thread [#n] <text>          say something in the thread under message n of them, or the newest of another
/thread #n                   what stands in the thread under message n of them
/edit [#n] <text>            change your message n of them, or your last one
/delete [#n]                 delete message n of them, or your last one, for everyone
/delete-for-me #n            see message n of them no more
/react #n <emoji>            react to message n of them; /unreact takes it back
/pin #n, /unpin #n           pin message n of them for everyone, or take that back
/pins                        what is pinned here
/versions #n                 what message n of them said before
/readers #n                  who has read message n of them
/details #n                  who has message n of them, who has read it, and when
/search <words>              find messages; also from: in: before: after: has:
/search                      more of the last search
/rename <title>              rename this group
/add <handle>                add someone to this group
/remove <handle>             remove someone from this group
/leave                       leave this group
/invitations                 groups you are invited into
/accept <n>, /decline <n>    answer invitation n of them
/receipts on, /receipts off  tell others what you have read, and be told; or neither
/status <how>                be available, busy (do not disturb) or invisible
/seen-by <whom>              tell everybody, contacts or nobody that you are there
/quit                        leave the chat; also Ctrl-D, or Ctrl-C on an empty line
//text                       a message that begins with a slash";

/// Reads one line; what is wrong with it, in words, otherwise.
pub fn parse(line: &str) -> Result<Input, String> {
    let line = line.trim_end_matches(['\n', '\r']);
    if line.trim().is_empty() {
        return Ok(Input::Empty);
    }
    let Some(command) = line.strip_prefix('/') else { return say(line) };
    if command.starts_with('/') {
        return say(command);
    }
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    match name {
        "dm" => Ok(Input::Direct(parsed(rest, "/dm <handle>")?)),
        "group" => group(rest),
        "list" => Ok(Input::List),
        "switch" => Ok(Input::Switch(parsed(rest, "/switch <number of the list>")?)),
        "members" => Ok(Input::Members),
        "history" if rest.is_empty() => Ok(Input::History(20)),
        "history" => Ok(Input::History(parsed::<u16>(rest, "/history [1 to 200]")?.clamp(1, 200))),
        "reply" => about(rest, "/reply [#number] <text>").map(|(number, text)| Input::Reply(number, text)),
        "thread" if numbered(rest, "").is_ok() && rest.starts_with('#') => {
            numbered(rest, "/thread #<number of the history>").map(Input::ShowThread)
        }
        "thread" => about(rest, "/thread [#number] <text>").map(|(number, text)| Input::Thread(number, text)),
        "edit" => about(rest, "/edit [#number] <text>").map(|(number, text)| Input::Edit(number, text)),
        "react" => reaction(rest, "/react #<number of the history> <emoji>").map(|(number, emoji)| Input::React(number, emoji, true)),
        "unreact" => reaction(rest, "/unreact #<number of the history> <emoji>").map(|(number, emoji)| Input::React(number, emoji, false)),
        "pin" => numbered(rest, "/pin #<number of the history>").map(|number| Input::Pin(number, true)),
        "unpin" => numbered(rest, "/unpin #<number of the history>").map(|number| Input::Pin(number, false)),
        "pins" => Ok(Input::Pins),
        "delete" if rest.is_empty() => Ok(Input::Delete(None)),
        "delete" => numbered(rest, "/delete [#number of the history]").map(|number| Input::Delete(Some(number))),
        "delete-for-me" => numbered(rest, "/delete-for-me #<number of the history>").map(Input::DeleteForMe),
        "versions" => numbered(rest, "/versions #<number of the history>").map(Input::Versions),
        "readers" => numbered(rest, "/readers #<number of the history>").map(Input::Readers),
        "details" => numbered(rest, "/details #<number of the history>").map(Input::Details),
        "receipts" => match rest {
            "on" => Ok(Input::Receipts(true)),
            "off" => Ok(Input::Receipts(false)),
            _ => Err("/receipts on, or /receipts off".to_owned()),
        },
        "search" => Ok(Input::Search((!rest.is_empty()).then(|| rest.to_owned()))),
        "status" => match rest {
            "available" => Ok(Input::Status(Availability::Available)),
            "busy" => Ok(Input::Status(Availability::DoNotDisturb)),
            "invisible" => Ok(Input::Status(Availability::Invisible)),
            _ => Err("/status available, /status busy, or /status invisible".to_owned()),
        },
        "seen-by" => match rest {
            "everybody" => Ok(Input::SeenBy(PresenceAudience::Everybody)),
            "contacts" => Ok(Input::SeenBy(PresenceAudience::Contacts)),
            "nobody" => Ok(Input::SeenBy(PresenceAudience::Nobody)),
            _ => Err("/seen-by everybody, /seen-by contacts, or /seen-by nobody".to_owned()),
        },
        "rename" => Ok(Input::Rename(parsed(rest.trim_matches('"'), "/rename <title>")?)),
        "add" => Ok(Input::Add(parsed(rest, "/add <handle>")?)),
        "remove" => Ok(Input::Remove(parsed(rest, "/remove <handle>")?)),
        "leave" => Ok(Input::Leave),
        "invitations" => Ok(Input::Invitations),
        "accept" => Ok(Input::Accept(parsed(rest, "/accept <number of the invitations>")?)),
        "decline" => Ok(Input::Decline(parsed(rest, "/decline <number of the invitations>")?)),
        "quit" | "exit" | "q" => Ok(Input::Quit),
        "help" | "?" => Ok(Input::Help),
        _ => Err("no such command; /help lists them".to_owned()),
    }
}

fn say(text: &str) -> Result<Input, String> {
    text.parse().map(Input::Say).map_err(|error: relay_types::TextError| error.to_string())
}

/// A text, and the number of the message that it is about, if one is named.
fn about(rest: &str, usage: &str) -> Result<(Option<usize>, MessageText), String> {
    let (number, text) = match rest.strip_prefix('#').map(|numbered| numbered.split_once(char::is_whitespace).unwrap_or((numbered, ""))) {
        Some((number, text)) if number.bytes().all(|digit| digit.is_ascii_digit()) => (Some(parsed(number, usage)?), text.trim()),
        _ => (None, rest),
    };
    Ok((number, parsed(text, usage)?))
}

/// The number of a message, and an emoji: the server says whether it is one.
fn reaction(rest: &str, usage: &str) -> Result<(usize, String), String> {
    let (number, emoji) = rest.split_once(char::is_whitespace).ok_or_else(|| format!("an emoji is missing: {usage}"))?;
    Ok((numbered(number, usage)?, emoji.trim().to_owned()))
}

/// The number of a message.
fn numbered(rest: &str, usage: &str) -> Result<usize, String> {
    parsed(rest.trim_start_matches('#'), usage)
}

fn group(rest: &str) -> Result<Input, String> {
    let usage = "/group <title> <handles…>";
    let (title, handles) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or_else(|| format!("the title's closing quote is missing: {usage}"))?,
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    let handles = handles.split_whitespace().map(|handle| parsed(handle, usage)).collect::<Result<_, _>>()?;
    Ok(Input::Group(parsed(title, usage)?, handles))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str, usage: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{error}: {usage}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let handle = |text: &str| text.parse::<Handle>().unwrap();
        assert_eq!(parse("  \n"), Ok(Input::Empty));
        assert_eq!(parse("hello there\n"), Ok(Input::Say("hello there".parse().unwrap())));
        assert_eq!(parse("//etc"), Ok(Input::Say("/etc".parse().unwrap())));
        assert_eq!(parse("/dm bob"), Ok(Input::Direct(handle("bob"))));
        assert_eq!(
            parse("/group \"our team\" bob carol"),
            Ok(Input::Group("our team".parse().unwrap(), vec![handle("bob"), handle("carol")]))
        );
        assert_eq!(parse("/group team"), Ok(Input::Group("team".parse().unwrap(), vec![])));
        assert_eq!(parse("/reply yes, #2"), Ok(Input::Reply(None, "yes, #2".parse().unwrap())));
        assert_eq!(parse("/reply #2 yes"), Ok(Input::Reply(Some(2), "yes".parse().unwrap())));
        assert_eq!(parse("/reply #topic is fine"), Ok(Input::Reply(None, "#topic is fine".parse().unwrap())));
        assert_eq!(parse("/edit better"), Ok(Input::Edit(None, "better".parse().unwrap())));
        assert_eq!(parse("/versions #3"), Ok(Input::Versions(3)));
        assert_eq!(parse("/readers #3"), Ok(Input::Readers(3)));
        assert_eq!(parse("/details #3"), Ok(Input::Details(3)));
        assert_eq!(parse("/receipts off"), Ok(Input::Receipts(false)));
        assert_eq!(parse("/status busy"), Ok(Input::Status(Availability::DoNotDisturb)));
        assert_eq!(parse("/seen-by nobody"), Ok(Input::SeenBy(PresenceAudience::Nobody)));
        assert_eq!((parse("/delete"), parse("/delete #2")), (Ok(Input::Delete(None)), Ok(Input::Delete(Some(2)))));
        assert_eq!(parse("/delete-for-me #2"), Ok(Input::DeleteForMe(2)));
        assert_eq!(parse("/history"), Ok(Input::History(20)));
        assert_eq!(parse("/history 9999"), Ok(Input::History(200)));
        assert_eq!(parse("/switch 2"), Ok(Input::Switch(2)));
        assert_eq!(parse("/search from:bob \"two words\""), Ok(Input::Search(Some("from:bob \"two words\"".to_owned()))));
        assert_eq!(parse("/search "), Ok(Input::Search(None)));
        assert_eq!(parse("/invitations"), Ok(Input::Invitations));
        assert_eq!(parse("/accept 1"), Ok(Input::Accept(1)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for bad in [
            "/dm",
            "/dm B*b",
            "/group",
            "/group \"open",
            "/switch x",
            "/shout",
            "/rename",
            "/add a b",
            "/reply",
            "/edit #2",
            "/versions x",
            "/details",
            "/receipts",
            "/status",
            "/seen-by me",
            "/delete all",
            "/delete-for-me",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
