//! A language of 50,000 words, the nth of which is said 1/n as often as the first.

/// How many.
const WORDS: usize = 50_000;
const SYLLABLES: [&str; 20] =
    ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi", "xo", "zu"];

/// The language.
pub struct Words {
    /// Up to which share of all that is said each word and those before it are.
    upto: Vec<f64>,
}

impl Words {
    pub fn new() -> Self {
        let mut sum = 0.0;
        let upto: Vec<f64> = (1..=WORDS)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { upto: upto.into_iter().map(|upto| upto / sum).collect() }
    }

    /// The word of a rank, from 0 on: syllables, the fewer the commoner.
    pub fn word(&self, rank: usize) -> String {
        let mut rest = rank % self.upto.len().max(1) + 1;
        let mut word = String::new();
        while rest > 0 {
            word += SYLLABLES.get(rest % SYLLABLES.len()).copied().unwrap_or_default();
            rest /= SYLLABLES.len();
        }
        // So that none is the beginning of too many others.
        word + "n"
    }

    /// Some words, as common as they are.
    pub fn text(&self, dice: &mut Dice) -> String {
        let count = 4 + dice.below(18);
        let words: Vec<String> = (0..count).map(|_| self.word(self.upto.partition_point(|upto| *upto < dice.share()))).collect();
        words.join(" ")
    }
}

/// Chance that is the same in each run.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap_or(0)
    }
}
