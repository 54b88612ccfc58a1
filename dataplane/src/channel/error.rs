//! Why a channel refuses a batch.

use crate::event::Advice;
use std::sync::Arc;
use std::time::Duration;

/// A refused put. Nothing of the batch was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// No room for its events within the keep-alive. The text is Flume's, which netcat clients see.
    #[error(
        "Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with sources, or the buffer \
         size is too tight"
    )]
    Full {
        /// The channel.
        channel: Arc<str>,
        /// Events of the batch, from its first on, that it would have taken at the end of the wait.
        room_events: u32,
    },
    /// No room for its bytes within the keep-alive. The text is Flume's, the missing blank with it.
    #[error(
        "Cannot commit transaction. Byte capacity allocated to store event body {}reached. Please increase heap \
         space/byte capacity allocated to the channel as the sinks may not be keeping up with the sources",
        java_double(*byte_capacity)
    )]
    BytesFull {
        /// The channel.
        channel: Arc<str>,
        /// Bytes of bodies it can store: `byteCapacity` without the part for headers, in whole slots.
        byte_capacity: u64,
        /// Events of the batch, from its first on, that it would have taken at the end of the wait.
        room_events: u32,
    },
    /// The disk has no space for it.
    #[error("channel {channel} takes no events: {why}")]
    NoSpace {
        /// The channel.
        channel: Arc<str>,
        /// What is missing.
        why: String,
    },
    /// More bytes than the log ever takes in one put.
    #[error("batch of {bytes} bytes exceeds the {limit_bytes} bytes that channel {channel} takes at once")]
    TooManyBytes {
        /// The channel.
        channel: Arc<str>,
        /// Bytes of the stored batch.
        bytes: u64,
        /// The most it takes.
        limit_bytes: u64,
    },
    /// More events than one transaction may have.
    #[error("batch of {events} events exceeds transactionCapacity {limit} of channel {channel}")]
    TooLarge {
        /// The channel.
        channel: Arc<str>,
        /// Events in the batch.
        events: u32,
        /// The channel's `transactionCapacity`.
        limit: u32,
    },
    /// The channel cannot keep promises any more.
    #[error("channel {channel} has failed")]
    Failed {
        /// The channel.
        channel: Arc<str>,
    },
    /// The channel is being closed.
    #[error("channel {channel} is closing")]
    Closing {
        /// The channel.
        channel: Arc<str>,
    },
}

impl PutError {
    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            PutError::TooLarge { .. } | PutError::TooManyBytes { .. } => Advice::Reject,
            PutError::Failed { .. } => Advice::Stop,
            PutError::Full { .. }
            | PutError::BytesFull { .. }
            | PutError::NoSpace { .. }
            | PutError::Closing { .. } => Advice::RetryAfter(Duration::from_millis(250)),
        }
    }

    /// Events of the batch, from its first on, that would have fit.
    pub fn room_events(&self) -> u32 {
        match self {
            PutError::Full { room_events, .. } | PutError::BytesFull { room_events, .. } => *room_events,
            PutError::TooLarge { .. }
            | PutError::TooManyBytes { .. }
            | PutError::NoSpace { .. }
            | PutError::Failed { .. }
            | PutError::Closing { .. } => 0,
        }
    }

    /// Which channel refused.
    pub fn channel(&self) -> &Arc<str> {
        match self {
            PutError::Full { channel, .. }
            | PutError::BytesFull { channel, .. }
            | PutError::TooLarge { channel, .. }
            | PutError::TooManyBytes { channel, .. }
            | PutError::NoSpace { channel, .. }
            | PutError::Failed { channel }
            | PutError::Closing { channel } => channel,
        }
    }
}

/// A whole number as Java prints it when it is a `double`: `800.0`, `1.0E7`.
fn java_double(number: u64) -> String {
    if number < 10_000_000 {
        return format!("{number}.0");
    }
    let text = format!("{:E}", number as f64);
    if text.contains('.') { text } else { text.replacen('E', ".0E", 1) }
}

#[cfg(test)]
mod tests {
    use super::java_double;

    #[test]
    fn numbers_are_printed_as_java_prints_doubles() {
        let printed = [0, 800, 9_999_900, 10_000_000, 12_345_600, 858_993_400, 1 << 40].map(java_double);
        let java = ["0.0", "800.0", "9999900.0", "1.0E7", "1.23456E7", "8.589934E8", "1.099511627776E12"];
        assert_eq!(printed, java);
    }
}
