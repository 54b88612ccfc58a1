//! Every type of Apache Flume 1.11 (and what older releases had), as data: so that a type which is not here yet is told
//! from a Java class and from a misspelt word, and so that its keys are not called unknown.
//!
//! A type that this program has stays in the table: the lists of [`crate::registry`] are asked first.

use crate::config::Role;

/// One type of Flume's.
#[derive(Debug, Clone, Copy)]
pub struct FlumeType {
    /// What it is.
    pub role: Role,
    /// The short name that is matched in any case; empty when only the class name works.
    pub alias: &'static str,
    /// The class, exactly as it must be written.
    pub class: &'static str,
    /// Keys below the component, separated by blanks; a key that ends in a dot stands for all below it.
    pub keys: &'static str,
    /// Key and default of the batch size that is compared with the channel's transaction capacity.
    pub batch: Option<(&'static str, u64)>,
    /// What to do, as a sentence; empty: it comes with a later release.
    pub instead: &'static str,
}

impl FlumeType {
    /// The name for messages: the alias where there is one.
    pub fn name(&self) -> &'static str {
        if self.alias.is_empty() { self.class } else { self.alias }
    }

    /// What to do when a file names it and it is not here.
    pub fn advice(&self) -> &'static str {
        if self.instead.is_empty() {
            "it comes with a later release; until then keep this agent on Flume"
        } else {
            self.instead
        }
    }

    /// Whether `key` belongs to the type.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.split_ascii_whitespace().any(|known| match known.ends_with('.') {
            true => key.starts_with(known),
            false => key == known,
        })
    }
}

/// The type that `text` names: an alias in any case, a class name exactly.
pub fn find(role: Role, text: &str) -> Option<&'static FlumeType> {
    all(role).find(|t| t.class == text || (!t.alias.is_empty() && t.alias.eq_ignore_ascii_case(text)))
}

/// Every type of one role.
pub fn all(role: Role) -> impl Iterator<Item = &'static FlumeType> {
    TYPES.iter().filter(move |t| t.role == role)
}

const fn kind(role: Role, alias: &'static str, class: &'static str, keys: &'static str) -> FlumeType {
    FlumeType { role, alias, class, keys, batch: None, instead: "" }
}

impl FlumeType {
    const fn batch(mut self, key: &'static str, default: u64) -> Self {
        self.batch = Some((key, default));
        self
    }

    const fn instead(mut self, sentence: &'static str) -> Self {
        self.instead = sentence;
        self
    }
}

const NEEDS_JVM: &str = "it needs a Java virtual machine and will not come; keep this agent on Flume";

static TYPES: &[FlumeType] = &[
    // Sources
    kind(Role::Source, "seq", "org.apache.flume.source.SequenceGeneratorSource", "batchSize totalEvents backoffSleepIncrement maxBackoffSleep").batch("batchSize", 1),
    kind(Role::Source, "netcat", "org.apache.flume.source.NetcatSource", "bind port max-line-length ack-every-event encoding"),
    kind(Role::Source, "netcatudp", "org.apache.flume.source.NetcatUdpSource", "bind port remoteAddress"),
    kind(Role::Source, "exec", "org.apache.flume.source.ExecSource", "command shell restart restartThrottle logStdErr batchSize batchTimeout charset").batch("batchSize", 20),
    kind(Role::Source, "avro", "org.apache.flume.source.AvroSource", "bind port threads compression-type ssl keystore keystore-password keystore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites ipFilter ipFilterRules"),
    kind(Role::Source, "thrift", "org.apache.flume.source.ThriftSource", "bind port threads protocol kerberos agent-principal agent-keytab ssl keystore keystore-password keystore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites"),
    kind(Role::Source, "syslogtcp", "org.apache.flume.source.SyslogTcpSource", "host port eventSize keepFields clientIPHeader clientHostnameHeader format. ssl keystore keystore-password keystore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites"),
    kind(Role::Source, "multiport_syslogtcp", "org.apache.flume.source.MultiportSyslogTCPSource", "host ports eventSize keepFields portHeader clientIPHeader clientHostnameHeader batchSize readBufferBytes numProcessors charset. ssl keystore keystore-password keystore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites").batch("batchSize", 100),
    kind(Role::Source, "syslogudp", "org.apache.flume.source.SyslogUDPSource", "host port keepFields clientIPHeader clientHostnameHeader format."),
    kind(Role::Source, "spooldir", "org.apache.flume.source.SpoolDirectorySource", "spoolDir fileSuffix deletePolicy trackingPolicy trackerDir fileHeader fileHeaderKey basenameHeader basenameHeaderKey includePattern ignorePattern consumeOrder pollDelay recursiveDirectorySearch maxBackoff batchSize inputCharset decodeErrorPolicy deserializer deserializer. bufferMaxLineLength bufferMaxLines").batch("batchSize", 100),
    kind(Role::Source, "taildir", "org.apache.flume.source.taildir.TaildirSource", "filegroups filegroups. positionFile headers. fileHeader fileHeaderKey byteOffsetHeader skipToEnd idleTimeout writePosInterval batchSize maxBatchCount cachePatternMatching backoffSleepIncrement maxBackoffSleep").batch("batchSize", 100),
    kind(Role::Source, "http", "org.apache.flume.source.http.HTTPSource", "bind port handler handler. ssl keystore keystore-password keystore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites enableSSL excludeProtocols keystorePassword QueuedThreadPool. HttpConfiguration. SslContextFactory. ServerConnector."),
    kind(Role::Source, "jms", "org.apache.flume.source.jms.JMSSource", "initialContextFactory connectionFactory providerURL destinationName destinationType destinationLocator messageSelector userName passwordFile batchSize errorThreshold pollTimeout clientId createDurableSubscription durableSubscriptionName converter. backoffSleepIncrement maxBackoffSleep").batch("batchSize", 100).instead(NEEDS_JVM),
    kind(Role::Source, "", "org.apache.flume.source.kafka.KafkaSource", "kafka. batchSize batchDurationMillis useFlumeEventFormat setTopicHeader topicHeader header. topic groupId zookeeperConnect migrateZookeeperOffsets backoffSleepIncrement maxBackoffSleep").batch("batchSize", 1000),
    kind(Role::Source, "", "org.apache.flume.source.StressSource", "size maxTotalEvents maxSuccessfulEvents batchSize maxEventsPerSecond backoffSleepIncrement maxBackoffSleep").batch("batchSize", 1),
    kind(Role::Source, "", "org.apache.flume.source.scribe.ScribeSource", "port workerThreads maxReadBufferBytes"),
    kind(Role::Source, "", "org.apache.flume.source.twitter.TwitterSource", "consumerKey consumerSecret accessToken accessTokenSecret maxBatchSize maxBatchDurationMillis").instead("the service it reads has been shut down; remove the source"),
    kind(Role::Source, "", "org.apache.flume.source.avroLegacy.AvroLegacySource", "host port").instead("it serves agents of Flume 0.9; upgrade the senders and use type avro"),
    kind(Role::Source, "", "org.apache.flume.source.thriftLegacy.ThriftLegacySource", "host port").instead("it serves agents of Flume 0.9; upgrade the senders and use type avro"),
    // Channels
    kind(Role::Channel, "memory", "org.apache.flume.channel.MemoryChannel", "capacity transactionCapacity keep-alive byteCapacity byteCapacityBufferPercentage"),
    kind(Role::Channel, "file", "org.apache.flume.channel.file.FileChannel", "checkpointDir dataDirs capacity transactionCapacity keep-alive checkpointInterval maxFileSize minimumRequiredSpace useDualCheckpoints backupCheckpointDir compressBackupCheckpoint checkpointOnClose fsyncPerTransaction fsyncInterval use-log-replay-v1 use-fast-replay encryption. write-timeout"),
    kind(Role::Channel, "spillablememory", "org.apache.flume.channel.SpillableMemoryChannel", "memoryCapacity overflowCapacity overflowTimeout overflowDeactivationThreshold byteCapacityBufferPercentage byteCapacity avgEventSize checkpointDir dataDirs capacity transactionCapacity keep-alive checkpointInterval maxFileSize minimumRequiredSpace useDualCheckpoints backupCheckpointDir compressBackupCheckpoint checkpointOnClose fsyncPerTransaction fsyncInterval use-log-replay-v1 use-fast-replay encryption."),
    kind(Role::Channel, "jdbc", "org.apache.flume.channel.jdbc.JdbcChannel", "driver.class driver.url db.username db.password db.type connection.properties.file create.schema create.index create.foreignkey transaction.isolation maximum.connections maximum.capacity sysprop. org.apache.flume.channel.jdbc."),
    kind(Role::Channel, "", "org.apache.flume.channel.kafka.KafkaChannel", "kafka. parseAsFlumeEvent defaultPartitionId partitionIdHeader migrateZookeeperOffsets zookeeperConnect brokerList topic groupId readSmallestOffset pollTimeout"),
    kind(Role::Channel, "", "org.apache.flume.channel.PseudoTxnMemoryChannel", "capacity keep-alive").instead("it was made for Flume's own tests; use type memory"),
    // Sinks
    kind(Role::Sink, "null", "org.apache.flume.sink.NullSink", "batchSize logEveryNEvents").batch("batchSize", 100),
    kind(Role::Sink, "logger", "org.apache.flume.sink.LoggerSink", "maxBytesToLog"),
    kind(Role::Sink, "file_roll", "org.apache.flume.sink.RollingFileSink", "sink.directory sink.rollInterval sink.batchSize sink.serializer sink.serializer. sink.pathManager sink.pathManager.").batch("sink.batchSize", 100),
    kind(Role::Sink, "hdfs", "org.apache.flume.sink.hdfs.HDFSEventSink", "hdfs. serializer serializer. writeFormat.").batch("hdfs.batchSize", 100),
    kind(Role::Sink, "irc", "org.apache.flume.sink.irc.IRCSink", "hostname port nick chan password user name splitlines splitchars"),
    kind(Role::Sink, "avro", "org.apache.flume.sink.AvroSink", "hostname port batch-size connect-timeout request-timeout reset-connection-interval compression-type compression-level ssl trust-all-certs truststore truststore-password truststore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites maxIoWorkers client.type hosts hosts. host-selector backoff maxBackoff max-attempts").batch("batch-size", 100),
    kind(Role::Sink, "thrift", "org.apache.flume.sink.ThriftSink", "hostname port batch-size connect-timeout request-timeout reset-connection-interval protocol ssl truststore truststore-password truststore-type include-protocols exclude-protocols include-cipher-suites exclude-cipher-suites kerberos client-principal client-keytab server-principal maxConnections client.type hosts hosts. host-selector backoff maxBackoff max-attempts").batch("batch-size", 100),
    kind(Role::Sink, "elasticsearch", "org.apache.flume.sink.elasticsearch.ElasticSearchSink", "hostNames client clusterName indexName indexType batchSize ttl serializer serializer. indexNameBuilder indexNameBuilder.").batch("batchSize", 100).instead("Flume removed it in 1.10; send with an http sink, or over Kafka"),
    kind(Role::Sink, "hbase", "org.apache.flume.sink.hbase.HBaseSink", "table columnFamily batchSize serializer serializer. zookeeperQuorum znodeParent enableWal coalesceIncrements kerberosPrincipal kerberosKeytab").batch("batchSize", 100),
    kind(Role::Sink, "asynchbase", "org.apache.flume.sink.hbase.AsyncHBaseSink", "table columnFamily batchSize serializer serializer. zookeeperQuorum znodeParent enableWal coalesceIncrements timeout maxConsecutiveFails async.").batch("batchSize", 100),
    kind(Role::Sink, "hbase2", "org.apache.flume.sink.hbase2.HBase2Sink", "table columnFamily batchSize serializer serializer. zookeeperQuorum znodeParent enableWal coalesceIncrements kerberosPrincipal kerberosKeytab").batch("batchSize", 100),
    kind(Role::Sink, "morphline_solr", "org.apache.flume.sink.solr.morphline.MorphlineSolrSink", "morphlineFile morphlineId batchSize batchDurationMillis handlerClass morphlineVariable. isProductionMode isIgnoringRecoverableExceptions recoverableExceptionClasses").batch("batchSize", 1000).instead(NEEDS_JVM),
    kind(Role::Sink, "hive", "org.apache.flume.sink.hive.HiveSink", "hive. batchSize maxOpenConnections idleTimeout callTimeout heartBeatInterval autoCreatePartitions round roundUnit roundValue timeZone useLocalTimeStamp serializer serializer.").batch("batchSize", 15000),
    kind(Role::Sink, "http", "org.apache.flume.sink.http.HttpSink", "endpoint connectTimeout requestTimeout acceptHeader contentTypeHeader defaultBackoff defaultRollback defaultIncrementMetrics backoff. rollback. incrementMetrics."),
    kind(Role::Sink, "", "org.apache.flume.sink.kafka.KafkaSink", "kafka. flumeBatchSize useFlumeEventFormat allowTopicOverride topicHeader partitionIdHeader defaultPartitionId timestampHeader header. brokerList topic batchSize requiredAcks").batch("flumeBatchSize", 100),
    kind(Role::Sink, "", "org.apache.flume.sink.kudu.KuduSink", "masterAddresses tableName producer producer. batchSize timeoutMillis ignoreDuplicateRows kerberosPrincipal kerberosKeytab proxyUser").batch("batchSize", 1000),
    kind(Role::Sink, "", "org.apache.flume.sink.kite.DatasetSink", "kite. auth.").instead("Flume removed it in 1.10; write files with an hdfs sink"),
    // Interceptors: the builder is what a file names.
    kind(Role::Interceptor, "timestamp", "org.apache.flume.interceptor.TimestampInterceptor$Builder", "headerName preserveExisting"),
    kind(Role::Interceptor, "host", "org.apache.flume.interceptor.HostInterceptor$Builder", "useIP hostHeader preserveExisting"),
    kind(Role::Interceptor, "static", "org.apache.flume.interceptor.StaticInterceptor$Builder", "key value preserveExisting"),
    kind(Role::Interceptor, "regex_filter", "org.apache.flume.interceptor.RegexFilteringInterceptor$Builder", "regex excludeEvents"),
    kind(Role::Interceptor, "regex_extractor", "org.apache.flume.interceptor.RegexExtractorInterceptor$Builder", "regex serializers serializers."),
    kind(Role::Interceptor, "search_replace", "org.apache.flume.interceptor.SearchAndReplaceInterceptor$Builder", "searchPattern replaceString charset"),
    kind(Role::Interceptor, "remove_header", "org.apache.flume.interceptor.RemoveHeaderInterceptor$Builder", "withName fromList fromListSeparator matching"),
    kind(Role::Interceptor, "", "org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder", "headerName preserveExisting prefix"),
    kind(Role::Interceptor, "", "org.apache.flume.sink.solr.morphline.MorphlineInterceptor$Builder", "morphlineFile morphlineId").instead(NEEDS_JVM),
    // Selectors
    kind(Role::Selector, "replicating", "org.apache.flume.channel.ReplicatingChannelSelector", "optional"),
    kind(Role::Selector, "multiplexing", "org.apache.flume.channel.MultiplexingChannelSelector", "header mapping. default optional."),
    kind(Role::Selector, "load_balancing", "org.apache.flume.channel.LoadBalancingChannelSelector", "policy"),
    // Sink processors
    kind(Role::Processor, "default", "org.apache.flume.sink.DefaultSinkProcessor", ""),
    kind(Role::Processor, "failover", "org.apache.flume.sink.FailoverSinkProcessor", "priority. maxpenalty"),
    kind(Role::Processor, "load_balance", "org.apache.flume.sink.LoadBalancingSinkProcessor", "backoff selector selector."),
    // Serializers
    kind(Role::Serializer, "text", "org.apache.flume.serialization.BodyTextEventSerializer$Builder", "appendNewline"),
    kind(Role::Serializer, "header_and_text", "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder", "appendNewline"),
    kind(Role::Serializer, "avro_event", "org.apache.flume.serialization.FlumeEventAvroEventSerializer$Builder", "syncIntervalBytes compressionCodec"),
    kind(Role::Serializer, "", "org.apache.flume.sink.hdfs.AvroEventSerializer$Builder", "syncIntervalBytes compressionCodec schemaURL"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_match_in_any_case_and_classes_exactly() {
        assert_eq!(find(Role::Source, "NetCat").unwrap().name(), "netcat");
        assert_eq!(find(Role::Sink, "org.apache.flume.sink.LoggerSink").unwrap().name(), "logger");
        assert!(find(Role::Sink, "org.apache.flume.sink.loggersink").is_none());
        assert!(find(Role::Source, "").is_none());
        assert!(find(Role::Source, "logger").is_none());
    }

    #[test]
    fn keys_and_prefixes_are_known() {
        let kafka = find(Role::Sink, "org.apache.flume.sink.kafka.KafkaSink").unwrap();
        assert!(kafka.has_key("kafka.producer.acks") && kafka.has_key("flumeBatchSize"));
        assert!(!kafka.has_key("kafkatopic"));
    }

    #[test]
    fn nothing_is_listed_twice_and_batch_keys_are_keys() {
        for (at, one) in TYPES.iter().enumerate() {
            for other in &TYPES[..at] {
                assert!(one.role != other.role || one.class != other.class, "{}", one.class);
            }
            assert!(one.batch.is_none_or(|(key, _)| one.has_key(key)), "{}", one.class);
        }
    }
}
