//! Channel selectors: which of its source's channels an event goes to, one file each. Pure: randomness is an argument.

pub mod load_balancing;
pub mod multiplexing;
pub mod replicating;

#[cfg(test)]
pub(crate) mod testing;
