//! The checkers are checked: a good history passes, and every way of spoiling it is caught by the checker it concerns.

#[cfg(test)]
mod mutations {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};
    use relay_checkers::history::{
        Amendment, Answer, Deletion, Device, Disturbance, History, Logged, LoggedWhat, MembershipCall, Reacted, Reaction, ReadBack,
        Receipt, RetentionProbe, Row, Said, Seen, Sent, What, own_room,
    };
    use relay_checkers::{Check, judge};

    const ROOMS: u32 = 3;
    /// In every room from the start; then there is one who comes, goes and comes back.
    const MEMBERS: u32 = 4;
    const GUEST: u32 = MEMBERS;

    /// A run in which everything went well: several rooms, devices that crashed, a guest who was removed and added again.
    fn good(seed: u64) -> History {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut history = History::default();
        for user in 0..=MEMBERS {
            for _ in 0..2 {
                history.devices.push(Device { user, events: Vec::new(), complete: true });
            }
        }
        let mut own_last = [0_u64; MEMBERS as usize + 1];
        let (mut seq, mut last, mut guest) = (0_u64, [0_u64; ROOMS as usize], [false; ROOMS as usize]);
        for room in 0..ROOMS {
            seq += 1;
            put(&mut history, &mut last, &guest, Logged { seq, room, what: LoggedWhat::Created { members: (0..MEMBERS).collect() } });
        }
        for step in 0..400_u64 {
            let room = rng.random_range(0..ROOMS);
            // Some places are empty, and events of users' own subjects lie between.
            seq += rng.random_range(1..3);
            for _ in 0..rng.random_range(0..3) {
                seq += 1;
                own(&mut history, &mut own_last, rng.random_range(0..=MEMBERS), seq);
            }
            seq += 1;
            if rng.random_bool(0.05) {
                let inside = &mut guest[room as usize];
                *inside = !*inside;
                let added = *inside;
                history.membership.push(MembershipCall { room, user: GUEST, added, called_us: step, answered_us: step + 1 });
                // Some come alone and some with others: the same for each of them.
                let what = match (added, step % 2 == 0) {
                    (true, true) => LoggedWhat::AddedAll { users: vec![GUEST] },
                    (true, false) => LoggedWhat::Added { user: GUEST },
                    (false, _) => LoggedWhat::Removed { user: GUEST },
                };
                put(&mut history, &mut last, &guest, Logged { seq, room, what });
                continue;
            }
            let sender = rng.random_range(0..MEMBERS);
            let sent = Sent { sender, device: sender * 2, room, key: step, line: 0, called_us: step * 10, answer: Answer::None };
            match rng.random_range(0..20) {
                0 => history.sends.push(Sent { answer: Answer::Refused { at_us: step * 10 + 5 }, ..sent }),
                1 => history.sends.push(sent),
                n => {
                    let answer = if n == 2 { Answer::None } else { Answer::Acked { seq, at_us: step * 10 + 5 } };
                    history.sends.push(Sent { answer, ..sent });
                    put(
                        &mut history,
                        &mut last,
                        &guest,
                        Logged { seq, room, what: LoggedWhat::Message { sender, key: step, intact: true } },
                    );
                    history.reads.push(ReadBack { room, seq, acked_us: step * 10 + 5, called_us: step * 10 + 6, found: true });
                    let receipt = Receipt { observer: 0, reader: 1, room, delivered: seq, read: seq / 2, at_us: step * 10 + 7 };
                    history.receipts.push(receipt);
                }
            }
        }
        restart_a_device(&mut history.devices[1], &mut rng);
        history.retention.push(RetentionProbe { seq: 9, age_ms: 29, kept_ms: 30, slack_ms: 1, found: true });
        history.retention.push(RetentionProbe { seq: 8, age_ms: 32, kept_ms: 30, slack_ms: 1, found: false });
        history.disturbances.push(Disturbance { fault: "kill".to_owned(), healed_us: 5, recovered_us: Some(6) });
        history
    }

    /// Something on a user's own subject.
    fn own(history: &mut History, last: &mut [u64], user: u32, seq: u64) {
        let (room, prev) = (own_room(user), Some(std::mem::replace(&mut last[user as usize], seq)));
        for device in history.devices.iter_mut().filter(|device| device.user == user) {
            device.events.push(Seen { room, seq, prev, what: What::Changed, at_us: seq * 10, epoch: 0, reloaded: false });
        }
        history.events.push((room, seq, prev));
        history.log.push(Logged { seq, room, what: LoggedWhat::Own { user } });
    }

    /// Puts an event everywhere it belongs.
    fn put(history: &mut History, last: &mut [u64], guest: &[bool], event: Logged) {
        let Logged { seq, room, ref what } = event;
        let prev = std::mem::replace(&mut last[room as usize], seq);
        let seen = match what {
            LoggedWhat::Message { sender, key, intact } => What::Message { sender: *sender, key: *key, intact: *intact },
            LoggedWhat::Created { .. } => What::Created,
            LoggedWhat::Added { user } => What::Added { user: *user },
            LoggedWhat::AddedAll { .. } => What::Added { user: GUEST },
            LoggedWhat::RemovedAll { .. } => What::Removed { user: GUEST },
            LoggedWhat::Removed { user } => What::Removed { user: *user },
            LoggedWhat::Changed | LoggedWhat::Own { .. } => What::Changed,
        };
        // Who is removed is told so.
        let tells_guest = guest[room as usize] || matches!(what, LoggedWhat::Removed { user: GUEST });
        for device in history.devices.iter_mut().filter(|device| device.user < MEMBERS || tells_guest) {
            device.events.push(Seen { room, seq, prev: Some(prev), what: seen, at_us: seq * 10, epoch: 0, reloaded: false });
        }
        history.events.push((room, seq, Some(prev)));
        if let LoggedWhat::Message { sender, key, .. } = what {
            let row = Row { room, seq, prev: Some(prev), sender: *sender, key: *key };
            history.rows.push(row);
            match history.histories.iter_mut().find(|(of, _)| *of == room) {
                Some((_, rows)) => rows.push(row),
                None => history.histories.push((room, vec![row])),
            }
        }
        history.log.push(event);
    }

    /// After a crash the events since the stored position are told again.
    fn restart_a_device(device: &mut Device, rng: &mut StdRng) {
        let at = rng.random_range(20..device.events.len());
        let again: Vec<Seen> = device.events[at - rng.random_range(1..10)..at].to_vec();
        let marker = Seen { room: u32::MAX, seq: 0, prev: None, what: What::Restarted, at_us: 0, epoch: 0, reloaded: false };
        device.events.splice(at..at, std::iter::once(marker).chain(again));
    }

    fn removes_guest(event: &Logged) -> bool {
        match &event.what {
            LoggedWhat::Removed { user } => *user == GUEST,
            LoggedWhat::RemovedAll { users } => users.contains(&GUEST),
            _ => false,
        }
    }

    /// A message stored right behind its sender's removal, which nobody was shown; `None` where the log has no place for it.
    fn with_void(history: &mut History) -> Option<u64> {
        let removed = history.log.iter().rposition(removes_guest)?;
        let (room, seq) = (history.log[removed].room, history.log[removed].seq + 1);
        if history.log.get(removed + 1).is_some_and(|next| next.seq == seq) {
            return None;
        }
        let sent = Sent { sender: GUEST, device: GUEST * 2, room, key: 7_777, line: 0, called_us: 1, answer: Answer::None };
        history.sends.push(sent);
        let what = LoggedWhat::Message { sender: GUEST, key: 7_777, intact: true };
        history.log.insert(removed + 1, Logged { seq, room, what });
        Some(seq)
    }

    #[test]
    fn what_is_void_is_neither_lost_nor_made_up_and_must_not_be_acknowledged() {
        let mut tried = 0;
        for seed in 0..20 {
            let mut history = good(seed);
            let Some(seq) = with_void(&mut history) else { continue };
            tried += 1;
            assert!(judge(&history).holds(), "seed {seed}: {:?}", judge(&history).samples());
            let mut acked = history.clone();
            acked.sends.last_mut().unwrap().answer = Answer::Acked { seq, at_us: 2 };
            assert!(judge(&acked).count(Check::Loss) > 0, "seed {seed}: acknowledged and void");
            let room = history.log.iter().find(|event| event.seq == seq).unwrap().room;
            history.rows.push(Row { room, seq, prev: None, sender: GUEST, key: 7_777 });
            assert!(judge(&history).count(Check::Unaccounted) > 0, "seed {seed}: void and in Postgres");
        }
        assert!(tried > 5, "{tried} histories had a removal with a place behind it");
    }

    /// Spoils a good history and expects the checker to see it.
    #[track_caller]
    fn caught(check: Check, spoil: impl Fn(&mut History)) {
        for seed in 0..20 {
            let mut history = good(seed);
            spoil(&mut history);
            let verdict = judge(&history);
            assert!(verdict.count(check) > 0, "seed {seed}: not caught; found {:?}", verdict.counts());
            assert!(verdict.samples().iter().any(|violation| violation.check == check && !violation.detail.is_empty()));
        }
    }

    /// The events of a device that are messages, as positions.
    fn messages(device: &Device) -> Vec<usize> {
        (0..device.events.len()).filter(|at| matches!(device.events[*at].what, What::Message { .. })).collect()
    }

    #[test]
    fn good_histories_hold() {
        for seed in 0..100 {
            let history = good(seed);
            let verdict = judge(&history);
            assert!(verdict.holds(), "seed {seed}: {:?}", verdict.samples());
            assert!(verdict.acked > 200 && verdict.delivered > 2_000 && verdict.unknown > 0 && verdict.refused > 0);
        }
    }

    #[test]
    fn a_message_that_a_device_never_got() {
        let drop_one = |history: &mut History| {
            let at = messages(&history.devices[4])[30];
            history.devices[4].events.remove(at);
        };
        caught(Check::Loss, drop_one);
        caught(Check::Gap, drop_one);
        caught(Check::Convergence, drop_one);
    }

    #[test]
    fn the_newest_message_that_a_device_never_got() {
        caught(Check::Loss, |history| {
            let at = *messages(&history.devices[4]).last().unwrap();
            history.devices[4].events.remove(at);
        });
    }

    #[test]
    fn an_acknowledged_message_that_the_log_does_not_have() {
        caught(Check::Loss, |history| {
            let sent = *history.sends.iter().find(|send| matches!(send.answer, Answer::Acked { .. })).unwrap();
            history.sends.push(Sent { key: 1 << 40, ..sent });
        });
    }

    #[test]
    fn a_history_that_lacks_a_message() {
        caught(Check::Loss, |history| {
            history.histories[0].1.remove(5);
        });
    }

    #[test]
    fn a_message_that_was_told_twice() {
        caught(Check::Duplicate, |history| {
            let at = messages(&history.devices[4])[30];
            let again = history.devices[4].events[at];
            history.devices[4].events.insert(at, again);
        });
    }

    #[test]
    fn one_key_that_became_two_messages() {
        caught(Check::Duplicate, |history| {
            let mut again = history.log.iter().find(|event| matches!(event.what, LoggedWhat::Message { .. })).unwrap().clone();
            again.seq = history.log.last().unwrap().seq + 1;
            history.log.push(again);
        });
        caught(Check::Duplicate, |history| {
            let again = Row { seq: 1 << 40, ..history.rows[3] };
            history.rows.push(again);
        });
    }

    #[test]
    fn an_acknowledgement_that_names_another_place() {
        caught(Check::Duplicate, |history| {
            let send = history.sends.iter_mut().find(|send| matches!(send.answer, Answer::Acked { .. })).unwrap();
            send.answer = Answer::Acked { seq: 1 << 40, at_us: 0 };
        });
    }

    #[test]
    fn two_messages_that_a_device_got_the_other_way_round() {
        let swap = |history: &mut History| {
            let device = &mut history.devices[4];
            let of_room: Vec<usize> = messages(device).into_iter().filter(|at| device.events[*at].room == 0).collect();
            device.events.swap(of_room[10], of_room[11]);
        };
        caught(Check::Order, swap);
        caught(Check::Gap, swap);
    }

    #[test]
    fn a_device_that_has_another_message_at_a_place() {
        caught(Check::Order, |history| {
            let at = messages(&history.devices[4])[30];
            if let What::Message { key, .. } = &mut history.devices[4].events[at].what {
                *key += 1 << 40;
            }
        });
    }

    #[test]
    fn a_history_out_of_order() {
        caught(Check::Order, |history| history.histories[0].1.swap(5, 6));
    }

    #[test]
    fn messages_that_nobody_sent_or_that_were_refused_or_changed() {
        caught(Check::Phantom, |history| {
            let at = messages(&history.devices[4])[30];
            let phantom =
                Seen { seq: 1 << 40, what: What::Message { sender: 0, key: 1 << 40, intact: true }, ..history.devices[4].events[at] };
            history.devices[4].events.push(phantom);
        });
        caught(Check::Phantom, |history| {
            let seq = history.log.last().unwrap().seq + 1;
            history.log.push(Logged { seq, room: 0, what: LoggedWhat::Message { sender: 0, key: 1 << 40, intact: true } });
        });
        caught(Check::Phantom, |history| {
            let refused = *history.sends.iter().find(|send| matches!(send.answer, Answer::Refused { .. })).unwrap();
            let seq = history.log.last().unwrap().seq + 1;
            let what = LoggedWhat::Message { sender: refused.sender, key: refused.key, intact: true };
            history.log.push(Logged { seq, room: refused.room, what });
        });
        caught(Check::Phantom, |history| {
            let at = messages(&history.devices[4])[30];
            if let What::Message { intact, .. } = &mut history.devices[4].events[at].what {
                *intact = false;
            }
        });
        caught(Check::Phantom, |history| {
            let phantom = Row { key: 1 << 40, seq: 1 << 40, ..history.rows[3] };
            history.histories[0].1.push(phantom);
        });
    }

    #[test]
    fn rows_that_are_missing_or_too_many() {
        caught(Check::Unaccounted, |history| {
            history.rows.remove(7);
        });
        caught(Check::Unaccounted, |history| {
            let phantom = Row { key: 1 << 40, seq: 1 << 40, ..history.rows[3] };
            history.rows.push(phantom);
        });
        caught(Check::Unaccounted, |history| {
            history.events.remove(7);
        });
        caught(Check::Unaccounted, |history| history.events.push((0, 1 << 40, None)));
    }

    #[test]
    fn a_chain_that_is_broken_in_postgres() {
        caught(Check::Gap, |history| history.events[9].2 = Some(1 << 40));
    }

    #[test]
    fn marks_that_go_back_or_too_far() {
        caught(Check::Receipt, |history| {
            let last = *history.receipts.iter().rfind(|receipt| receipt.room == 0).unwrap();
            history.receipts.push(Receipt { delivered: last.delivered - 1, ..last });
        });
        caught(Check::Receipt, |history| {
            let last = *history.receipts.last().unwrap();
            history.receipts.push(Receipt { read: 1 << 40, ..last });
        });
    }

    #[test]
    fn a_read_that_lacks_what_was_acknowledged() {
        caught(Check::ReadYourWrites, |history| history.reads[5].found = false);
        let mut history = good(1);
        history.reads[5] = ReadBack { found: false, called_us: 0, ..history.reads[5] };
        assert!(judge(&history).holds(), "a read that began before the acknowledgement promises nothing");
    }

    #[test]
    fn two_sends_of_one_device_that_changed_places() {
        caught(Check::SessionOrder, |history| {
            let stored: Vec<usize> = (0..history.sends.len())
                .filter(|at| {
                    let send = &history.sends[*at];
                    send.room == 0 && send.sender == 0 && matches!(send.answer, Answer::Acked { .. })
                })
                .collect();
            let (one, other) = (stored[0], stored[1]);
            let key = history.sends[one].key;
            history.sends[one].key = history.sends[other].key;
            history.sends[other].key = key;
        });
    }

    #[test]
    fn only_what_was_acknowledged_has_a_place_in_the_order() {
        // Called before everything else and stored behind it.
        let late = |acknowledged: bool| {
            let mut history = good(1);
            let of_one = |send: &Sent| send.room == 0 && send.sender == 0 && matches!(send.answer, Answer::Acked { .. });
            let at = history.sends.iter().rposition(of_one).unwrap();
            let send = history.sends.remove(at);
            let answer = if acknowledged { send.answer } else { Answer::None };
            history.sends.insert(0, Sent { called_us: 0, answer, ..send });
            judge(&history).count(Check::SessionOrder)
        };
        assert_eq!(late(true), 1);
        assert_eq!(late(false), 0, "nobody was told that it is there");
    }

    #[test]
    fn a_message_after_a_removal_and_a_change_that_is_not_in_the_log() {
        caught(Check::Removal, |history| {
            let guests = history.devices.iter().position(|device| device.user == GUEST).unwrap();
            let before_any = history.log.iter().find(|event| matches!(event.what, LoggedWhat::Message { .. })).unwrap().seq;
            let removed = history.log.iter().find(|event| event.what == LoggedWhat::Removed { user: GUEST }).unwrap().clone();
            let next = history.log.iter().find(|event| event.room == removed.room && event.seq > removed.seq);
            let seq = next.map_or(before_any, |event| event.seq);
            let what = What::Message { sender: 0, key: 0, intact: true };
            let late = Seen { room: removed.room, seq, prev: None, what, at_us: 0, epoch: 0, reloaded: false };
            let late = if next.is_some_and(|event| matches!(event.what, LoggedWhat::Added { user: GUEST } | LoggedWhat::AddedAll { .. })) {
                Seen { seq: removed.seq + 1, ..late }
            } else {
                late
            };
            history.devices[guests].events.push(late);
        });
        caught(Check::Removal, |history| {
            history.membership.push(MembershipCall { room: 0, user: 1, added: false, called_us: 0, answered_us: 1 });
        });
    }

    #[test]
    fn messages_that_are_gone_too_soon_or_stay_too_long() {
        caught(Check::Retention, |history| history.retention[0].found = false);
        caught(Check::Retention, |history| history.retention[1].found = true);
    }

    #[test]
    fn a_fault_after_which_nothing_works() {
        caught(Check::Liveness, |history| history.disturbances[0].recovered_us = None);
    }

    #[test]
    fn a_deleted_message_that_comes_back() {
        caught(Check::Resurrection, |history| {
            let at = messages(&history.devices[4])[30];
            let Seen { room, seq, .. } = history.devices[4].events[at];
            history.deletions.push(Deletion { room, seq, at_us: 0 });
        });
    }

    #[test]
    fn messages_that_are_not_as_the_log_has_them() {
        // Of a message that a device has, at the place of its next one.
        let edit = |history: &History| {
            let device = &history.devices[4];
            let at = messages(device);
            let (message, by) = (device.events[at[30]], device.events[at[31]]);
            Amendment { room: message.room, seq: by.seq, message: message.seq, text: Some(7) }
        };
        let said = |edit: Amendment| Said { room: edit.room, message: edit.message, by: edit.seq, text: edit.text };
        let learned = |history: &mut History| {
            let edit = edit(history);
            let everybody = 0..history.devices.len();
            history.amendments.push(edit);
            history.said = everybody.map(|device| (device, said(edit))).collect();
            history.said_in_history = vec![(edit.room, vec![said(edit)])];
        };
        let mut history = good(1);
        learned(&mut history);
        assert!(judge(&history).holds(), "{:?}", judge(&history).samples());
        caught(Check::State, |history| history.amendments.push(edit(history)));
        caught(Check::State, |history| {
            learned(history);
            history.said[0].1.text = Some(8);
        });
        caught(Check::State, |history| {
            learned(history);
            history.said_in_history[0].1.clear();
        });
        caught(Check::State, |history| {
            learned(history);
            let deletion = Amendment { seq: edit(history).seq, text: None, ..edit(history) };
            history.amendments.push(deletion);
        });
        caught(Check::State, |history| {
            learned(history);
            let gone = Said { by: 0, text: None, ..said(edit(history)) };
            history.said.push((4, gone));
        });
    }

    #[test]
    fn reactions_that_are_not_as_the_log_has_them() {
        // To a message that a device has, at the places of its next ones: given, and taken back by another.
        let reactions = |history: &History| {
            let device = &history.devices[4];
            let at = messages(device);
            let (message, first, second) = (device.events[at[30]], device.events[at[31]], device.events[at[32]]);
            let of = |user| Reaction { room: message.room, message: message.seq, user, emoji: 3 };
            [Reacted { seq: first.seq, of: of(1), on: true }, Reacted { seq: second.seq, of: of(2), on: false }]
        };
        let told = |history: &mut History| {
            let reacted = reactions(history);
            let everybody = 0..history.devices.len();
            history.reacted = reacted.to_vec();
            history.heard = everybody.flat_map(|device| reacted.map(|one| (device, one))).collect();
            history.reactions_in_history = vec![(reacted[0].of.room, vec![reacted[0].of])];
        };
        let mut history = good(1);
        told(&mut history);
        assert!(judge(&history).holds(), "{:?}", judge(&history).samples());
        caught(Check::Reactions, |history| history.reacted = reactions(history).to_vec());
        caught(Check::Reactions, |history| {
            told(history);
            history.heard[0].1.on = false;
        });
        caught(Check::Reactions, |history| {
            told(history);
            history.reactions_in_history[0].1.clear();
        });
        caught(Check::Reactions, |history| {
            told(history);
            let taken_back = history.reacted[1].of;
            history.reactions_in_history[0].1.push(taken_back);
        });
        caught(Check::Reactions, |history| {
            told(history);
            history.heard.retain(|(device, reacted)| *device != 4 || reacted.on);
        });
    }

    /// The events of a device that are its user's own, as positions.
    fn owned(device: &Device) -> Vec<usize> {
        (0..device.events.len()).filter(|at| device.events[*at].room == own_room(device.user)).collect()
    }

    #[test]
    fn own_events_that_are_lost_doubled_made_up_or_anothers() {
        let drop_one = |history: &mut History| {
            let at = owned(&history.devices[4])[5];
            history.devices[4].events.remove(at);
        };
        caught(Check::Own, drop_one);
        caught(Check::Gap, drop_one);
        caught(Check::Own, |history| {
            let at = *owned(&history.devices[4]).last().unwrap();
            history.devices[4].events.remove(at);
        });
        caught(Check::Own, |history| {
            let at = owned(&history.devices[4])[5];
            let again = history.devices[4].events[at];
            history.devices[4].events.insert(at, again);
        });
        caught(Check::Own, |history| {
            let at = owned(&history.devices[4])[5];
            history.devices[4].events[at].seq = 1 << 40;
        });
        caught(Check::Order, |history| {
            let own = owned(&history.devices[4]);
            history.devices[4].events.swap(own[5], own[6]);
        });
        // What is another's.
        caught(Check::Removal, |history| {
            let at = owned(&history.devices[0])[5];
            let foreign = history.devices[0].events[at];
            history.devices[4].events.push(foreign);
        });
    }

    #[test]
    fn own_events_that_a_reset_passed_over_are_not_asked_for() {
        let mut history = good(3);
        let own = owned(&history.devices[4]);
        let (first, last) = (own[5], own[7]);
        let events = &mut history.devices[4].events;
        let reloaded: Vec<Seen> = events.splice(first..=last, []).filter(|event| matches!(event.what, What::Message { .. })).collect();
        events.splice(first..first, reloaded.into_iter().map(|event| Seen { reloaded: true, ..event }));
        assert!(judge(&history).count(Check::Own) > 0);
        let reset = Seen { room: u32::MAX, seq: 0, prev: None, what: What::Reset, at_us: 0, epoch: 0, reloaded: false };
        history.devices[4].events.insert(first, reset);
        assert_eq!(judge(&history).count(Check::Own), 0);
    }

    #[test]
    fn what_an_incomplete_device_lacks_is_not_lost() {
        let mut history = good(3);
        let keep = history.devices[4].events.len() / 2;
        history.devices[4].events.truncate(keep);
        assert!(!judge(&history).holds());
        history.devices[4].complete = false;
        assert!(judge(&history).holds());
    }

    #[test]
    fn membership_that_ended_before_a_reset_is_out_of_reach() {
        let mut judged = 0;
        for seed in 0..20 {
            let mut history = good(seed);
            let events = &mut history.devices[8].events;
            let Some(begin) = events.iter().position(|event| event.what == What::Added { user: GUEST }) else { continue };
            let room = events[begin].room;
            let left = |event: &Seen| event.room == room && event.what == What::Removed { user: GUEST };
            let Some(end) = events.iter().skip(begin).position(left).map(|after| begin + after) else { continue };
            if !events[begin..end].iter().any(|event| event.room == room && matches!(event.what, What::Message { .. })) {
                continue;
            }
            judged += 1;
            // Away from the beginning of the stay to its end; what goes on elsewhere is read over REST.
            let meanwhile: Vec<Seen> = events.splice(begin..=end, []).filter(|event| event.room != room).collect();
            let meanwhile = meanwhile.into_iter().map(|event| Seen { reloaded: true, ..event });
            events.splice(begin..begin, meanwhile);
            assert!(judge(&history).count(Check::Loss) > 0, "seed {seed}");
            let reset = Seen { room: u32::MAX, seq: 0, prev: None, what: What::Reset, at_us: 0, epoch: 0, reloaded: false };
            history.devices[8].events.insert(begin, reset);
            let verdict = judge(&history);
            assert!(verdict.holds(), "seed {seed}: {:?}", verdict.samples());
            // One that it was told before the reset, or that goes on, is asked for as ever.
            let told = messages(&history.devices[8]).into_iter().rfind(|at| *at < begin);
            if let Some(told) = told {
                history.devices[8].events.remove(told);
                assert!(judge(&history).count(Check::Loss) > 0, "seed {seed}");
            }
        }
        assert!(judged >= 10, "only {judged} histories have such a stay");
    }
}
