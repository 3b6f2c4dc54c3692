//! Where a typed line goes. It is settled when typing begins, by what the prompt shows then, and nothing that arrives
//! meanwhile changes it.

use parking_lot::Mutex;
use relay_types::ConversationId;
use unicode_width::UnicodeWidthStr as _;

use super::command::{self, Input};
use super::text::short;

/// Columns of the prompt, if the terminal has twice as many.
const PROMPT: usize = 34;

/// A conversation, and what it was called when it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub id: ConversationId,
    pub label: String,
}

/// Shared by the loop, which knows what happens, and the editor, which knows what is typed.
pub struct Aim {
    me: String,
    state: Mutex<State>,
}

/// The target of the line that is being typed; it may have none.
struct Pinned(Option<Target>);

#[derive(Default)]
struct State {
    active: Option<Target>,
    /// What the prompt showed last.
    drawn: Option<Target>,
    /// Some while a line is being typed.
    pinned: Option<Pinned>,
    text: String,
    /// Conversations that were a target and that the person is no longer in. Few: one is noted only while it is one.
    gone: Vec<ConversationId>,
    /// The last active one went away: nobody else's doing puts another in its place.
    lost: Option<String>,
}

impl Aim {
    pub fn new(me: String) -> Self {
        Self { me, state: Mutex::default() }
    }

    pub fn active(&self) -> Option<Target> {
        self.state.lock().active.clone()
    }

    /// The person chose a conversation.
    pub fn choose(&self, target: Target) {
        let mut state = self.state.lock();
        state.gone.retain(|id| *id != target.id);
        (state.active, state.lost) = (Some(target), None);
    }

    /// Something happened in a conversation: it becomes the target of somebody who never had one. Whether it did.
    pub fn adopt(&self, target: Target) -> bool {
        let mut state = self.state.lock();
        let free = state.active.is_none() && state.lost.is_none();
        if free {
            state.active = Some(target);
        }
        free
    }

    /// The conversation goes by another name.
    pub fn relabel(&self, target: &Target) {
        let mut state = self.state.lock();
        if let Some(active) = &mut state.active
            && active.id == target.id
        {
            active.label.clone_from(&target.label);
        }
    }

    /// The person is no longer in the conversation.
    pub fn lose(&self, id: ConversationId) {
        let mut state = self.state.lock();
        let of = |target: &Option<Target>| target.as_ref().is_some_and(|target| target.id == id);
        if of(&state.active) || of(&state.drawn) || state.pinned.as_ref().is_some_and(|pinned| of(&pinned.0)) {
            state.gone.push(id);
        }
        if of(&state.active) {
            state.lost = state.active.take().map(|target| target.label);
        }
    }

    /// The person is in the conversation again.
    pub fn regain(&self, id: ConversationId) {
        self.state.lock().gone.retain(|gone| *gone != id);
    }

    /// The prompt's columns for a terminal of so many.
    pub fn columns(terminal: usize) -> usize {
        PROMPT.min(terminal / 2).max(8)
    }

    /// The prompt, of exactly so many columns: the target of what is being typed, or of what will be.
    pub fn draw(&self, columns: usize) -> String {
        let mut state = self.state.lock();
        if state.pinned.is_none() {
            let State { active, drawn, .. } = &mut *state;
            drawn.clone_from(active);
        }
        let shown = state.pinned.as_ref().map_or(&state.drawn, |pinned| &pinned.0);
        let to = shown.as_ref().map_or_else(|| "(nobody yet)".to_owned(), |target| format!("to {}", target.label));
        let prompt = short(&format!("{} {to}", short(&self.me, 14)), columns.saturating_sub(2));
        format!("{prompt}{}> ", " ".repeat(columns.saturating_sub(2 + prompt.width())))
    }

    /// The line is this now.
    pub fn typing(&self, line: &str) {
        let mut state = self.state.lock();
        line.clone_into(&mut state.text);
        if line.is_empty() {
            state.pinned = None;
        } else if state.pinned.is_none() {
            state.pinned = Some(Pinned(state.drawn.clone()));
        }
    }

    /// The line as it was last seen.
    pub fn text(&self) -> String {
        self.state.lock().text.clone()
    }

    /// What is being typed at this moment for a conversation, commands left out.
    pub fn being_typed(&self) -> Option<(ConversationId, String)> {
        let state = self.state.lock();
        let target = state.pinned.as_ref()?.0.as_ref()?;
        let says = !state.text.trim().is_empty() && !state.text.starts_with('/') && !state.gone.contains(&target.id);
        says.then(|| (target.id, state.text.clone()))
    }

    /// Whether the line can be sent off; otherwise why not, and it stays where it is.
    pub fn judge(&self, line: &str) -> Result<(), String> {
        let input = command::parse(line)?;
        let state = self.state.lock();
        let target = state.pinned.as_ref().map_or(&state.drawn, |pinned| &pinned.0);
        state.check(&input, target.as_ref())
    }

    /// The target of a line that was read without an editor.
    pub fn judge_now(&self, input: &Input) -> Result<Option<Target>, String> {
        let state = self.state.lock();
        state.check(input, state.active.as_ref())?;
        Ok(state.active.clone())
    }

    /// The line was sent off: its target.
    pub fn take(&self) -> Option<Target> {
        let mut state = self.state.lock();
        state.text.clear();
        let drawn = state.drawn.clone();
        state.pinned.take().map_or(drawn, |pinned| pinned.0)
    }

    /// Whether a line's target went away after it was sent off.
    pub fn is_gone(&self, id: ConversationId) -> bool {
        self.state.lock().gone.contains(&id)
    }
}

impl State {
    fn check(&self, input: &Input, target: Option<&Target>) -> Result<(), String> {
        if !input.needs_target() {
            return Ok(());
        }
        match (target, &self.lost) {
            (Some(target), _) if self.gone.contains(&target.id) => Err(format!(
                "not sent: you are no longer in {}. Ctrl-C takes the text away; the up key brings it back after /list, /switch or /dm",
                target.label
            )),
            (Some(_), _) => Ok(()),
            (None, Some(lost)) => Err(format!("not sent: you are no longer in {lost}. Choose where to: /list, /switch <n>, /dm <handle>")),
            (None, None) => {
                Err("not sent: nobody to talk to yet. /dm <handle>, /group <title> <handles…>, or /list and /switch <n>".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(n: u8) -> Target {
        Target { id: format!("01ARZ3NDEKTSV4RRFFQ69G5FA{n}").parse().unwrap(), label: format!("@p{n}") }
    }

    #[test]
    fn what_is_typed_goes_where_the_prompt_said_when_typing_began() {
        let aim = Aim::new("@ann".to_owned());
        assert!(aim.judge("hello").is_err(), "nobody yet");
        assert!(aim.judge("/list").is_ok());
        aim.choose(target(1));
        assert!(aim.draw(30).starts_with("@ann to @p1 "));
        aim.typing("h");
        aim.choose(target(2));
        assert!(aim.draw(30).starts_with("@ann to @p1 "), "the line's target is shown, not the next one's");
        aim.typing("hello");
        assert_eq!(aim.being_typed(), Some((target(1).id, "hello".to_owned())));
        assert_eq!((aim.judge("hello"), aim.take()), (Ok(()), Some(target(1))));
        assert_eq!(aim.being_typed(), None);
        aim.typing("/list");
        assert_eq!(aim.being_typed(), None, "a command tells nobody anything");
        aim.typing("");
        assert!(aim.draw(30).starts_with("@ann to @p2 "));
        // Removed while typing; a stranger writes.
        aim.typing("secret");
        aim.lose(target(2).id);
        assert!(!aim.adopt(target(3)), "a stranger is not put in their place");
        assert!(aim.judge("secret").unwrap_err().contains("no longer in @p2"));
        aim.typing("");
        assert!(aim.draw(30).contains("nobody"));
        aim.typing("secret");
        assert!(aim.judge("secret").is_err());
        aim.typing("");
        aim.choose(target(2));
        aim.draw(30);
        aim.typing("again");
        assert_eq!(aim.judge("again"), Ok(()));
    }

    #[test]
    fn the_prompt_keeps_its_width() {
        let aim = Aim::new("@a_rather_long_handle_of_32_letters".to_owned());
        for label in ["@b", "#\"日本語のとても長いグループの名前です\"", &"x".repeat(90)] {
            aim.choose(Target { id: target(1).id, label: label.to_owned() });
            for columns in [8, 17, 34] {
                assert_eq!(aim.draw(columns).width(), columns, "{label}");
            }
        }
    }
}
