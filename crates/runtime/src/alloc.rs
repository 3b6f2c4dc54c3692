//! The allocator of every process.
//!
//! A gateway makes and drops a dozen small buffers for each message, on whichever thread polls the socket. With the C
//! library's allocator a quarter of its time went there, most of it into merging free pieces.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
