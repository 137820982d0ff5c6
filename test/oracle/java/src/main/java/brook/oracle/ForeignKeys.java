package brook.oracle;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Foreign-key joins of tables. The foreign key of a value is its first letter in upper case; values that start with x have none. */
final class ForeignKeys extends Area {
    static final Function<String, String> FK = v -> v.startsWith("x") ? null : v.isEmpty() ? "" : v.substring(0, 1).toUpperCase();
    static final String[] KINDS = {"inner", "left"};

    private static KTable<String, String> fk(String kind, KTable<String, String> l, KTable<String, String> r) {
        return kind.equals("inner") ? l.join(r, FK, JOIN) : l.leftJoin(r, FK, JOIN);
    }

    private static KTable<String, String> fk(String kind, KTable<String, String> l, KTable<String, String> r, Materialized<String, String, KeyValueStore<Bytes, byte[]>> m) {
        return kind.equals("inner") ? l.join(r, FK, JOIN, m) : l.leftJoin(r, FK, JOIN, m);
    }

    private static KTable<String, String> fk(String kind, KTable<String, String> l, KTable<String, String> r, TableJoined<String, String> j, Materialized<String, String, KeyValueStore<Bytes, byte[]>> m) {
        if (m == null) return kind.equals("inner") ? l.join(r, FK, JOIN, j) : l.leftJoin(r, FK, JOIN, j);
        return kind.equals("inner") ? l.join(r, FK, JOIN, j, m) : l.leftJoin(r, FK, JOIN, j, m);
    }

    private static KTable<String, String> kept(StreamsBuilder b, String topic) {
        return b.table(topic, Consumed.with(S, S), text(topic + "-rows").withCachingDisabled());
    }

    private static KTable<String, String> versioned(StreamsBuilder b, String topic) {
        return b.table(topic, Consumed.with(S, S), Materialized.<String, String>as(Stores.persistentVersionedKeyValueStore(topic + "-rows", Duration.ofMillis(50))));
    }

    private void plain(String name, Scenario.Step... steps) {
        for (String kind : KINDS) {
            add(name + "-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right")))).input(steps);
            add(name + "-" + kind + "-store", "left right", b -> out(fk(kind, kept(b, "left"), kept(b, "right"), text("j")))).input(steps);
        }
    }

    @Override
    void define() {
        for (String kind : KINDS) {
            add("plain-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right")))).records(120);
            add("late-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right")))).records(120).times(40, 60);
            add("store-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), text("j")))).records(120);
            add("store-uncached-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), text("j").withCachingDisabled()))).records(120);
            add("materialized-with-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), Materialized.with(S, S))));
            add("named-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), TableJoined.as("fk"), null)));
            add("named-store-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), TableJoined.as("fk"), text("j"))));
            add("partitioners-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"),
                TableJoined.<String, String>with((topic, key, value, count) -> Optional.of(Set.of(0)), (topic, key, value, count) -> Optional.empty()), null)));
            add("kept-sides-" + kind, "left right", b -> out(fk(kind, kept(b, "left"), kept(b, "right"))));
            add("filter-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right")).filter((k, v) -> !v.contains("c"))));
            add("filter-store-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right")).filter((k, v) -> !v.contains("c"), text("f"))));
            add("store-filter-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), text("j")).filter((k, v) -> !v.contains("c"))));
            add("map-values-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right")).mapValues((k, v) -> k + v)));
            add("group-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"))
                .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
            add("store-group-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), text("j").withCachingDisabled())
                .groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled())));
            add("join-" + kind, "left right third", b -> out(fk(kind, table(b, "left"), table(b, "right")).outerJoin(table(b, "third"), JOIN)));
            add("store-join-" + kind, "left right third", b -> out(table(b, "third").leftJoin(fk(kind, table(b, "left"), table(b, "right"), text("j")), JOIN)));
            add("stream-join-" + kind, "left right third", b -> out(stream(b, "third").leftJoin(fk(kind, table(b, "left"), table(b, "right"), text("j")), JOIN)));
            add("twice-" + kind, "left right third", b -> out(fk(kind, fk(kind, table(b, "left"), table(b, "right"), Materialized.with(S, S)), table(b, "third"))));
            add("two-" + kind, "left right third", b -> {
                KTable<String, String> l = table(b, "left");
                out(fk(kind, l, table(b, "right")));
                fk("left", l, table(b, "third"), TableJoined.as("second"), null).toStream().to("out2", Produced.with(S, S));
            });
            add("same-right-" + kind, "left right third", b -> {
                KTable<String, String> r = table(b, "right");
                out(fk(kind, table(b, "left"), r));
                fk("inner", table(b, "third"), r).toStream().to("out2", Produced.with(S, S));
            });
            add("right-of-right-" + kind, "left right third", b -> out(fk(kind, table(b, "left"), fk("left", table(b, "right"), table(b, "third"), text("j")))));
            add("self-" + kind, "left", b -> { KTable<String, String> l = table(b, "left"); out(fk(kind, l, l)); });
            add("self-store-" + kind, "left", b -> { KTable<String, String> l = kept(b, "left"); out(fk(kind, l, l, text("j").withCachingDisabled())); });
            add("repartitioned-" + kind, "left right", b -> out(fk(kind,
                stream(b, "left").selectKey((k, v) -> v == null ? null : v + k).toTable(Materialized.with(S, S)),
                stream(b, "right").groupBy((k, v) -> v == null ? null : v.substring(0, 1).toUpperCase(), Grouped.with(S, S)).reduce((a, v) -> a + v))));
            add("aggregates-" + kind, "left right", b -> out(fk(kind,
                stream(b, "left").groupByKey(Grouped.with(S, S)).reduce((a, v) -> v + a, text("l")),
                stream(b, "right").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("r").withCachingDisabled()))));
            add("group-sides-" + kind, "left right", b -> out(fk(kind,
                table(b, "left").groupBy((k, v) -> KeyValue.pair(v, k), Grouped.with(S, S)).reduce((a, v) -> v, (a, v) -> a, text("l")).mapValues((k, v) -> k, text("lm")),
                table(b, "right").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1).toUpperCase(), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("r")))));
            add("filtered-sides-" + kind, "left right", b -> out(fk(kind, table(b, "left").filter((k, v) -> !v.startsWith("c")), table(b, "right").mapValues(v -> v.startsWith("x") ? null : v + v, Materialized.with(S, S)))));
            add("kept-filtered-sides-" + kind, "left right", b -> out(fk(kind, table(b, "left").filterNot((k, v) -> v.startsWith("c"), text("l")), table(b, "right").filter(NOT_X, text("r").withCachingDisabled()))));
            add("burst-" + kind, "left right", b -> out(fk(kind,
                stream(b, "left").flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v.equals("ab") ? "b" : v + v, v.equals("c") ? "a" : "xx")).toTable(Materialized.with(S, S)),
                stream(b, "right").flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v + "2")).toTable(Materialized.with(S, S)))));
            add("windowed-left-" + kind, "left right", b -> {
                KTable<Windowed<String>, String> l = stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).reduce((a, v) -> v, windows("l").withRetention(Duration.ofSeconds(10)));
                KTable<String, String> r = table(b, "right");
                outWindows(kind.equals("inner") ? l.join(r, FK, JOIN) : l.leftJoin(r, FK, JOIN), 10);
            });
            add("versioned-" + kind, "left right", b -> out(fk(kind, versioned(b, "left"), versioned(b, "right")))).records(120).times(30, 20);
            add("versioned-left-" + kind, "left right", b -> out(fk(kind, versioned(b, "left").filter((k, v) -> !v.startsWith("c")), table(b, "right"), text("j")))).times(30, 20);
            add("versioned-right-" + kind, "left right", b -> out(fk(kind, table(b, "left"), versioned(b, "right").filter(NOT_X)))).times(30, 20);
            add("optimised-" + kind, "left right", b -> out(fk(kind, table(b, "left"), table(b, "right"), text("j")))).config(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, "all");
            add("optimised-repartitioned-" + kind, "left right", b -> {
                KStream<String, String> l = stream(b, "left").selectKey((k, v) -> v == null ? null : v + k);
                l.groupByKey(Grouped.with(S, S)).count(Area.<Long>store("c")).toStream().to("out2", Produced.with(S, Serdes.Long()));
                out(fk(kind, l.toTable(Materialized.with(S, S)), table(b, "right")));
            }).config(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, "all");
            add("key-and-value-" + kind, "left right", b -> {
                KTable<String, String> l = table(b, "left");
                KTable<String, String> r = table(b, "right");
                out(kind.equals("inner") ? l.join(r, (k, v) -> v.endsWith("b") ? k : FK.apply(v), JOIN) : l.leftJoin(r, (k, v) -> v.endsWith("b") ? k : FK.apply(v), JOIN));
            });
        }
        sequences();
    }

    /** The sequences of Kafka Streams' own integration tests, in the shape of ours, and those for the rules. */
    private void sequences() {
        plain("left-then-right",
            step("left", "1", "a1", 1), step("left", "2", "b2", 2), step("right", "A", "r1", 3), step("right", "B", "r2", 4),
            step("left", "1", "a3", 5), step("left", "2", "a2", 6), step("right", "A", "r3", 7), step("right", "B", "r4", 8),
            step("left", "1", null, 9), step("right", "A", null, 10), step("left", "2", null, 11), step("right", "B", null, 12));
        plain("right-then-left",
            step("right", "A", "r1", 1), step("right", "B", "r2", 2), step("right", "C", "r3", 3), step("left", "1", "a1", 4), step("left", "2", "b2", 5),
            step("left", "3", "c3", 6), step("left", "1", "b1", 7), step("left", "1", "c1", 8), step("left", "1", "a1", 9), step("right", "A", null, 10), step("right", "A", "back", 11));
        plain("delete-and-again",
            step("right", "A", "r1", 1), step("left", "1", "a1", 2), step("left", "1", null, 3), step("left", "1", null, 4), step("left", "1", "a1", 5), step("right", "A", null, 6),
            step("right", "A", null, 7), step("left", "1", "a1", 8), step("left", "1", null, 9), step("left", "1", null, 10), step("right", "A", "r2", 11), step("left", "2", null, 12));
        plain("unchanged-value",
            step("right", "A", "r1", 1), step("left", "1", "a1", 2), step("left", "1", "a1", 3), step("right", "A", "r1", 4), step("left", "1", "a1", 4), step("left", "1", "a2", 4), step("right", "A", "r1", 2));
        plain("null-foreign-keys",
            step("right", "A", "r1", 1), step("left", "1", "x1", 2), step("left", "1", "a1", 3), step("left", "1", "x2", 4), step("left", "1", "x3", 5), step("left", "1", null, 6),
            step("left", "2", "x1", 7), step("left", "2", null, 8), step("left", "3", "a1", 9), step("left", "3", "x1", 10), step("right", "A", "r2", 11), step("left", "3", "a3", 12));
        plain("foreign-key-without-row",
            step("left", "1", "a1", 1), step("left", "1", "b1", 2), step("left", "1", "b2", 3), step("right", "B", "r1", 4), step("left", "1", "c1", 5), step("left", "1", "c2", 6),
            step("right", "C", null, 7), step("left", "1", "x", 8), step("left", "1", "c3", 9), step("left", "1", null, 10));
        plain("many-to-one",
            step("left", "1", "a1", 1), step("left", "2", "a2", 2), step("left", "10", "a10", 3), step("left", "", "a-empty", 4), step("left", "3", "b3", 5), step("right", "A", "r1", 9),
            step("left", "2", null, 10), step("right", "A", "r2", 11), step("left", "10", "b", 12), step("right", "A", null, 13), step("right", "B", "r3", 14));
        plain("foreign-keys-that-begin-alike",
            step("left", "1", "", 1), step("left", "2", "a", 2), step("left", "A", "a", 3), step("right", "", "empty", 4), step("right", "A", "r1", 5), step("right", "AA", "r2", 6), step("left", "1", "aa", 7), step("right", "A", null, 8), step("right", "", null, 9));
        plain("times-of-results",
            step("left", "1", "a1", 100), step("right", "A", "r1", 50), step("right", "A", "r2", 150), step("left", "1", "a2", 20), step("left", "1", "b2", 10), step("right", "B", "r3", 5),
            step("left", "1", "a3", 30), step("left", "1", null, 3), step("left", "1", "a4", 200), step("right", "A", null, 1));
        plain("empty-values",
            step("right", "A", "", 1), step("left", "1", "a1", 2), step("right", "A", "r1", 3), step("right", "A", "", 4), step("left", "1", "a2", 5), step("left", "2", "", 6), step("right", "", "r", 7), step("left", "2", null, 8));
        plain("unsubscribed",
            step("right", "A", "r1", 1), step("right", "B", "r2", 2), step("left", "1", "a1", 3), step("left", "2", "a2", 4), step("left", "1", "b1", 5), step("right", "A", "r3", 6), step("right", "B", "r4", 7),
            step("left", "1", "x", 8), step("right", "B", "r5", 9), step("left", "2", null, 10), step("right", "A", "r6", 11), step("left", "2", "c2", 12), step("right", "A", null, 13), step("right", "C", "r7", 14));
        plain("null-keys",
            step("left", null, "a1", 1), step("right", null, "r1", 2), step("left", "1", "a1", 3), step("right", "A", "r1", 4), step("left", null, null, 5), step("right", null, null, 6));
        for (String kind : KINDS) {
            add("burst-stale-" + kind, "left right", b -> out(fk(kind, stream(b, "left").flatMapValues(v -> v == null ? List.<String>of() : List.of(v.split(","))).toTable(kind.equals("inner") ? text("l").withCachingDisabled() : text("l")), table(b, "right")))).input(
                step("right", "A", "ra", 1), step("right", "B", "rb", 2), step("left", "1", "a1,b1", 3), step("left", "1", "a1,a2,b1", 4), step("left", "1", "b1,a1,b1", 5), step("left", "1", "x,a1", 6), step("left", "1", "a1,x", 7), step("left", "1", "a1,a1", 8));
        }
    }
}
