//! Who may change what about a conversation.

use relay_protocol::ErrorCode;
use relay_protocol::conversation::{ConversationKind, Role};
use relay_types::UserId;

/// A change someone asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new title.
    Rename,
    /// Bring people in, or ask them.
    Add {
        /// How many.
        people: usize,
    },
    /// Put `user`, who has `role`, out; leaving is removing oneself.
    Remove {
        /// Who.
        user: UserId,
        /// Their role.
        role: Role,
    },
    /// Delete, for everyone, a message of somebody else's.
    DeleteMessage {
        /// The role of its sender, if they are still in it.
        sender: Option<Role>,
    },
    /// Pin a message, or take that back.
    Pin,
    /// Give `user`, who has `from`, the role `to`.
    SetRole {
        /// Who.
        user: UserId,
        /// Their role so far.
        from: Role,
        /// The new one.
        to: Role,
    },
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeDenied {
    /// Direct conversations do not change.
    #[error("a direct conversation has no title, roles, joining or leaving")]
    DirectImmutable,
    /// The actor's role is too low.
    #[error("this needs a greater role")]
    Forbidden,
    /// The owner cannot leave before handing over, unless nobody else is left.
    #[error("the owner hands the group over before leaving")]
    OwnerMustHandOver,
    /// No place left.
    #[error("the group is full")]
    GroupFull,
}

impl From<ChangeDenied> for ErrorCode {
    fn from(denied: ChangeDenied) -> Self {
        match denied {
            ChangeDenied::DirectImmutable => Self::DirectImmutable,
            ChangeDenied::Forbidden => Self::Forbidden,
            ChangeDenied::OwnerMustHandOver => Self::OwnerMustHandOver,
            ChangeDenied::GroupFull => Self::GroupFull,
        }
    }
}

/// Whether `actor`, who is in the conversation as `actor_role`, may make `change`.
/// `members` is the present size, `max_members` the configured limit.
pub fn decide(
    kind: ConversationKind,
    actor: UserId,
    actor_role: Role,
    change: Change,
    members: usize,
    max_members: usize,
) -> Result<(), ChangeDenied> {
    if kind == ConversationKind::Direct {
        // What is pinned there is for both, and either's.
        if matches!(change, Change::Pin) {
            return Ok(());
        }
        return Err(ChangeDenied::DirectImmutable);
    }
    let leaves = matches!(change, Change::Remove { user, .. } if user == actor);
    if matches!(kind, ConversationKind::Unknown(_)) && !leaves {
        // What its members may do is known to a newer version only.
        return Err(ChangeDenied::Forbidden);
    }
    match change {
        Change::Rename | Change::Pin => at_least(actor_role, Role::Admin),
        Change::Add { people } => {
            at_least(actor_role, Role::Admin)?;
            if members.saturating_add(people) <= max_members { Ok(()) } else { Err(ChangeDenied::GroupFull) }
        }
        Change::Remove { user, .. } if user == actor => {
            // The last one out may be the owner: an empty group needs none.
            if actor_role == Role::Owner && members > 1 { Err(ChangeDenied::OwnerMustHandOver) } else { Ok(()) }
        }
        Change::Remove { role, .. } => above(actor_role, role),
        // What is left of somebody who is gone is a member's.
        Change::DeleteMessage { sender } => above(actor_role, sender.unwrap_or(Role::Member)),
        Change::SetRole { user, .. } if user == actor => Err(ChangeDenied::Forbidden),
        Change::SetRole { .. } => at_least(actor_role, Role::Owner),
    }
}

/// Whether the actor is an admin, and stands above a member with this role.
fn above(actor: Role, role: Role) -> Result<(), ChangeDenied> {
    at_least(actor, Role::Admin)?;
    // Whoever has a role of a newer version's may stand above an admin.
    let below = if role.is_known() { role < actor } else { actor == Role::Owner };
    if below { Ok(()) } else { Err(ChangeDenied::Forbidden) }
}

fn at_least(role: Role, needed: Role) -> Result<(), ChangeDenied> {
    if role >= needed { Ok(()) } else { Err(ChangeDenied::Forbidden) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles() {
        let ann: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let bob: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap();
        let group = |role, change| decide(ConversationKind::Group, ann, role, change, 3, 3);
        let remove = |user, role| Change::Remove { user, role };
        let delete = |sender| Change::DeleteMessage { sender };
        let set = |from, to| Change::SetRole { user: bob, from, to };
        let cases = [
            (Role::Member, Change::Rename, Err(ChangeDenied::Forbidden)),
            (Role::Admin, Change::Rename, Ok(())),
            (Role::Member, Change::Pin, Err(ChangeDenied::Forbidden)),
            (Role::Admin, Change::Pin, Ok(())),
            (Role::Member, Change::Add { people: 1 }, Err(ChangeDenied::Forbidden)),
            (Role::Admin, Change::Add { people: 1 }, Err(ChangeDenied::GroupFull)),
            (Role::Admin, Change::Add { people: 0 }, Ok(())),
            (Role::Member, remove(ann, Role::Member), Ok(())),
            (Role::Owner, remove(ann, Role::Owner), Err(ChangeDenied::OwnerMustHandOver)),
            (Role::Member, remove(bob, Role::Member), Err(ChangeDenied::Forbidden)),
            (Role::Admin, remove(bob, Role::Member), Ok(())),
            (Role::Admin, remove(bob, Role::Admin), Err(ChangeDenied::Forbidden)),
            (Role::Admin, remove(bob, Role::Owner), Err(ChangeDenied::Forbidden)),
            (Role::Owner, remove(bob, Role::Admin), Ok(())),
            (Role::Member, delete(Some(Role::Member)), Err(ChangeDenied::Forbidden)),
            (Role::Member, delete(None), Err(ChangeDenied::Forbidden)),
            (Role::Admin, delete(Some(Role::Member)), Ok(())),
            (Role::Admin, delete(None), Ok(())),
            (Role::Admin, delete(Some(Role::Admin)), Err(ChangeDenied::Forbidden)),
            (Role::Admin, delete(Some(Role::Owner)), Err(ChangeDenied::Forbidden)),
            (Role::Owner, delete(Some(Role::Admin)), Ok(())),
            (Role::Admin, set(Role::Member, Role::Admin), Err(ChangeDenied::Forbidden)),
            (Role::Owner, set(Role::Member, Role::Admin), Ok(())),
            (Role::Owner, set(Role::Admin, Role::Owner), Ok(())),
        ];
        for (role, change, expected) in cases {
            assert_eq!(group(role, change), expected, "{role:?} {change:?}");
        }
        let newer = Role::Unknown("moderator".parse().unwrap());
        assert_eq!(group(newer, Change::Rename), Err(ChangeDenied::Forbidden));
        assert_eq!(group(Role::Admin, remove(bob, newer)), Err(ChangeDenied::Forbidden));
        assert_eq!(group(Role::Owner, remove(bob, newer)), Ok(()));
        let channel = ConversationKind::Unknown("channel".parse().unwrap());
        assert_eq!(decide(channel, ann, Role::Owner, Change::Rename, 2, 1000), Err(ChangeDenied::Forbidden));
        assert_eq!(decide(channel, ann, Role::Member, remove(ann, Role::Member), 2, 1000), Ok(()));
        assert_eq!(decide(ConversationKind::Direct, ann, Role::Owner, Change::Rename, 2, 1000), Err(ChangeDenied::DirectImmutable));
        assert_eq!(decide(ConversationKind::Direct, ann, Role::Member, Change::Pin, 2, 1000), Ok(()));
        assert_eq!(decide(ConversationKind::Group, ann, Role::Owner, remove(ann, Role::Owner), 1, 3), Ok(()));
    }
}
