//! Flume's sources: aliases, classes and keys.

use super::{FlumeType, NEEDS_JVM, kind};
use crate::config::Role;

const SERVER_TLS: &str = "ssl keystore keystore-password keystore-type include-protocols exclude-protocols \
    include-cipher-suites exclude-cipher-suites";
const POLLING: &str = "backoffSleepIncrement maxBackoffSleep";

/// Every source.
pub(super) static SOURCES: &[FlumeType] = &[
    kind(
        Role::Source,
        "seq",
        "org.apache.flume.source.SequenceGeneratorSource",
        &["batchSize totalEvents", POLLING],
    )
    .batch("batchSize", 1),
    kind(
        Role::Source,
        "netcat",
        "org.apache.flume.source.NetcatSource",
        &["bind port max-line-length ack-every-event encoding"],
    )
    .needs("bind port"),
    kind(Role::Source, "netcatudp", "org.apache.flume.source.NetcatUdpSource", &["bind port remoteAddress"])
        .needs("port"),
    kind(
        Role::Source,
        "exec",
        "org.apache.flume.source.ExecSource",
        &["command shell restart restartThrottle logStdErr batchSize batchTimeout charset"],
    )
    .needs("command")
    .batch("batchSize", 20),
    kind(
        Role::Source,
        "avro",
        "org.apache.flume.source.AvroSource",
        &["bind port threads compression-type ipFilter ipFilterRules", SERVER_TLS],
    )
    .needs("bind port"),
    kind(
        Role::Source,
        "thrift",
        "org.apache.flume.source.ThriftSource",
        &["bind port threads protocol kerberos agent-principal agent-keytab", SERVER_TLS],
    )
    .needs("bind port"),
    kind(
        Role::Source,
        "syslogtcp",
        "org.apache.flume.source.SyslogTcpSource",
        &["host port eventSize keepFields clientIPHeader clientHostnameHeader format.", SERVER_TLS],
    )
    .needs("port"),
    kind(
        Role::Source,
        "multiport_syslogtcp",
        "org.apache.flume.source.MultiportSyslogTCPSource",
        &[
            "host ports eventSize keepFields portHeader clientIPHeader clientHostnameHeader batchSize",
            "readBufferBytes numProcessors charset.",
            SERVER_TLS,
        ],
    )
    .needs("ports")
    .batch("batchSize", 100),
    kind(
        Role::Source,
        "syslogudp",
        "org.apache.flume.source.SyslogUDPSource",
        &["host port keepFields clientIPHeader clientHostnameHeader format."],
    )
    .needs("port"),
    kind(
        Role::Source,
        "spooldir",
        "org.apache.flume.source.SpoolDirectorySource",
        &[
            "spoolDir fileSuffix deletePolicy trackingPolicy trackerDir fileHeader fileHeaderKey",
            "basenameHeader basenameHeaderKey includePattern ignorePattern consumeOrder pollDelay",
            "recursiveDirectorySearch maxBackoff batchSize inputCharset decodeErrorPolicy",
            "deserializer deserializer. bufferMaxLineLength bufferMaxLines",
        ],
    )
    .needs("spoolDir")
    .batch("batchSize", 100),
    kind(
        Role::Source,
        "taildir",
        "org.apache.flume.source.taildir.TaildirSource",
        &[
            "filegroups filegroups. positionFile headers. fileHeader fileHeaderKey byteOffsetHeader",
            "skipToEnd idleTimeout writePosInterval batchSize maxBatchCount cachePatternMatching",
            POLLING,
        ],
    )
    .needs("filegroups")
    .batch("batchSize", 100),
    kind(
        Role::Source,
        "http",
        "org.apache.flume.source.http.HTTPSource",
        &[
            "bind port handler handler. enableSSL excludeProtocols keystorePassword QueuedThreadPool.",
            "HttpConfiguration. SslContextFactory. ServerConnector.",
            SERVER_TLS,
        ],
    )
    .needs("port"),
    kind(
        Role::Source,
        "jms",
        "org.apache.flume.source.jms.JMSSource",
        &[
            "initialContextFactory connectionFactory providerURL destinationName destinationType",
            "destinationLocator messageSelector userName passwordFile batchSize errorThreshold",
            "pollTimeout clientId createDurableSubscription durableSubscriptionName converter.",
            POLLING,
        ],
    )
    .needs("initialContextFactory providerURL destinationName destinationType")
    .batch("batchSize", 100)
    .instead(NEEDS_JVM),
    kind(
        Role::Source,
        "",
        "org.apache.flume.source.kafka.KafkaSource",
        &[
            "kafka.bootstrap.servers kafka.topics kafka.topics.regex kafka.consumer.group.id",
            "kafka.consumer. batchSize batchDurationMillis useFlumeEventFormat setTopicHeader",
            "topicHeader header. topic groupId zookeeperConnect migrateZookeeperOffsets",
            POLLING,
        ],
    )
    .batch("batchSize", 1000),
    kind(
        Role::Source,
        "",
        "org.apache.flume.source.StressSource",
        &["size maxTotalEvents maxSuccessfulEvents batchSize maxEventsPerSecond", POLLING],
    )
    .batch("batchSize", 1),
    kind(
        Role::Source,
        "",
        "org.apache.flume.source.scribe.ScribeSource",
        &["port workerThreads maxReadBufferBytes"],
    ),
    kind(
        Role::Source,
        "",
        "org.apache.flume.source.twitter.TwitterSource",
        &["consumerKey consumerSecret accessToken accessTokenSecret maxBatchSize", "maxBatchDurationMillis"],
    )
    .instead("the service it reads has been shut down; remove the source"),
    kind(Role::Source, "", "org.apache.flume.source.avroLegacy.AvroLegacySource", &["host port"])
        .instead("it serves agents of Flume 0.9; upgrade the senders and use type avro"),
    kind(Role::Source, "", "org.apache.flume.source.thriftLegacy.ThriftLegacySource", &["host port"])
        .instead("it serves agents of Flume 0.9; upgrade the senders and use type avro"),
];
