#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| relay_fuzz_entries::batch(bytes));
