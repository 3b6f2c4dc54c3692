//! How far to look at once, and how.
//!
//! Three ways, none of which is good for all: common words are met soon when the reader's conversations are walked by time; rare ones
//! are few in all conversations together; in between, words and conversations are looked up together. The costs are rough; what
//! matters is their order of magnitude. See docs/performance.md.

/// How a stretch is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// The reader's conversations by time, and in them the words.
    Walk,
    /// Words and conversations together, in the index.
    Meet,
    /// The words in everybody's messages, and then the conversations.
    Words,
}

/// A stretch of time, from its beginning to a place that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_us: i64,
    /// The last moment at which something is to be expected.
    pub(super) ends_us: i64,
    pub(super) plan: Plan,
}

/// A stretch of whole months, before it is known how to look through it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Months {
    pub(super) from_us: i64,
    /// As of a stretch.
    pub(super) ends_us: i64,
    /// Messages in it, of everybody.
    pub(super) rows: f64,
}

/// Microseconds of a statement, whatever it finds.
const STATEMENT: f64 = 300.0;
/// Of a message that the index of words found.
const FETCH: f64 = 6.0;
/// Of a message whose words are tested.
const TEST: f64 = 2.5;
/// Of finding a conversation's place in an index.
const PROBE: f64 = 4.0;
/// Of an entry that the index passes over.
const PASS: f64 = 0.1;
/// Walks that find nothing look this much further each time, and no further than this.
const MOST_DOUBLINGS: u32 = 12;

impl Stretch {
    /// As it is, or as much of its end as is so many seconds long.
    pub(super) fn within(self, longest_s: u32) -> Self {
        Self { from_us: self.from_us.max(self.ends_us.saturating_sub(i64::from(longest_s) * 1_000_000)), ..self }
    }

    /// Its length in seconds.
    pub(super) fn seconds(&self) -> u32 {
        u32::try_from((self.ends_us - self.from_us).max(0).div_euclid(1_000_000)).unwrap_or(u32::MAX)
    }
}

/// What is looked at next, when so many conversations with this share of all messages can be reached, this share of messages says
/// what is asked for, and `wanted` hits are enough. `fruitless` steps found nothing.
pub(super) fn stretch(months: Months, frequency: f64, conversations: usize, share: f64, wanted: usize, fruitless: u32) -> Stretch {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (conversations, wanted) = (conversations as f64, wanted as f64);
    let (Months { from_us, ends_us, rows }, reachable) = (months, months.rows * share);
    // Half again as many as on the average, and twice as many after each try that found too few.
    let tested = (1.5 * wanted / frequency.max(1e-9)) * f64::from(1_u32 << fruitless.min(MOST_DOUBLINGS));
    let part = (tested / reachable.max(1.0)).min(1.0);
    let times = if part < 1.0 { 2.0 } else { 1.0 };
    let walk = STATEMENT + times * conversations * PROBE + tested.min(reachable) * TEST;
    let meet = STATEMENT + conversations * PROBE + (rows * frequency + reachable) * PASS + rows * frequency * share * FETCH;
    let words = STATEMENT + rows * frequency * FETCH;
    if words <= walk && words <= meet {
        return Stretch { from_us, ends_us, plan: Plan::Words };
    }
    if meet <= walk {
        return Stretch { from_us, ends_us, plan: Plan::Meet };
    }
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an estimate of a length of time")]
    let length = ((ends_us - from_us) as f64 * part) as i64;
    Stretch { from_us: from_us.max(ends_us - length.max(1)), ends_us, plan: Plan::Walk }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 86_400_000_000;

    fn months(rows: f64) -> Months {
        Months { from_us: 100 * DAY_US, ends_us: 130 * DAY_US, rows }
    }

    #[test]
    fn common_words_are_walked_for_rare_ones_looked_up_and_others_met() {
        let plan = |frequency, conversations: u16| {
            let share = f64::from(conversations) / 100_000.0;
            stretch(months(2_000_000.0), frequency, usize::from(conversations), share, 21, 0).plan
        };
        assert_eq!(plan(0.05, 30), Plan::Walk);
        assert_eq!(plan(0.05, 500), Plan::Walk);
        assert_eq!(plan(0.001, 500), Plan::Meet);
        assert_eq!(plan(0.000_1, 500), Plan::Words);
        assert_eq!(plan(0.000_1, 10_000), Plan::Words);
        assert_eq!(plan(0.001, 2), Plan::Walk, "few rows can be reached");
    }

    #[test]
    fn a_walk_looks_a_little_way_back_and_further_when_it_finds_nothing() {
        let walk = |fruitless| stretch(months(2_000_000.0), 0.05, 500, 0.005, 21, fruitless);
        let (first, second, last) = (walk(0), walk(1), walk(40));
        assert!(first.from_us > 127 * DAY_US && first.from_us < 130 * DAY_US, "{first:?}");
        assert!(second.from_us < first.from_us);
        assert_eq!(last.from_us, 100 * DAY_US);
    }

    #[test]
    fn a_stretch_is_cut_at_its_old_end() {
        let stretch = Stretch { from_us: 0, ends_us: 10 * DAY_US, plan: Plan::Meet };
        assert_eq!(stretch.within(86_400), Stretch { from_us: 9 * DAY_US, ..stretch });
        assert_eq!(stretch.within(u32::MAX), stretch);
        assert_eq!(stretch.seconds(), 864_000);
    }
}
