import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The same task in Kafka Streams, as its documentation would have one write it: exactly_once_v2, one state store with
 * the status of every message, one aggregate per delivery, commits every 100 ms. It keeps less than the service does (a
 * status by order of arrival, three counters), and messages cannot be looked up from outside.
 *
 * <p>BROKERS, TOPICS (comma-separated, in the order of KINDS), REGISTRY, OUTPUT, RECORDS in the environment; prints
 * {"seconds", "cpuSeconds", "rss"} from the first record to the last commit.
 */
public final class Streams {
  private static final List<String> KINDS =
      List.of("relayed", "delivered", "hardBounced", "softBounced", "retryOutcome", "complained");
  private static final List<String> RECORDS =
      List.of("Relayed", "Delivered", "HardBounced", "SoftBounced", "RetryOutcome", "Complained");
  private static final byte TAKEN_INTO_ACCOUNT = 0;
  private static final byte SENT = 1;
  private static final byte FAILED = 2;
  private static final int COUNTERS = 3;

  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final AtomicLong SEEN = new AtomicLong();
  private static final CountDownLatch DONE = new CountDownLatch(1);
  private static volatile long begun;
  private static volatile long cpuBefore;

  public static void main(String[] args) throws Exception {
    Map<String, String> env = System.getenv();
    List<String> topics = List.of(env.get("TOPICS").split(","));
    long wanted = Long.parseLong(env.get("RECORDS"));

    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore("messages"), Serdes.String(), Serdes.ByteArray()));
    Serde<long[]> counts = Serdes.serdeFrom((topic, value) -> pack(value), (topic, bytes) -> unpack(bytes));
    builder
        .stream(topics, Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .process(() -> new Fold(topics, env.get("REGISTRY"), wanted), "messages")
        .groupByKey(Grouped.with("contributions", Serdes.String(), counts))
        .aggregate(
            () -> new long[COUNTERS],
            (delivery, change, sum) -> add(sum, change),
            Materialized.with(Serdes.String(), counts))
        .toStream()
        .to(env.get("OUTPUT"), Produced.with(Serdes.String(), counts));

    try (KafkaStreams streams = new KafkaStreams(builder.build(), settings(env.get("BROKERS")))) {
      streams.start();
      DONE.await();
      streams.close(Duration.ofSeconds(30));
    }
    double seconds = (System.nanoTime() - begun) / 1e9;
    double cpuSeconds = (SYSTEM.getProcessCpuTime() - cpuBefore) / 1e9;
    System.out.printf("{\"seconds\": %.3f, \"cpuSeconds\": %.3f, \"rss\": %d}%n", seconds, cpuSeconds, peakRss());
    System.exit(0);
  }

  private static long peakRss() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    }
    return 0;
  }

  private static Properties settings(String brokers) throws Exception {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-streams-" + ProcessHandle.current().pid());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("efs-bench-streams").toString());
    settings.put(StreamsConfig.mainConsumerPrefix("auto.offset.reset"), "earliest");
    return settings;
  }

  /** Folds one feedback into its message's status and says what that changes in the delivery. */
  private static final class Fold implements Processor<String, byte[], String, long[]> {
    private final List<String> topics;
    private final Schemas schemas;
    private final long wanted;
    private ProcessorContext<String, long[]> context;
    private KeyValueStore<String, byte[]> messages;

    Fold(List<String> topics, String registry, long wanted) {
      this.topics = topics;
      this.schemas = new Schemas(registry);
      this.wanted = wanted;
    }

    @Override
    public void init(ProcessorContext<String, long[]> context) {
      this.context = context;
      this.messages = context.getStateStore("messages");
    }

    @Override
    public void process(Record<String, byte[]> record) {
      if (begun == 0) {
        begun = System.nanoTime();
        cpuBefore = SYSTEM.getProcessCpuTime();
      }
      GenericRecord feedback = schemas.decode(record.value());
      if (feedback != null) fold(record, feedback);
      if (SEEN.incrementAndGet() == wanted) DONE.countDown();
    }

    private void fold(Record<String, byte[]> record, GenericRecord feedback) {
      int topic = topics.indexOf(context.recordMetadata().get().topic());
      if (!feedback.getSchema().getName().equals(RECORDS.get(topic))) return;
      String delivery = feedback.get("deliveryId").toString();
      String key = delivery + "/" + feedback.get("messageId");
      byte[] before = messages.get(key);
      String kind = KINDS.get(topic);
      byte after = statusAfter(before, kind, feedback);
      if (before != null && before[0] == after) return;
      messages.put(key, new byte[] {after});
      long[] change = new long[COUNTERS];
      if (before != null) change[before[0]] -= 1;
      change[after] += 1;
      context.forward(record.withKey(delivery).withValue(change));
    }

    private static byte statusAfter(byte[] before, String kind, GenericRecord feedback) {
      String said = kind.equals("retryOutcome") ? feedback.get("outcome").toString() : kind;
      switch (said) {
        case "hardBounced", "FAILED", "EXPIRED":
          return FAILED;
        case "delivered", "SUCCEEDED":
          return before != null && before[0] == FAILED ? FAILED : SENT;
        default:
          return before == null ? TAKEN_INTO_ACCOUNT : before[0];
      }
    }
  }

  /** Decodes the registry's wire format; null for what is none. */
  private static final class Schemas {
    private final String registry;
    private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    private BinaryDecoder decoder;

    Schemas(String registry) {
      this.registry = registry;
    }

    GenericRecord decode(byte[] value) {
      if (value == null || value.length < 5 || value[0] != 0) return null;
      try {
        var reader = readers.computeIfAbsent(ByteBuffer.wrap(value, 1, 4).getInt(), this::fetch);
        if (reader == null) return null;
        decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, decoder);
        return reader.read(null, decoder);
      } catch (Exception notFeedback) {
        return null;
      }
    }

    private GenericDatumReader<GenericRecord> fetch(int id) {
      try {
        var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) return null;
        String text = new ObjectMapper().readTree(answer.body()).get("schema").asText();
        return new GenericDatumReader<>(new Schema.Parser().parse(text));
      } catch (Exception failure) {
        throw new IllegalStateException(failure);
      }
    }
  }

  private static long[] add(long[] sum, long[] change) {
    long[] total = Arrays.copyOf(sum, COUNTERS);
    for (int i = 0; i < COUNTERS; i++) total[i] += change[i];
    return total;
  }

  private static byte[] pack(long[] counts) {
    if (counts == null) return null;
    ByteBuffer bytes = ByteBuffer.allocate(8 * COUNTERS);
    for (long count : counts) bytes.putLong(count);
    return bytes.array();
  }

  private static long[] unpack(byte[] bytes) {
    if (bytes == null) return null;
    long[] counts = new long[COUNTERS];
    ByteBuffer.wrap(bytes).asLongBuffer().get(counts);
    return counts;
  }
}
