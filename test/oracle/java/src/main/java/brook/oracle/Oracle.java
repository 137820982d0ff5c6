package brook.oracle;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Runs the scenarios of areas on Kafka Streams' own TopologyTestDriver, with the record cache and without, and writes down what comes
 * out, record by record. Arguments: the folder for `<area>.json`, the version, and the class names of the areas.
 */
public final class Oracle {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Oracle() {}

    public static void main(String[] args) throws Exception {
        for (String name : List.of(args).subList(2, args.length)) {
            ObjectNode all = JSON.createObjectNode();
            all.put("version", args[1]);
            Object made = Class.forName("brook.oracle." + name).getDeclaredConstructor().newInstance();
            if (made instanceof Bytes bytes) {
                all.set("scenarios", bytes.record());
                JSON.writeValue(new File(args[0], name + ".json"), all);
                continue;
            }
            Area area = (Area) made;
            area.define();
            ObjectNode list = all.putObject("scenarios");
            for (Scenario scenario : area.scenarios.values()) {
                try {
                    list.set(scenario.name, record(scenario));
                } catch (Exception e) {
                    throw new IllegalStateException("scenario " + scenario.name + " of " + name + " failed", e);
                }
            }
            JSON.writeValue(new File(args[0], name + ".json"), all);
            System.out.println(name + ": " + area.scenarios.size() + " scenarios");
        }
    }

    private static ObjectNode record(Scenario scenario) throws Exception {
        ObjectNode node = JSON.createObjectNode();
        node.put("describe", describe(scenario.make(properties(scenario, -1, "none"))));
        if (scenario.describeOnly) return node;
        List<Scenario.Step> input = scenario.input.isEmpty() ? random(scenario) : scenario.input;
        run(scenario, input, -1, node, "steps");
        run(scenario, input, 0, node, "withoutCache");
        return node;
    }

    private static String describe(Topology topology) {
        return topology.describe().toString().replaceAll("brook\\.oracle\\.[^)]*Lambda[^)]*", "TopicNameExtractor");
    }

    private static Properties properties(Scenario scenario, long cacheBytes, String stateDir) {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.STATE_DIR_CONFIG, stateDir);
        if (cacheBytes >= 0) config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, cacheBytes);
        config.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
        config.put("__emit.interval.ms.kstreams.windowed.aggregation__", 0L);
        config.putAll(scenario.config);
        return config;
    }

    private static List<Scenario.Step> random(Scenario scenario) {
        Random random = new Random(scenario.name.hashCode() + scenario.seed);
        String[] keys = {"A", "B", "C", null};
        String[] values = {"a", "ab", "b", "c", "x", "xa", null};
        long time = 20;
        List<Scenario.Step> steps = new ArrayList<>();
        for (int i = 0; i < scenario.records; i++) {
            String topic = scenario.topics[random.nextInt(scenario.topics.length)];
            String key = random.nextInt(12) == 0 ? null : keys[random.nextInt(random.nextInt(3) + 1)];
            String value = random.nextInt(7) == 0 ? null : values[random.nextInt(6)];
            long timestamp = Math.max(0, time + random.nextInt((int) scenario.latestMs + 4) - scenario.latestMs);
            if (random.nextInt(20) == 0) timestamp += scenario.aheadMs;
            time = Math.max(time, timestamp) + random.nextInt(2);
            steps.add(new Scenario.Step(topic, key, value, timestamp));
            if (scenario.wallClockMs > 0 && random.nextInt(4) == 0)
                steps.add(new Scenario.Step(Scenario.WALL_CLOCK, null, null, 1 + random.nextInt(scenario.wallClockMs)));
        }
        return steps;
    }

    private static void run(Scenario scenario, List<Scenario.Step> input, long cacheBytes, ObjectNode node, String field) throws Exception {
        Path stateDir = Files.createTempDirectory("oracle");
        Properties config = properties(scenario, cacheBytes, stateDir.toString());
        ArrayNode steps = node.putArray(field);
        try (TopologyTestDriver driver = new TopologyTestDriver(scenario.make(config), config, Instant.ofEpochMilli(0))) {
            Map<String, TestInputTopic<String, String>> inputs = new HashMap<>();
            for (String topic : scenario.topics) inputs.put(topic, driver.createInputTopic(topic, new StringSerializer(), new StringSerializer()));
            Map<String, TestOutputTopic<byte[], byte[]>> outputs = new TreeMap<>();
            int i = 0;
            for (Scenario.Step step : input) {
                ArrayNode written = steps.addArray();
                written.add(step.topic()).add(step.key()).add(step.value()).add(step.timestamp());
                ObjectNode produced = written.addObject();
                try {
                    feed(driver, inputs, step, step.topic().equals(Scenario.WALL_CLOCK) ? i : i++);
                } catch (Exception e) {
                    if (!scenario.mayFail) throw e;
                    produced.put("@error", e.getClass().getSimpleName());
                }
                collect(driver, outputs, produced);
                if (produced.has("@error")) break;
            }
            double dropped = driver.metrics().entrySet().stream()
                .filter(metric -> metric.getKey().name().equals("dropped-records-total"))
                .mapToDouble(metric -> ((Number) metric.getValue().metricValue()).doubleValue())
                .sum();
            node.put(field.equals("steps") ? "dropped" : "droppedWithoutCache", (long) dropped);
        } catch (RuntimeException e) {
            if (!scenario.mayFail) throw e;
        }
    }

    private static void feed(TopologyTestDriver driver, Map<String, TestInputTopic<String, String>> inputs, Scenario.Step step, int number) {
        if (step.topic().equals(Scenario.WALL_CLOCK)) {
            driver.advanceWallClockTime(Duration.ofMillis(step.timestamp()));
            return;
        }
        RecordHeaders headers = new RecordHeaders();
        headers.add("n", String.valueOf(number).getBytes());
        inputs.get(step.topic()).pipeInput(new TestRecord<>(step.key(), step.value(), headers, step.timestamp()));
    }

    private static void collect(TopologyTestDriver driver, Map<String, TestOutputTopic<byte[], byte[]>> outputs, ObjectNode produced) {
        for (String topic : driver.producedTopicNames())
            outputs.computeIfAbsent(topic, t -> driver.createOutputTopic(t, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
        for (Map.Entry<String, TestOutputTopic<byte[], byte[]>> output : outputs.entrySet()) {
            List<TestRecord<byte[], byte[]>> records = output.getValue().readRecordsToList();
            if (records.isEmpty()) continue;
            ArrayNode array = produced.putArray(output.getKey());
            for (TestRecord<byte[], byte[]> record : records) {
                StringBuilder headers = new StringBuilder();
                for (Header header : record.headers()) headers.append(header.key()).append('=').append(new String(header.value())).append(' ');
                array.addArray().add(hex(record.key())).add(hex(record.value())).add(record.timestamp()).add(headers.toString().trim());
            }
        }
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? null : HexFormat.of().formatHex(bytes);
    }
}
