//! Who is live here, told to the rest of the installation: with a person's first socket, and when the last one is gone.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use relay_domain::ports::ActivityNews;
use relay_protocol::activity::Deed;
use relay_types::UserId;

/// See the module. As large as the people who are live here.
pub(crate) struct LivePeople {
    news: Arc<dyn ActivityNews>,
    sockets: Mutex<HashMap<UserId, usize>>,
}

impl LivePeople {
    pub(crate) fn new(news: Arc<dyn ActivityNews>) -> Self {
        Self { news, sockets: Mutex::default() }
    }

    /// A socket of the user's is live, until what this answers with is dropped.
    pub(crate) fn enter(&self, user: UserId) -> LivePerson<'_> {
        let mut sockets = self.sockets.lock();
        let count = sockets.entry(user).or_default();
        *count += 1;
        if *count == 1 {
            // Under the lock: comings and goings are told in their order.
            self.news.tell(user, Deed::UserConnected);
        }
        LivePerson { people: self, user }
    }
}

/// One live socket of a person's.
pub(crate) struct LivePerson<'a> {
    people: &'a LivePeople,
    user: UserId,
}

impl Drop for LivePerson<'_> {
    fn drop(&mut self) {
        let mut sockets = self.people.sockets.lock();
        match sockets.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                sockets.remove(&self.user);
                self.people.news.tell(self.user, Deed::UserDisconnected);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(UserId, Deed)>>);

    impl ActivityNews for Told {
        fn tell(&self, user: UserId, what: Deed) {
            self.0.lock().push((user, what));
        }
    }

    #[test]
    fn the_first_socket_and_the_last_one_are_told_of() {
        let told = Arc::new(Told::default());
        let people = LivePeople::new(Arc::clone(&told) as _);
        let (ann, bob) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let (first, second) = (people.enter(ann), people.enter(ann));
        let bobs = people.enter(bob);
        drop(first);
        drop(bobs);
        assert_eq!(*told.0.lock(), [(ann, Deed::UserConnected), (bob, Deed::UserConnected), (bob, Deed::UserDisconnected)]);
        drop(second);
        assert_eq!(told.0.lock().last(), Some(&(ann, Deed::UserDisconnected)));
        assert!(people.sockets.lock().is_empty());
    }
}
