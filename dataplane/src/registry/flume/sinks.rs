//! Flume's sinks: aliases, classes and keys.

use super::{FlumeType, NEEDS_JVM, kind};
use crate::config::Role;

const CLIENT_TLS: &str = "ssl truststore truststore-password truststore-type include-protocols exclude-protocols \
    include-cipher-suites exclude-cipher-suites";
const RPC_SINK: &str = "hostname port batch-size connect-timeout request-timeout reset-connection-interval \
    client.type hosts hosts. host-selector backoff maxBackoff max-attempts";
const HBASE: &str = "table columnFamily batchSize serializer serializer. zookeeperQuorum znodeParent enableWal \
    coalesceIncrements";

/// Every sink.
pub(super) static SINKS: &[FlumeType] = &[
    kind(Role::Sink, "null", "org.apache.flume.sink.NullSink", &["batchSize logEveryNEvents"])
        .batch("batchSize", 100),
    kind(Role::Sink, "logger", "org.apache.flume.sink.LoggerSink", &["maxBytesToLog"]),
    kind(
        Role::Sink,
        "file_roll",
        "org.apache.flume.sink.RollingFileSink",
        &[
            "sink.directory sink.rollInterval sink.batchSize sink.serializer sink.serializer.",
            "sink.pathManager sink.pathManager.",
        ],
    )
    .needs("sink.directory")
    .batch("sink.batchSize", 100),
    kind(
        Role::Sink,
        "hdfs",
        "org.apache.flume.sink.hdfs.HDFSEventSink",
        &[
            "hdfs.path hdfs.filePrefix hdfs.fileSuffix hdfs.inUsePrefix hdfs.inUseSuffix",
            "hdfs.emptyInUseSuffix hdfs.rollInterval hdfs.rollSize hdfs.rollCount hdfs.idleTimeout",
            "hdfs.batchSize hdfs.codeC hdfs.fileType hdfs.writeFormat hdfs.round hdfs.roundValue",
            "hdfs.roundUnit hdfs.timeZone hdfs.useLocalTimeStamp hdfs.maxOpenFiles",
            "hdfs.minBlockReplicas hdfs.callTimeout hdfs.threadsPoolSize hdfs.rollTimerPoolSize",
            "hdfs.kerberosPrincipal hdfs.kerberosKeytab hdfs.proxyUser hdfs.retryInterval",
            "hdfs.closeTries hdfs.useRawLocalFileSystem serializer serializer. writeFormat.",
        ],
    )
    .needs("hdfs.path")
    .batch("hdfs.batchSize", 100),
    kind(
        Role::Sink,
        "irc",
        "org.apache.flume.sink.irc.IRCSink",
        &["hostname port nick chan password user name splitlines splitchars"],
    )
    .needs("hostname nick chan"),
    kind(
        Role::Sink,
        "avro",
        "org.apache.flume.sink.AvroSink",
        &["compression-type compression-level trust-all-certs maxIoWorkers", CLIENT_TLS, RPC_SINK],
    )
    .needs("hostname port")
    .batch("batch-size", 100),
    kind(
        Role::Sink,
        "thrift",
        "org.apache.flume.sink.ThriftSink",
        &[
            "protocol kerberos client-principal client-keytab server-principal maxConnections",
            CLIENT_TLS,
            RPC_SINK,
        ],
    )
    .needs("hostname port")
    .batch("batch-size", 100),
    kind(
        Role::Sink,
        "elasticsearch",
        "org.apache.flume.sink.elasticsearch.ElasticSearchSink",
        &[
            "hostNames client clusterName indexName indexType batchSize ttl serializer serializer.",
            "indexNameBuilder indexNameBuilder.",
        ],
    )
    .batch("batchSize", 100)
    .instead("Flume removed it in 1.10; send with an http sink, or over Kafka"),
    kind(
        Role::Sink,
        "hbase",
        "org.apache.flume.sink.hbase.HBaseSink",
        &["kerberosPrincipal kerberosKeytab", HBASE],
    )
    .needs("table columnFamily")
    .batch("batchSize", 100),
    kind(
        Role::Sink,
        "asynchbase",
        "org.apache.flume.sink.hbase.AsyncHBaseSink",
        &["timeout maxConsecutiveFails async.", HBASE],
    )
    .needs("table columnFamily")
    .batch("batchSize", 100),
    kind(
        Role::Sink,
        "hbase2",
        "org.apache.flume.sink.hbase2.HBase2Sink",
        &["kerberosPrincipal kerberosKeytab", HBASE],
    )
    .needs("table columnFamily")
    .batch("batchSize", 100),
    kind(
        Role::Sink,
        "morphline_solr",
        "org.apache.flume.sink.solr.morphline.MorphlineSolrSink",
        &[
            "morphlineFile morphlineId batchSize batchDurationMillis handlerClass morphlineVariable.",
            "isProductionMode isIgnoringRecoverableExceptions recoverableExceptionClasses",
        ],
    )
    .needs("morphlineFile")
    .batch("batchSize", 1000)
    .instead(NEEDS_JVM),
    kind(
        Role::Sink,
        "hive",
        "org.apache.flume.sink.hive.HiveSink",
        &[
            "hive.metastore hive.database hive.table hive.partition hive.txnsPerBatchAsk batchSize",
            "maxOpenConnections idleTimeout callTimeout heartBeatInterval autoCreatePartitions round",
            "roundUnit roundValue timeZone useLocalTimeStamp serializer serializer.",
        ],
    )
    .needs("hive.metastore hive.database hive.table serializer")
    .batch("batchSize", 15000),
    kind(
        Role::Sink,
        "http",
        "org.apache.flume.sink.http.HttpSink",
        &[
            "endpoint connectTimeout requestTimeout acceptHeader contentTypeHeader defaultBackoff",
            "defaultRollback defaultIncrementMetrics backoff. rollback. incrementMetrics.",
        ],
    )
    .needs("endpoint"),
    kind(
        Role::Sink,
        "",
        "org.apache.flume.sink.kafka.KafkaSink",
        &[
            "kafka.bootstrap.servers kafka.topic kafka.producer. flumeBatchSize useFlumeEventFormat",
            "allowTopicOverride topicHeader partitionIdHeader defaultPartitionId timestampHeader",
            "header. brokerList topic batchSize requiredAcks",
        ],
    )
    .batch("flumeBatchSize", 100),
    kind(
        Role::Sink,
        "",
        "org.apache.flume.sink.kudu.KuduSink",
        &[
            "masterAddresses tableName producer producer. batchSize timeoutMillis ignoreDuplicateRows",
            "kerberosPrincipal kerberosKeytab proxyUser",
        ],
    )
    .needs("masterAddresses tableName")
    .batch("batchSize", 1000),
    kind(Role::Sink, "", "org.apache.flume.sink.kite.DatasetSink", &["kite. auth."])
        .instead("Flume removed it in 1.10; write files with an hdfs sink"),
];
