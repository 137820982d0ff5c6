import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.time.Duration;
import java.time.Instant;
import java.util.*;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Runs the topologies of scenarios.ts on Kafka Streams' own TopologyTestDriver with random records, and writes down what comes out,
 * record by record. It needs a JDK of 17 or later and the jars of org.apache.kafka:kafka-streams-test-utils with what they depend on:
 *
 * mvn dependency:copy-dependencies -DoutputDirectory=lib
 * javac -cp 'lib/*' Oracle.java
 * java -cp 'lib/*:.' Oracle kafka-streams-4.3.1.json 4.3.1 40 0
 * gzip -9 -n kafka-streams-4.3.1.json
 *
 * The last two arguments are the number of records per topology and the seed.
 */
public class Oracle {
    static final Serde<String> S = Serdes.String();
    static final Map<String, Object[]> scenarios = new LinkedHashMap<>();

    static void add(String name, String topics, Consumer<StreamsBuilder> build) {
        scenarios.put(name, new Object[] {topics.split(" "), build});
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
        return Oracle.<String>store(name).withValueSerde(S);
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

    static TimeWindows tumbling() { return TimeWindows.ofSizeAndGrace(Duration.ofMillis(10), Duration.ofMillis(5)); }
    static TimeWindows hopping() { return TimeWindows.ofSizeAndGrace(Duration.ofMillis(10), Duration.ofMillis(5)).advanceBy(Duration.ofMillis(4)); }
    static JoinWindows join(long before, long after, long grace) {
        return JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(grace)).before(Duration.ofMillis(before)).after(Duration.ofMillis(after));
    }

    static void define() {
        // Aggregations of streams
        add("count", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count()));
        add("count-materialized-with", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count(Materialized.with(S, Serdes.Long()))));
        add("count-named", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count(Named.as("counter"), Oracle.<Long>store("counts"))));
        add("aggregate", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, Materialized.with(S, S))));
        add("aggregate-uncached", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a").withCachingDisabled())));
        add("aggregate-deletes", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, (k, v, a) -> v.startsWith("x") ? null : a + "+" + v, text("a"))));
        add("aggregate-deletes-uncached", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, (k, v, a) -> v.startsWith("x") ? null : a + "+" + v, text("a").withCachingDisabled())));
        add("reduce", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).reduce((a, v) -> a + "+" + v)));
        add("group-by", "left", b -> outLong(stream(b, "left").groupBy((k, v) -> v == null ? null : v, Grouped.with(S, S)).count()));
        add("group-by-named", "left", b -> {
            KGroupedStream<String, String> grouped = stream(b, "left").groupBy((k, v) -> v == null ? null : v.substring(0, 1), Grouped.with("by-first", S, S));
            outLong(grouped.count());
            grouped.reduce((a, v) -> a + v).toStream().to("out2", Produced.with(S, S));
        });
        add("flat-map-aggregate", "left", b -> out(stream(b, "left").flatMap((k, v) -> v == null ? List.<KeyValue<String, String>>of() : List.of(KeyValue.pair(k == null ? "n" : k, v), KeyValue.pair("all", v), KeyValue.pair("all", v + v)))
            .groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a"))));
        add("flat-map-values-aggregate", "left", b -> out(stream(b, "left").flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v + v))
            .groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a"))));
        add("flat-map-values-aggregate-uncached", "left", b -> out(stream(b, "left").flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v + v))
            .groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a").withCachingDisabled())));
        add("aggregate-group", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a"))
            .groupBy((k, v) -> KeyValue.pair(v.substring(v.length() - 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("reduce-filter-store", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).reduce((a, v) -> v, text("r")).filter(NOT_X, text("f")).mapValues(v -> v + "!", text("m"))));
        add("count-join-table", "left right", b -> stream(b, "left").groupByKey(Grouped.with(S, S)).count().leftJoin(table(b, "right"), (c, v) -> c + "|" + v, Named.as("cj"), text("cjs")).toStream().to("out", Produced.with(S, S)));
        // Windows
        add("tumbling", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).aggregate(INIT, ADD, Materialized.with(S, S)), 10));
        add("tumbling-uncached", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).aggregate(INIT, ADD, windows("w").withCachingDisabled()), 10));
        add("hopping", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(hopping()).aggregate(INIT, ADD, windows("w")), 10));
        add("hopping-reduce-uncached", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(hopping()).reduce((a, v) -> a + "+" + v, windows("w").withCachingDisabled()), 10));
        add("hopping-no-grace-count", "left", b -> stream(b, "left").groupByKey(Grouped.with(S, S))
            .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10)).advanceBy(Duration.ofMillis(3))).count(Named.as("c"))
            .toStream((k, v) -> k.key() + "@" + k.window().start()).to("out", Produced.with(S, Serdes.Long())));
        add("windowed-table-join", "left right", b -> {
            KTable<Windowed<String>, String> l = stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).reduce((a, v) -> a + v, windows("l"));
            KTable<Windowed<String>, String> r = stream(b, "right").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).reduce((a, v) -> a + v, windows("r"));
            outWindows(l.outerJoin(r, JOIN), 10);
        });
        add("windowed-filter-map", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).aggregate(INIT, ADD, windows("w")).filter((k, v) -> v.length() < 12).mapValues(v -> "<" + v + ">"), 10));
        add("windowed-group-by", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).aggregate(INIT, ADD, windows("w"))
            .groupBy((k, v) -> KeyValue.pair(String.valueOf(k.window().start()), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        // Tables
        add("table", "left", b -> out(table(b, "left")));
        add("table-store", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows"))));
        add("table-store-uncached", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows").withCachingDisabled())));
        add("table-filter", "left", b -> out(table(b, "left").filter(NOT_X)));
        add("table-filter-kept-parent", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows")).filter(NOT_X)));
        add("table-filter-kept-parent-uncached", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows").withCachingDisabled()).filter(NOT_X)));
        add("table-filter-store", "left", b -> out(table(b, "left").filter(NOT_X, text("f"))));
        add("table-filter-store-uncached", "left", b -> out(table(b, "left").filter(NOT_X, text("f").withCachingDisabled())));
        add("table-filter-store-kept-parent", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows")).filterNot(NOT_X, text("f"))));
        add("table-map-values", "left", b -> out(table(b, "left").mapValues(v -> "<" + v + ">")));
        add("table-map-values-null", "left", b -> out(table(b, "left").mapValues(v -> v.startsWith("x") ? null : v)));
        add("table-map-values-store", "left", b -> out(table(b, "left").mapValues(v -> "<" + v + ">", text("m"))));
        add("table-map-values-store-uncached", "left", b -> out(table(b, "left").mapValues(v -> v.startsWith("x") ? null : "<" + v + ">", text("m").withCachingDisabled())));
        add("table-chain", "left", b -> out(table(b, "left").mapValues(v -> v + v, Materialized.with(S, S)).filter(NOT_X, Named.as("keep")).mapValues((k, v) -> k + v, text("m")).filterNot((k, v) -> v.endsWith("b"))));
        add("table-to-stream-key", "left", b -> out(table(b, "left").toStream((k, v) -> k + "!")));
        add("to-table", "left", b -> out(stream(b, "left").toTable()));
        add("to-table-store", "left", b -> out(stream(b, "left").toTable(Named.as("tt"), text("rows"))));
        add("to-table-repartition", "left", b -> out(stream(b, "left").selectKey((k, v) -> v == null ? "none" : v.substring(0, 1)).toTable(Materialized.with(S, S)).filter(NOT_X)));
        add("to-table-join", "left right", b -> out(stream(b, "left").toTable().join(stream(b, "right").toTable(), JOIN)));
        // Grouped tables
        add("table-group-count", "left", b -> outLong(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).count()));
        add("table-group-aggregate", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.startsWith("c") ? null : v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled())));
        add("table-group-aggregate-cached", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with("grp", S, S)).aggregate(INIT, ADD, SUB, Named.as("agg"), text("g"))));
        add("table-group-reduce", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).reduce((a, v) -> a + "+" + v, (a, v) -> a.length() > 12 ? null : a + "-" + v)));
        add("table-group-filter", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g")).filter((k, v) -> v.length() % 2 == 0)));
        add("table-group-of-group", "left", b -> outLong(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).count(Oracle.<Long>store("c1"))
            .groupBy((k, v) -> KeyValue.pair(String.valueOf(v % 3), k), Grouped.with(S, S)).count(Oracle.<Long>store("c2"))));
        // Table joins
        String[] kinds = {"inner", "left", "outer"};
        for (String kind : kinds) {
            add("table-join-" + kind, "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), null)));
            add("table-join-" + kind + "-store", "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), text("j"))));
            add("table-join-" + kind + "-store-uncached", "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), text("j").withCachingDisabled())));
            add("table-join-" + kind + "-filter", "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), null).filter((k, v) -> !v.contains("x"), text("f"))));
            add("table-join-" + kind + "-group", "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), null)
                .groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled())));
            add("table-join-" + kind + "-store-group", "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), text("j").withCachingDisabled())
                .groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
            add("table-join-" + kind + "-filtered-sides", "left right", b -> out(joinTables(kind, table(b, "left").filter(NOT_X), table(b, "right").mapValues(v -> v.startsWith("x") ? null : v + v), null)));
            add("table-join-" + kind + "-twice", "left right third", b -> out(joinTables("left", joinTables(kind, table(b, "left"), table(b, "right"), null), table(b, "third"), null)));
            add("table-join-" + kind + "-nested", "left right third", b -> out(joinTables(kind, table(b, "third"), joinTables(kind, table(b, "left"), table(b, "right"), null), text("j"))));
            // Stream joins
            for (long[] w : new long[][] {{10, 10, 0}, {10, 10, 7}, {0, 10, 3}, {10, 0, 3}, {-2, 10, 2}, {10, -2, 2}})
                add("stream-join-" + kind + "_" + w[0] + "_" + w[1] + "_" + w[2], "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(w[0], w[1], w[2]), StreamJoined.with(S, S, S))));
            add("stream-join-" + kind + "-named", "left right", b -> out(joinStreams(kind, stream(b, "left").selectKey((k, v) -> k), stream(b, "right").map((k, v) -> KeyValue.pair(k, v)), join(10, 10, 5), StreamJoined.with(S, S, S).withName("j").withStoreName("js"))));
            add("stream-join-" + kind + "-repartitioned", "left right", b -> out(joinStreams(kind, stream(b, "left").selectKey((k, v) -> k), stream(b, "right").map((k, v) -> KeyValue.pair(k, v)), join(10, 10, 5), StreamJoined.with(S, S, S))));
        }
        add("stream-join-same", "left", b -> { KStream<String, String> l = stream(b, "left"); out(l.join(l, JOIN, join(10, 10, 5), StreamJoined.with(S, S, S))); });
        add("stream-join-twice-one-repartition", "left right third", b -> {
            KStream<String, String> l = stream(b, "left").selectKey((k, v) -> k);
            out(l.join(stream(b, "right"), JOIN, join(10, 10, 5), StreamJoined.with(S, S, S)));
            l.leftJoin(stream(b, "third"), JOIN, join(10, 10, 5), StreamJoined.with(S, S, S)).to("out2", Produced.with(S, S));
        });
        // Stream-table joins
        add("stream-table-join", "left right", b -> out(stream(b, "left").join(table(b, "right"), JOIN)));
        add("stream-table-left-join", "left right", b -> out(stream(b, "left").leftJoin(table(b, "right"), JOIN)));
        add("stream-table-join-repartitioned", "left right", b -> out(stream(b, "left").map((k, v) -> KeyValue.pair(k, v)).join(table(b, "right"), JOIN, Joined.with(S, S, S))));
        add("stream-table-left-join-repartitioned", "left right", b -> out(stream(b, "left").map((k, v) -> KeyValue.pair(k, v)).leftJoin(table(b, "right"), JOIN, Joined.with(S, S, S, "lj"))));
        add("stream-table-join-two", "left right third", b -> {
            KStream<String, String> l = stream(b, "left").selectKey((k, v) -> k);
            out(l.join(table(b, "right"), JOIN, Joined.with(S, S, S)));
            l.leftJoin(table(b, "third"), JOIN, Joined.with(S, S, S)).to("out2", Produced.with(S, S));
        });
        add("stream-aggregate-join", "left right", b -> out(stream(b, "left").leftJoin(stream(b, "right").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, Materialized.with(S, S)), JOIN)));
        add("stream-filtered-table-join", "left right", b -> out(stream(b, "left").leftJoin(table(b, "right").filter(NOT_X).mapValues(v -> v + v), JOIN)));
        add("stream-table-table-join", "left right third", b -> out(stream(b, "left").leftJoin(table(b, "right").outerJoin(table(b, "third"), JOIN), JOIN)));
        add("global-join", "left right", b -> out(stream(b, "left").join(b.globalTable("right", Consumed.with(S, S)), (k, v) -> v == null || v.startsWith("x") ? null : k, JOIN)));
        add("global-left-join", "left right", b -> out(stream(b, "left").leftJoin(b.globalTable("right", Consumed.with(S, S), text("g")), (k, v) -> v == null || v.startsWith("x") ? null : k == null ? "A" : k, JOIN)));
        // Topics between
        add("repartition", "left", b -> out(stream(b, "left").repartition(Repartitioned.with(S, S))));
        add("repartition-named", "left", b -> out(stream(b, "left").repartition(Repartitioned.with(S, S).withName("again").withNumberOfPartitions(3))));
        add("repartition-left-join", "left right", b -> out(stream(b, "left").repartition(Repartitioned.with(S, S)).mapValues(v -> v).leftJoin(table(b, "right"), JOIN)));
        add("repartition-twice-left-join", "left right", b -> out(stream(b, "left").repartition(Repartitioned.with(S, S)).repartition(Repartitioned.with(S, S)).leftJoin(table(b, "right"), JOIN)));
        // Stateless, and names
        add("stateless", "left", b -> stream(b, "left").filter((k, v) -> v != null).filterNot((k, v) -> v.startsWith("x")).map((k, v) -> KeyValue.pair(v, k)).flatMap((k, v) -> List.of(KeyValue.pair(k, v), KeyValue.pair(k + k, v)))
            .mapValues((k, v) -> v + k).flatMapValues(v -> List.of(v, v + "2")).selectKey((k, v) -> k + "s").peek((k, v) -> { }).to("out", Produced.with(S, S)));
        add("stateless-named", "left", b -> stream(b, "left").filter((k, v) -> v != null, Named.as("f")).map((k, v) -> KeyValue.pair(k, v), Named.as("m")).mapValues(v -> v, Named.as("mv")).to((k, v, c) -> "out", Produced.with(S, S).withName("sink")));
        add("merge", "left right", b -> out(stream(b, "left").mapValues(v -> v + "l").merge(stream(b, "right").selectKey((k, v) -> v)).filter((k, v) -> true)));
        add("merge-count", "left right", b -> outLong(stream(b, "left").merge(stream(b, "right").selectKey((k, v) -> v)).groupByKey(Grouped.with(S, S)).count()));
        add("split", "left", b -> {
            Map<String, KStream<String, String>> branches = stream(b, "left").split(Named.as("s-")).branch((k, v) -> v == null, Branched.as("null")).branch((k, v) -> v.startsWith("x")).branch((k, v) -> v.startsWith("a"), Branched.as("a")).defaultBranch();
            for (String name : List.of("s-null", "s-2", "s-a", "s-0")) branches.get(name).to("out-" + name, Produced.with(S, S));
        });
        add("split-no-default", "left", b -> {
            Map<String, KStream<String, String>> branches = stream(b, "left").split().branch((k, v) -> v != null && v.startsWith("x")).branch((k, v) -> k == null).noDefaultBranch();
            out(branches.get("KSTREAM-BRANCH-00000000011"));
            branches.get("KSTREAM-BRANCH-00000000012").to("out2", Produced.with(S, S));
        });
        add("same-topic-twice", "left", b -> { out(stream(b, "left").mapValues(v -> v + "1")); stream(b, "left").filter((k, v) -> k != null).to("out2", Produced.with(S, S)); });
        add("two-topics", "left right", b -> out(b.stream(List.of("left", "right"), Consumed.with(S, S))));
        add("many-subtopologies", "left right third", b -> {
            KStream<String, String> l = stream(b, "left");
            KTable<String, Long> counts = l.groupBy((k, v) -> v, Grouped.with(S, S)).count();
            KTable<String, String> r = stream(b, "right").groupBy((k, v) -> v, Grouped.with(S, S)).reduce((a, v) -> a + v);
            counts.join(r, (c, s) -> c + s).toStream().to("out", Produced.with(S, S));
            stream(b, "third").to("out2", Produced.with(S, S));
        });
    }

    static KTable<String, String> joinTables(String kind, KTable<String, String> l, KTable<String, String> r, Materialized<String, String, KeyValueStore<Bytes, byte[]>> m) {
        if (m == null) return kind.equals("inner") ? l.join(r, JOIN) : kind.equals("left") ? l.leftJoin(r, JOIN) : l.outerJoin(r, JOIN);
        return kind.equals("inner") ? l.join(r, JOIN, m) : kind.equals("left") ? l.leftJoin(r, JOIN, m) : l.outerJoin(r, JOIN, m);
    }

    static KStream<String, String> joinStreams(String kind, KStream<String, String> l, KStream<String, String> r, JoinWindows w, StreamJoined<String, String, String> j) {
        return kind.equals("inner") ? l.join(r, JOIN, w, j) : kind.equals("left") ? l.leftJoin(r, JOIN, w, j) : l.outerJoin(r, JOIN, w, j);
    }

    static final ObjectMapper JSON = new ObjectMapper();

    static String hex(byte[] bytes) {
        return bytes == null ? null : HexFormat.of().formatHex(bytes);
    }

    @SuppressWarnings("unchecked")
    static ObjectNode run(String name, int records, long seed, long cacheBytes) throws Exception {
        String[] topics = (String[]) scenarios.get(name)[0];
        StreamsBuilder builder = new StreamsBuilder();
        ((Consumer<StreamsBuilder>) scenarios.get(name)[1]).accept(builder);
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.STATE_DIR_CONFIG, java.nio.file.Files.createTempDirectory("oracle").toString());
        if (cacheBytes >= 0) config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, cacheBytes);
        config.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
        Topology topology = builder.build();
        ObjectNode node = JSON.createObjectNode();
        node.put("describe", topology.describe().toString().replaceAll("Oracle[^)]*Lambda[^)]*", "TopicNameExtractor"));
        ArrayNode steps = node.putArray("steps");
        Random random = new Random(name.hashCode() + seed);
        String[] keys = {"A", "B", "C", null};
        String[] values = {"a", "ab", "b", "c", "x", "xa", null};
        long time = 20;
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, config, Instant.ofEpochMilli(0))) {
            Map<String, TestInputTopic<String, String>> inputs = new HashMap<>();
            for (String topic : topics) inputs.put(topic, driver.createInputTopic(topic, new StringSerializer(), new StringSerializer()));
            Map<String, TestOutputTopic<byte[], byte[]>> outputs = new TreeMap<>();
            for (int i = 0; i < records; i++) {
                String topic = topics[random.nextInt(topics.length)];
                String key = random.nextInt(12) == 0 ? null : keys[random.nextInt(random.nextInt(3) + 1)];
                String value = random.nextInt(7) == 0 ? null : values[random.nextInt(6)];
                long timestamp = Math.max(0, time + random.nextInt(16) - 12);
                if (random.nextInt(20) == 0) timestamp += 15;
                time = Math.max(time, timestamp) + random.nextInt(2);
                ArrayNode step = steps.addArray();
                step.add(topic).add(key).add(value).add(timestamp);
                ObjectNode produced = step.addObject();
                String error = null;
                RecordHeaders headers = new RecordHeaders();
                headers.add("n", String.valueOf(i).getBytes());
                inputs.get(topic).pipeInput(new TestRecord<>(key, value, headers, timestamp));
                for (String out : driver.producedTopicNames()) outputs.computeIfAbsent(out, t -> driver.createOutputTopic(t, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
                for (Map.Entry<String, TestOutputTopic<byte[], byte[]>> out : outputs.entrySet()) {
                    List<TestRecord<byte[], byte[]>> list = out.getValue().readRecordsToList();
                    if (list.isEmpty()) continue;
                    ArrayNode array = produced.putArray(out.getKey());
                    for (TestRecord<byte[], byte[]> record : list) {
                        StringBuilder text = new StringBuilder();
                        for (Header header : record.headers()) text.append(header.key()).append('=').append(new String(header.value())).append(' ');
                        array.addArray().add(hex(record.key())).add(hex(record.value())).add(record.timestamp()).add(text.toString().trim());
                    }
                }
            }
            ObjectNode dropped = node.putObject("dropped");
            driver.metrics().forEach((metric, value) -> {
                if (metric.name().equals("dropped-records-total") && ((Number) value.metricValue()).doubleValue() > 0) dropped.put("total", dropped.path("total").asDouble() + ((Number) value.metricValue()).doubleValue());
            });
        }
        return node;
    }

    public static void main(String[] args) throws Exception {
        define();
        ObjectNode all = JSON.createObjectNode();
        all.put("version", args[1]);
        ObjectNode list = all.putObject("scenarios");
        for (String name : scenarios.keySet()) {
            try {
                ObjectNode both = run(name, Integer.parseInt(args[2]), Long.parseLong(args[3]), -1);
                both.set("withoutCache", run(name, Integer.parseInt(args[2]), Long.parseLong(args[3]), 0).get("steps"));
                list.set(name, both);
            } catch (Exception e) {
                System.err.println(name + ": " + e);
                throw e;
            }
        }
        JSON.writeValue(new File(args[0]), all);
        System.out.println(scenarios.size() + " scenarios");
    }
}
