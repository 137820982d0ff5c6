import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** The topologies of topologies.ts, in the same order: generated names depend on it. */
final class Topologies {
    private static final Serde<String> S = Serdes.String();
    private static final Serde<Long> L = Serdes.Long();
    private static final ValueJoiner<String, String, String> JOIN = (a, b) -> a + "|" + b;

    private final StreamsBuilder builder = new StreamsBuilder();
    private final String in;
    private final String out;
    private final boolean named;
    private final Map<String, KStream<String, String>> streams = new HashMap<>();

    private Topologies(String in, String out, boolean named) {
        this.in = in;
        this.out = out;
        this.named = named;
    }

    static Topology build(String what, String in, String out, boolean named, Properties config) {
        Topologies topologies = new Topologies(in, out, named);
        if (what.equals("all")) topologies.all();
        else topologies.count();
        return topologies.builder.build(config);
    }

    private void all() {
        count();
        windows();
        joins();
        foreignKeys();
    }

    private void count() {
        to(stream("events").selectKey((k, v) -> v.substring(0, 1)).groupByKey(grouped("by-first")).count(kept("counts", L)), "count");
    }

    private void windows() {
        Repartitioned<String, String> two = Repartitioned.with(S, S).withNumberOfPartitions(2);
        KGroupedStream<String, String> events = stream("events").selectKey((k, v) -> v.substring(0, 1))
            .repartition(named ? two.withName("by-kind") : two).groupByKey();
        TimeWindows tumbling = TimeWindows.ofSizeAndGrace(ms(10_000), ms(5_000));
        windowed(events.windowedBy(tumbling).aggregate(() -> "", (k, v, a) -> a + v, kept("tumbling", S)), "tumbling");
        windowed(events.windowedBy(tumbling.advanceBy(ms(4_000))).count(kept("hopping", L)), "hopping");
        windowed(events.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(ms(4_000), ms(6_000))).reduce((a, v) -> a + v, kept("sliding", S)), "sliding");
        windowed(events.windowedBy(SessionWindows.ofInactivityGapAndGrace(ms(3_000), ms(6_000)))
            .aggregate(() -> "", (k, v, a) -> a + v, (k, a, b) -> "(" + a + "&" + b + ")", kept("session", S)), "session");
        windowed(events.windowedBy(tumbling).emitStrategy(EmitStrategy.onWindowClose())
            .count(this.<Long, WindowStore<Bytes, byte[]>>kept("final", L).withRetention(ms(600_000))), "final");
        KTable<Windowed<String>, Long> counts = events.windowedBy(tumbling).count(kept("suppressed", L));
        Suppressed<Windowed<?>> closes = Suppressed.untilWindowCloses(BufferConfig.unbounded());
        windowed(counts.suppress(named ? closes.withName("until-closed") : closes), "suppressed");
        Suppressed<Windowed<String>> late = Suppressed.untilTimeLimit(ms(20_000), BufferConfig.unbounded());
        windowed(counts.suppress(named ? late.withName("later") : late), "later");
    }

    private void joins() {
        KStream<String, String> left = stream("left");
        KStream<String, String> right = stream("right");
        KTable<String, String> a = table("a");
        KTable<String, String> b = table("b");
        JoinWindows near = JoinWindows.ofTimeDifferenceAndGrace(ms(3_000), ms(4_000));
        to(left.join(right, JOIN, near, joined("inner")), "inner");
        to(left.leftJoin(right, JOIN, near, joined("left")), "left");
        to(left.outerJoin(right, JOIN, near, joined("outer")), "outer");
        to(left.leftJoin(a, JOIN), "stream-table");
        to(a.outerJoin(b, JOIN, kept("table-table", S)), "table-table");
        KTable<String, String> versions = builder.table(in + "versions", Consumed.with(S, S),
            Materialized.<String, String>as(Stores.persistentVersionedKeyValueStore("versions", ms(60_000))).withKeySerde(S).withValueSerde(S));
        to(left.join(versions, JOIN), "versioned");
        to(left.leftJoin(versions, JOIN, Joined.with(S, S, S, "graced", ms(4_000))), "graced");
        to(a.groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), grouped("by-value")).count(kept("groups", L)), "groups");
    }

    private void foreignKeys() {
        KTable<String, String> orders = table("orders");
        KTable<String, String> customers = table("customers");
        TableJoined<String, String> join = named ? TableJoined.as("order-customer") : null;
        Materialized<String, String, KeyValueStore<Bytes, byte[]>> kept = kept("foreign", S);
        to(named ? orders.leftJoin(customers, v -> v.substring(0, 1), JOIN, join, kept) : orders.leftJoin(customers, v -> v.substring(0, 1), JOIN, kept), "foreign");
    }

    private KStream<String, String> stream(String topic) {
        return streams.computeIfAbsent(topic, t -> builder.stream(in + t, Consumed.with(S, S)));
    }

    private KTable<String, String> table(String topic) {
        return builder.table(in + topic, Consumed.with(S, S), kept("table-" + topic, S));
    }

    private <V, T extends StateStore> Materialized<String, V, T> kept(String store, Serde<V> value) {
        return named ? Materialized.<String, V, T>as(store).withKeySerde(S).withValueSerde(value) : Materialized.with(S, value);
    }

    private Grouped<String, String> grouped(String name) {
        return named ? Grouped.with(name, S, S) : Grouped.with(S, S);
    }

    private StreamJoined<String, String, String> joined(String name) {
        StreamJoined<String, String, String> with = StreamJoined.with(S, S, S);
        return named ? with.withName(name).withStoreName(name) : with;
    }

    private <V> void windowed(KTable<Windowed<String>, V> table, String topic) {
        to(table.toStream((w, v) -> w.key() + "@" + w.window().start() + "-" + w.window().end()), topic);
    }

    private <V> void to(KTable<String, V> table, String topic) {
        to(table.toStream(), topic);
    }

    private <V> void to(KStream<String, V> stream, String topic) {
        stream.mapValues(v -> Interchange.counted(v == null ? null : v.toString())).to(out + topic, Produced.with(S, S));
    }

    private static Duration ms(long ms) {
        return Duration.ofMillis(ms);
    }
}
