//! What a configuration may ask of the world outside its text.

mod external;

pub(crate) use external::Commands;
