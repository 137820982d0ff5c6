package brook.oracle;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.SessionWindowedSerializer;
import org.apache.kafka.streams.kstream.TimeWindowedSerializer;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.Change;
import org.apache.kafka.streams.kstream.internals.ChangedSerializer;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.kstream.internals.TimeWindow;
import org.apache.kafka.streams.kstream.internals.foreignkeyjoin.CombinedKeySchema;
import org.apache.kafka.streams.kstream.internals.foreignkeyjoin.SubscriptionResponseWrapper;
import org.apache.kafka.streams.kstream.internals.foreignkeyjoin.SubscriptionResponseWrapperSerde;
import org.apache.kafka.streams.kstream.internals.foreignkeyjoin.SubscriptionWrapper;
import org.apache.kafka.streams.kstream.internals.foreignkeyjoin.SubscriptionWrapperSerde;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.internals.ProcessorMetadata;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.processor.internals.TopicPartitionMetadata;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.TimestampedWindowStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.internals.BufferValue;
import org.apache.kafka.streams.state.internals.LeftOrRightValue;
import org.apache.kafka.streams.state.internals.LeftOrRightValueSerde;
import org.apache.kafka.streams.state.internals.Murmur3;
import org.apache.kafka.streams.state.internals.PrefixedWindowKeySchemas.TimeFirstWindowKeySchema;
import org.apache.kafka.streams.state.internals.SessionKeySchema;
import org.apache.kafka.streams.state.internals.TimestampedKeyAndJoinSide;
import org.apache.kafka.streams.state.internals.TimestampedKeyAndJoinSideSerde;
import org.apache.kafka.streams.state.internals.WindowKeySchema;

/** What Kafka Streams writes, byte for byte: per kind a list of inputs with the bytes that come of them, in hex. */
final class Bytes {
    private static final int EACH = 200;
    private static final long DAY = 86_400_000L;
    private static final String TOPIC = "topic";
    private static final Serde<String> S = Serdes.String();

    private final ObjectNode kinds = new ObjectMapper().createObjectNode();
    private final Random random = new Random(20261122);

    ObjectNode record() throws Exception {
        hashes();
        serdes();
        keys();
        windowed();
        joins();
        changes();
        foreignKeys();
        buffers();
        metadata();
        changelogs();
        return kinds;
    }

    private void hashes() {
        ArrayNode murmur2 = kinds.putArray("murmur2");
        for (int i = 0; i < EACH * 2; i++) {
            byte[] key = switch (i % 5) {
                case 0 -> text().getBytes(StandardCharsets.UTF_8);
                case 1 -> Serdes.Integer().serializer().serialize(TOPIC, random.nextInt());
                case 2 -> Serdes.Long().serializer().serialize(TOPIC, random.nextLong());
                case 3 -> Serdes.UUID().serializer().serialize(TOPIC, new UUID(random.nextLong(), random.nextLong()));
                default -> bytes(i / 5 % 40);
            };
            int partitions = 1 + random.nextInt(100);
            murmur2.addArray().add(hex(key)).add(Utils.murmur2(key)).add(partitions).add(BuiltInPartitioner.partitionForKey(key, partitions));
        }
        ArrayNode murmur3 = kinds.putArray("murmur3");
        for (int i = 0; i < EACH * 2; i++) {
            byte[] data = bytes(i % 70);
            murmur3.addArray().add(hex(data)).add(hash(Murmur3.hash128(data)));
        }
    }

    private void serdes() {
        ArrayNode list = kinds.putArray("serdes");
        for (int i = 0; i < EACH; i++) {
            String text = text();
            byte[] data = bytes(random.nextInt(20));
            int integer = i == 0 ? Integer.MIN_VALUE : i == 1 ? Integer.MAX_VALUE : random.nextInt() >> random.nextInt(32);
            long number = i == 0 ? Long.MIN_VALUE : i == 1 ? Long.MAX_VALUE : random.nextLong() >> random.nextInt(64);
            double real = switch (i) {
                case 0 -> Double.POSITIVE_INFINITY;
                case 1 -> -0.0;
                case 2 -> Double.MIN_VALUE;
                case 3 -> Double.MAX_VALUE;
                default -> random.nextGaussian() * Math.pow(10, random.nextInt(40) - 20);
            };
            list.addArray().add("string").add(text).add(hex(S.serializer().serialize(TOPIC, text)));
            list.addArray().add("bytes").add(hex(data)).add(hex(Serdes.ByteArray().serializer().serialize(TOPIC, data)));
            list.addArray().add("integer").add(String.valueOf(integer)).add(hex(Serdes.Integer().serializer().serialize(TOPIC, integer)));
            list.addArray().add("bigint").add(String.valueOf(number)).add(hex(Serdes.Long().serializer().serialize(TOPIC, number)));
            list.addArray().add("double").add(Double.toString(real)).add(hex(Serdes.Double().serializer().serialize(TOPIC, real)));
        }
        for (boolean truth : new boolean[] {false, true}) list.addArray().add("boolean").add(String.valueOf(truth)).add(hex(Serdes.Boolean().serializer().serialize(TOPIC, truth)));
    }

    private void keys() {
        ArrayNode windows = kinds.putArray("window-keys");
        ArrayNode timeFirst = kinds.putArray("time-ordered-keys");
        ArrayNode sessions = kinds.putArray("session-keys");
        for (int i = 0; i < EACH; i++) {
            byte[] key = bytes(random.nextInt(12));
            long time = time();
            int sequence = random.nextBoolean() ? 0 : random.nextInt(Integer.MAX_VALUE);
            long end = time + random.nextInt(100_000);
            org.apache.kafka.common.utils.Bytes wrapped = org.apache.kafka.common.utils.Bytes.wrap(key);
            windows.addArray().add(hex(key)).add(time).add(sequence).add(hex(WindowKeySchema.toStoreKeyBinary(wrapped, time, sequence).get()));
            timeFirst.addArray().add(hex(key)).add(time).add(sequence).add(hex(TimeFirstWindowKeySchema.toStoreKeyBinary(wrapped, time, sequence).get()));
            sessions.addArray().add(hex(key)).add(time).add(end).add(hex(SessionKeySchema.toBinary(wrapped, time, end).get()));
        }
    }

    private void windowed() {
        ArrayNode time = kinds.putArray("time-windowed");
        ArrayNode session = kinds.putArray("session-windowed");
        for (int i = 0; i < EACH; i++) {
            String key = text();
            long start = time();
            long size = 1 + random.nextInt(1_000_000);
            time.addArray().add(key).add(start).add(size).add(hex(new TimeWindowedSerializer<>(S.serializer()).serialize(TOPIC, new RecordHeaders(), new Windowed<>(key, new TimeWindow(start, start + size)))));
            session.addArray().add(key).add(start).add(start + size).add(hex(new SessionWindowedSerializer<>(S.serializer()).serialize(TOPIC, new RecordHeaders(), new Windowed<>(key, new SessionWindow(start, start + size)))));
        }
    }

    private void joins() {
        ArrayNode keys = kinds.putArray("outer-join-keys");
        ArrayNode values = kinds.putArray("outer-join-values");
        TimestampedKeyAndJoinSideSerde<String> keySerde = new TimestampedKeyAndJoinSideSerde<>(S);
        Serde<List<LeftOrRightValue<String, Long>>> valueSerde = Serdes.ListSerde(ArrayList.class, new LeftOrRightValueSerde<>(S, Serdes.Long()));
        for (int i = 0; i < EACH; i++) {
            String key = text();
            long time = time();
            boolean left = random.nextBoolean();
            keys.addArray().add(key).add(time).add(left).add(hex(keySerde.serializer().serialize(TOPIC, new RecordHeaders(), left ? TimestampedKeyAndJoinSide.makeLeft(key, time) : TimestampedKeyAndJoinSide.makeRight(key, time))));
            List<LeftOrRightValue<String, Long>> list = new ArrayList<>();
            ArrayNode row = values.addArray();
            ArrayNode inputs = row.addArray();
            for (int n = random.nextInt(4); n >= 0; n--) {
                boolean leftValue = random.nextBoolean();
                String text = text();
                long number = random.nextInt();
                list.add(leftValue ? LeftOrRightValue.makeLeftValue(text) : LeftOrRightValue.makeRightValue(number));
                inputs.addArray().add(leftValue).add(leftValue ? text : String.valueOf(number));
            }
            row.add(hex(valueSerde.serializer().serialize(TOPIC, new RecordHeaders(), list)));
        }
    }

    private void changes() {
        ArrayNode list = kinds.putArray("changes");
        ChangedSerializer<String> serializer = new ChangedSerializer<>(S.serializer());
        serializer.configure(Map.of(), false);
        for (int i = 0; i < EACH; i++) {
            String now = i % 3 == 0 ? null : i == 1 ? "long ".repeat(1000) : text();
            String old = i % 3 == 1 ? null : text();
            list.addArray().add(now).add(old).add(hex(serializer.serialize(TOPIC, new RecordHeaders(), new Change<>(now, old))));
        }
    }

    private void foreignKeys() throws Exception {
        ArrayNode subscriptions = kinds.putArray("subscriptions");
        ArrayNode answers = kinds.putArray("answers");
        ArrayNode combined = kinds.putArray("combined-keys");
        SubscriptionWrapperSerde<String> serde = new SubscriptionWrapperSerde<>(() -> TOPIC, S);
        SubscriptionResponseWrapperSerde<String> answerSerde = new SubscriptionResponseWrapperSerde<>(S);
        CombinedKeySchema<String, String> schema = new CombinedKeySchema<>(() -> TOPIC, S, () -> TOPIC, S);
        set(schema, "primaryKeySerdeTopic", TOPIC);
        set(schema, "foreignKeySerdeTopic", TOPIC);
        Method toBytes = accessible(CombinedKeySchema.class.getDeclaredMethod("toBytes", Object.class, Object.class, org.apache.kafka.common.header.Headers.class));
        Method prefix = accessible(CombinedKeySchema.class.getDeclaredMethod("prefixBytes", Object.class, org.apache.kafka.common.header.Headers.class));
        for (int i = 0; i < EACH; i++) {
            String key = text();
            String value = i % 4 == 0 ? null : text();
            long[] hash = i % 5 == 0 ? null : new long[] {random.nextLong(), random.nextLong()};
            byte version = (byte) (i % 7 == 0 ? 0 : 1);
            int partition = random.nextInt(10_000);
            SubscriptionWrapper.Instruction instruction = SubscriptionWrapper.Instruction.values()[i % 4];
            SubscriptionWrapper<String> wrapper = new SubscriptionWrapper<>(hash, instruction, key, version, partition);
            subscriptions.addArray().add((int) version).add(hash(hash)).add((int) instruction.value()).add(key).add(partition).add(hex(serde.serializer().serialize(TOPIC, new RecordHeaders(), wrapper)));
            answers.addArray().add(hash(hash)).add(value).add(hex(answerSerde.serializer().serialize(TOPIC, new RecordHeaders(), new SubscriptionResponseWrapper<>(hash, value, partition))));
            String foreign = text();
            org.apache.kafka.common.utils.Bytes whole = (org.apache.kafka.common.utils.Bytes) toBytes.invoke(schema, foreign, key, new RecordHeaders());
            combined.addArray().add(foreign).add(key).add(hex(((org.apache.kafka.common.utils.Bytes) prefix.invoke(schema, foreign, new RecordHeaders())).get())).add(hex(whole.get()));
        }
    }

    private void buffers() throws Exception {
        ArrayNode list = kinds.putArray("buffer-values");
        Constructor<BufferValue> make = BufferValue.class.getDeclaredConstructor(byte[].class, byte[].class, byte[].class, ProcessorRecordContext.class);
        make.setAccessible(true);
        Method serialize = accessible(BufferValue.class.getDeclaredMethod("serialize", int.class));
        for (int i = 0; i < EACH; i++) {
            RecordHeaders headers = new RecordHeaders();
            ArrayNode row = list.addArray();
            byte[] prior = maybeBytes();
            byte[] old = random.nextInt(3) == 0 ? prior : maybeBytes();
            byte[] now = maybeBytes();
            long time = time();
            long offset = random.nextInt(5) == 0 ? -1 : random.nextLong() >>> 20;
            int partition = random.nextInt(5) - 1;
            String topic = random.nextInt(5) == 0 ? "" : text();
            int padding = random.nextInt(3) * 4;
            row.add(hex(prior)).add(hex(old)).add(hex(now)).add(time).add(offset).add(partition).add(topic);
            ArrayNode pairs = row.addArray();
            for (int n = random.nextInt(3); n > 0; n--) {
                String key = text();
                byte[] value = maybeBytes();
                headers.add(key, value);
                pairs.addArray().add(key).add(hex(value));
            }
            ByteBuffer bytes = (ByteBuffer) serialize.invoke(make.newInstance(prior, old, now, new ProcessorRecordContext(time, offset, partition, topic, headers)), padding);
            row.add(padding).add(hex(bytes.array()));
        }
    }

    private void metadata() {
        ArrayNode list = kinds.putArray("partition-metadata");
        for (int i = 0; i < EACH; i++) {
            long time = i == 0 ? -1 : time();
            Map<String, Long> processors = new TreeMap<>();
            for (int n = i % 4 == 0 ? random.nextInt(30) : random.nextInt(4); n > 0; n--) processors.put("KSTREAM-" + random.nextInt(100), time());
            ProcessorMetadata metadata = new ProcessorMetadata();
            processors.forEach(metadata::put);
            ObjectNode numbers = list.addArray().add(time).addObject();
            processors.forEach(numbers::put);
            ((ArrayNode) list.get(list.size() - 1)).add(new TopicPartitionMetadata(time, metadata).encode());
        }
    }

    private interface Put<T> {
        void into(T store, String key, String value, long time, long end);
    }

    /** Per store: key, value, time, second time, and the records of the changelog that this put gave. */
    private void changelogs() throws Exception {
        Duration keep = Duration.ofDays(2);
        Duration size = Duration.ofSeconds(10);
        changelog("key-value", Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("key-value"), S, S), (KeyValueStore<String, String> s, String k, String v, long t, long e) -> s.put(k, v));
        changelog("timestamped-key-value", Stores.timestampedKeyValueStoreBuilder(Stores.persistentTimestampedKeyValueStore("timestamped-key-value"), S, S),
            (TimestampedKeyValueStore<String, String> s, String k, String v, long t, long e) -> s.put(k, ValueAndTimestamp.make(v, t)));
        changelog("window", Stores.windowStoreBuilder(Stores.persistentWindowStore("window", keep, size, false), S, S), (WindowStore<String, String> s, String k, String v, long t, long e) -> s.put(k, v, e));
        changelog("timestamped-window", Stores.timestampedWindowStoreBuilder(Stores.persistentTimestampedWindowStore("timestamped-window", keep, size, false), S, S),
            (TimestampedWindowStore<String, String> s, String k, String v, long t, long e) -> s.put(k, ValueAndTimestamp.make(v, t), e));
        changelog("window-with-duplicates", Stores.windowStoreBuilder(Stores.persistentWindowStore("window-with-duplicates", keep, size, true), S, S), (WindowStore<String, String> s, String k, String v, long t, long e) -> {
            if (v != null) s.put(k, v, e);
        });
        changelog("session", Stores.sessionStoreBuilder(Stores.persistentSessionStore("session", keep), S, S), (SessionStore<String, String> s, String k, String v, long t, long e) -> s.put(new Windowed<>(k, new SessionWindow(t, e)), v));
        changelog("versioned", Stores.versionedKeyValueStoreBuilder(Stores.persistentVersionedKeyValueStore("versioned", keep), S, S), (VersionedKeyValueStore<String, String> s, String k, String v, long t, long e) -> s.put(k, v, t));
    }

    private <T extends org.apache.kafka.streams.processor.StateStore> void changelog(String name, StoreBuilder<T> builder, Put<T> put) throws Exception {
        ArrayNode list = kinds.putArray("changelog-" + name);
        Topology topology = new Topology();
        topology.addSource("source", new StringDeserializer(), new StringDeserializer(), "in");
        topology.addProcessor("put", () -> new Processor<String, String, Void, Void>() {
            private T store;

            @Override
            public void init(ProcessorContext<Void, Void> context) {
                store = context.getStateStore(name);
            }

            @Override
            public void process(Record<String, String> record) {
                put.into(store, record.key(), record.value(), record.timestamp(), Long.parseLong(new String(record.headers().lastHeader("end").value())));
            }
        }, "source");
        topology.addStateStore(builder.withCachingDisabled().withLoggingEnabled(Map.of()), "put");
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        config.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("bytes").toString());
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, config)) {
            TestInputTopic<String, String> input = driver.createInputTopic("in", new StringSerializer(), new StringSerializer());
            String[] keys = {text(), text(), text(), text(), "a", ""};
            TestOutputTopic<byte[], byte[]> changelog = null;
            for (int i = 0; i < EACH / 2; i++) {
                String key = keys[random.nextInt(keys.length)];
                String value = random.nextInt(5) == 0 ? null : text();
                long time = 3 * DAY + random.nextInt((int) DAY);
                long end = time + random.nextInt(10_000);
                RecordHeaders headers = new RecordHeaders();
                headers.add("end", String.valueOf(end).getBytes());
                input.pipeInput(new org.apache.kafka.streams.test.TestRecord<>(key, value, headers, time));
                if (changelog == null && !driver.producedTopicNames().isEmpty()) changelog = driver.createOutputTopic("app-" + name + "-changelog", new ByteArrayDeserializer(), new ByteArrayDeserializer());
                ArrayNode records = list.addArray().add(key).add(value).add(time).add(end).addArray();
                if (changelog != null) changelog.readRecordsToList().forEach(r -> records.addArray().add(hex(r.key())).add(hex(r.value())).add(r.timestamp()));
            }
        }
    }

    private long time() {
        return random.nextInt(10) == 0 ? random.nextInt(100) : 1_700_000_000_000L + random.nextInt();
    }

    private String text() {
        String[] parts = {"a", "b", "room", "é", "日本", "😀", "-", "\u0000", " "};
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(6); n > 0; n--) text.append(parts[random.nextInt(parts.length)]);
        return text.toString();
    }

    private byte[] bytes(int length) {
        byte[] data = new byte[length];
        random.nextBytes(data);
        return data;
    }

    private byte[] maybeBytes() {
        return random.nextInt(3) == 0 ? null : bytes(random.nextInt(10));
    }

    private static String hash(long[] hash) {
        return hash == null ? null : hex(ByteBuffer.allocate(16).putLong(hash[0]).putLong(hash[1]).array());
    }

    private static String hex(byte[] data) {
        return data == null ? null : HexFormat.of().formatHex(data);
    }

    private static Method accessible(Method method) {
        method.setAccessible(true);
        return method;
    }

    private static void set(Object object, String name, Object value) throws Exception {
        var field = object.getClass().getDeclaredField(name);
        field.setAccessible(true);
        field.set(object, value);
    }
}
