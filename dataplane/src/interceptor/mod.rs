//! Interceptors: what changes or drops events between a source and its channels, one file each. Pure: time and host name
//! are arguments.

pub mod host;
pub mod r#static;
pub mod timestamp;

#[cfg(test)]
pub(crate) mod testing;
