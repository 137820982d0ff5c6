package brook.oracle;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/** Scenarios that belong together; `define` adds them. Its words are those of scenarios/shared.ts. */
abstract class Area {
    static final Serde<String> S = Serdes.String();
    final Map<String, Scenario> scenarios = new LinkedHashMap<>();

    abstract void define();

    Scenario add(String name, String topics, Scenario.Build build) {
        Scenario scenario = new Scenario(name, topics, build);
        if (scenarios.put(name, scenario) != null) throw new IllegalArgumentException("two scenarios with the name " + name);
        return scenario;
    }

    static Scenario.Step step(String topic, String key, String value, long timestamp) {
        return new Scenario.Step(topic, key, value, timestamp);
    }

    static Scenario.Step wallClock(long byMs) {
        return new Scenario.Step(Scenario.WALL_CLOCK, null, null, byMs);
    }

    static KStream<String, String> stream(StreamsBuilder b, String topic) {
        return b.stream(topic, Consumed.with(S, S));
    }

    static KTable<String, String> table(StreamsBuilder b, String topic) {
        return b.table(topic, Consumed.with(S, S));
    }

    static <V> Materialized<String, V, KeyValueStore<Bytes, byte[]>> store(String name) {
        return Materialized.<String, V, KeyValueStore<Bytes, byte[]>>as(name).withKeySerde(S);
    }

    static Materialized<String, String, KeyValueStore<Bytes, byte[]>> text(String name) {
        return Area.<String>store(name).withValueSerde(S);
    }

    static Materialized<String, String, WindowStore<Bytes, byte[]>> windows(String name) {
        return Materialized.<String, String, WindowStore<Bytes, byte[]>>as(name).withKeySerde(S).withValueSerde(S);
    }

    static void out(KStream<String, String> stream) {
        stream.to("out", Produced.with(S, S));
    }

    static void out(KTable<String, String> table) {
        out(table.toStream());
    }

    static void outLong(KTable<String, Long> table) {
        table.toStream().to("out", Produced.with(S, Serdes.Long()));
    }

    static void outWindows(KTable<Windowed<String>, String> table, long size) {
        table.toStream().to("out", Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, size), S));
    }

    static final Initializer<String> INIT = () -> "0";
    static final Aggregator<String, String, String> ADD = (k, v, a) -> a + "+" + v;
    static final Aggregator<String, String, String> SUB = (k, v, a) -> a + "-" + v;
    static final ValueJoiner<String, String, String> JOIN = (a, b) -> a + "|" + b;

    /** Drops every value that starts with x. */
    static final Predicate<String, String> NOT_X = (k, v) -> !v.startsWith("x");

    static TimeWindows tumbling() {
        return TimeWindows.ofSizeAndGrace(Duration.ofMillis(10), Duration.ofMillis(5));
    }

    static TimeWindows hopping() {
        return TimeWindows.ofSizeAndGrace(Duration.ofMillis(10), Duration.ofMillis(5)).advanceBy(Duration.ofMillis(4));
    }

    static JoinWindows join(long before, long after, long grace) {
        return JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(grace)).before(Duration.ofMillis(before)).after(Duration.ofMillis(after));
    }

    static KTable<String, String> joinTables(String kind, KTable<String, String> l, KTable<String, String> r, Materialized<String, String, KeyValueStore<Bytes, byte[]>> m) {
        if (m == null) return kind.equals("inner") ? l.join(r, JOIN) : kind.equals("left") ? l.leftJoin(r, JOIN) : l.outerJoin(r, JOIN);
        return kind.equals("inner") ? l.join(r, JOIN, m) : kind.equals("left") ? l.leftJoin(r, JOIN, m) : l.outerJoin(r, JOIN, m);
    }

    static KStream<String, String> joinStreams(String kind, KStream<String, String> l, KStream<String, String> r, JoinWindows w, StreamJoined<String, String, String> j) {
        return kind.equals("inner") ? l.join(r, JOIN, w, j) : kind.equals("left") ? l.leftJoin(r, JOIN, w, j) : l.outerJoin(r, JOIN, w, j);
    }
}
