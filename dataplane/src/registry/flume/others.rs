//! Flume's channels, interceptors, selectors, sink processors and serializers: aliases, classes and keys.

use super::{FlumeType, NEEDS_JVM, kind};
use crate::config::Role;

const FILE_CHANNEL: &str = "checkpointDir dataDirs capacity transactionCapacity keep-alive checkpointInterval \
    maxFileSize minimumRequiredSpace useDualCheckpoints backupCheckpointDir \
    compressBackupCheckpoint checkpointOnClose fsyncPerTransaction fsyncInterval \
    use-log-replay-v1 use-fast-replay encryption.";

/// Every channel, interceptor, selector, processor and serializer.
pub(super) static OTHERS: &[FlumeType] = &[
    kind(
        Role::Channel,
        "memory",
        "org.apache.flume.channel.MemoryChannel",
        &["capacity transactionCapacity keep-alive byteCapacity byteCapacityBufferPercentage"],
    ),
    kind(
        Role::Channel,
        "file",
        "org.apache.flume.channel.file.FileChannel",
        &["write-timeout", FILE_CHANNEL],
    ),
    kind(
        Role::Channel,
        "spillablememory",
        "org.apache.flume.channel.SpillableMemoryChannel",
        &[
            "memoryCapacity overflowCapacity overflowTimeout overflowDeactivationThreshold",
            "byteCapacityBufferPercentage byteCapacity avgEventSize",
            FILE_CHANNEL,
        ],
    ),
    kind(
        Role::Channel,
        "jdbc",
        "org.apache.flume.channel.jdbc.JdbcChannel",
        &[
            "driver.class driver.url db.username db.password db.type connection.properties.file",
            "create.schema create.index create.foreignkey transaction.isolation maximum.connections",
            "maximum.capacity sysprop. org.apache.flume.channel.jdbc.",
        ],
    ),
    kind(
        Role::Channel,
        "",
        "org.apache.flume.channel.kafka.KafkaChannel",
        &[
            "kafka.bootstrap.servers kafka.topic kafka.pollTimeout kafka.consumer.group.id",
            "kafka.consumer. kafka.producer. parseAsFlumeEvent defaultPartitionId partitionIdHeader",
            "migrateZookeeperOffsets zookeeperConnect brokerList topic groupId readSmallestOffset",
            "pollTimeout",
        ],
    ),
    kind(Role::Channel, "", "org.apache.flume.channel.PseudoTxnMemoryChannel", &["capacity keep-alive"])
        .instead("it was made for Flume's own tests; use type memory"),
    // Interceptors: the builder is what a file names.
    kind(
        Role::Interceptor,
        "timestamp",
        "org.apache.flume.interceptor.TimestampInterceptor$Builder",
        &["headerName preserveExisting"],
    ),
    kind(
        Role::Interceptor,
        "host",
        "org.apache.flume.interceptor.HostInterceptor$Builder",
        &["useIP hostHeader preserveExisting"],
    ),
    kind(
        Role::Interceptor,
        "static",
        "org.apache.flume.interceptor.StaticInterceptor$Builder",
        &["key value preserveExisting"],
    ),
    kind(
        Role::Interceptor,
        "regex_filter",
        "org.apache.flume.interceptor.RegexFilteringInterceptor$Builder",
        &["regex excludeEvents"],
    ),
    kind(
        Role::Interceptor,
        "regex_extractor",
        "org.apache.flume.interceptor.RegexExtractorInterceptor$Builder",
        &["regex serializers serializers."],
    ),
    kind(
        Role::Interceptor,
        "search_replace",
        "org.apache.flume.interceptor.SearchAndReplaceInterceptor$Builder",
        &["searchPattern replaceString charset"],
    ),
    kind(
        Role::Interceptor,
        "remove_header",
        "org.apache.flume.interceptor.RemoveHeaderInterceptor$Builder",
        &["withName fromList fromListSeparator matching"],
    ),
    kind(
        Role::Interceptor,
        "",
        "org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder",
        &["headerName preserveExisting prefix"],
    ),
    kind(
        Role::Interceptor,
        "",
        "org.apache.flume.sink.solr.morphline.MorphlineInterceptor$Builder",
        &["morphlineFile morphlineId"],
    )
    .instead(NEEDS_JVM),
    kind(Role::Selector, "replicating", "org.apache.flume.channel.ReplicatingChannelSelector", &["optional"]),
    kind(
        Role::Selector,
        "multiplexing",
        "org.apache.flume.channel.MultiplexingChannelSelector",
        &["header mapping. default optional."],
    ),
    kind(
        Role::Selector,
        "load_balancing",
        "org.apache.flume.channel.LoadBalancingChannelSelector",
        &["policy"],
    ),
    kind(Role::Processor, "default", "org.apache.flume.sink.DefaultSinkProcessor", &[]),
    kind(
        Role::Processor,
        "failover",
        "org.apache.flume.sink.FailoverSinkProcessor",
        &["priority. maxpenalty"],
    ),
    kind(
        Role::Processor,
        "load_balance",
        "org.apache.flume.sink.LoadBalancingSinkProcessor",
        &["backoff selector selector."],
    ),
    kind(
        Role::Serializer,
        "text",
        "org.apache.flume.serialization.BodyTextEventSerializer$Builder",
        &["appendNewline"],
    ),
    kind(
        Role::Serializer,
        "header_and_text",
        "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder",
        &["appendNewline"],
    ),
    kind(
        Role::Serializer,
        "avro_event",
        "org.apache.flume.serialization.FlumeEventAvroEventSerializer$Builder",
        &["syncIntervalBytes compressionCodec"],
    ),
    kind(
        Role::Serializer,
        "",
        "org.apache.flume.sink.hdfs.AvroEventSerializer$Builder",
        &["syncIntervalBytes compressionCodec schemaURL"],
    ),
];
