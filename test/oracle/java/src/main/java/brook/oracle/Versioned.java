package brook.oracle;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.Stores;

/** Versioned tables, and stream-table joins as of a time, with grace and without. */
final class Versioned extends Area {
    @Override
    void define() {
        tables();
        tableJoins();
        streamJoins();
        lists();
    }

    private void tables() {
        for (long history : new long[] {0, 10, 1000}) {
            add("table-" + history, "left", b -> out(versioned(b, "left", history)));
            add("table-far-ahead-" + history, "left", b -> out(versioned(b, "left", history))).times(20, 60);
        }
        add("table-filter", "left", b -> out(versioned(b, "left", 30).filter(NOT_X)));
        add("table-filter-not-store", "left", b -> out(versioned(b, "left", 30).filterNot(NOT_X, text("f"))));
        add("table-filter-versioned-store", "left", b -> out(versioned(b, "left", 30).filter(NOT_X, store("f", 10))));
        add("table-map-values", "left", b -> out(versioned(b, "left", 30).mapValues(v -> v + v)));
        add("table-map-values-store", "left", b -> out(versioned(b, "left", 30).mapValues(v -> v + v, text("m"))));
        add("table-map-values-versioned-store", "left", b -> out(table(b, "left").mapValues(v -> v + v, store("m", 20))));
        add("table-without-changelog", "left", b -> out(b.table("left", Consumed.with(S, S), store("v", 20).withLoggingDisabled())));
        add("to-table", "left", b -> out(stream(b, "left").toTable(store("v", 20))));
        add("to-table-repartitioned", "left", b -> out(stream(b, "left").selectKey((k, v) -> k).toTable(Named.as("t"), store("v", 20))));
        add("aggregate", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, store("a", 20)))).records(60);
        add("aggregate-deletes", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, (k, v, a) -> v.startsWith("x") ? null : a + "+" + v, store("a", 20)))).records(60).seed(3);
        add("reduce", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).reduce((a, v) -> a + v, store("r", 20)))).records(60);
        add("count", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count(
            Materialized.<String, Long>as(Stores.persistentVersionedKeyValueStore("c-versions", Duration.ofMillis(20))).withKeySerde(S).withValueSerde(Serdes.Long()))));
        add("group-by", "left", b -> out(versioned(b, "left", 30).groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("group-by-into-versioned", "left", b -> out(versioned(b, "left", 30).groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, store("g", 20))));
        add("group-by-count", "left", b -> outLong(versioned(b, "left", 30).groupBy((k, v) -> KeyValue.pair(v, v), Grouped.with(S, S)).count(Area.<Long>store("c"))));
        add("group-by-reduce", "left", b -> out(versioned(b, "left", 30).filter(NOT_X).groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).reduce((a, v) -> a + "+" + v, (a, v) -> a + "-" + v, text("g"))));
        add("group-by-of-mapped", "left", b -> out(versioned(b, "left", 30).mapValues(v -> v.startsWith("x") ? null : v).groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("group-by-of-unversioned-store", "left", b -> out(versioned(b, "left", 30).mapValues(v -> v, text("m")).groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
    }

    private void tableJoins() {
        for (String kind : new String[] {"inner", "left", "outer"}) {
            add("join-" + kind + "-both", "left right", b -> out(joinTables(kind, versioned(b, "left", 30), versioned(b, "right", 30), null)));
            add("join-" + kind + "-left", "left right", b -> out(joinTables(kind, versioned(b, "left", 30), table(b, "right"), null)));
            add("join-" + kind + "-right", "left right", b -> out(joinTables(kind, table(b, "left"), versioned(b, "right", 30), null)));
            add("join-" + kind + "-store", "left right", b -> out(joinTables(kind, versioned(b, "left", 30), versioned(b, "right", 10), text("j"))));
            add("join-" + kind + "-versioned-store", "left right", b -> out(joinTables(kind, versioned(b, "left", 30), table(b, "right"), store("j", 20))));
            add("join-" + kind + "-filtered", "left right", b -> out(joinTables(kind, versioned(b, "left", 30).filter(NOT_X), versioned(b, "right", 30).mapValues(v -> v + v), null)));
            add("join-" + kind + "-group", "left right", b -> out(joinTables(kind, versioned(b, "left", 30), versioned(b, "right", 30), null)
                .groupBy((k, v) -> KeyValue.pair("k", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
            add("join-" + kind + "-twice", "left right third", b -> out(joinTables("left", joinTables(kind, versioned(b, "left", 30), versioned(b, "right", 30), null), versioned(b, "third", 20), null)));
        }
        add("foreign-key-join", "left right", b -> out(versioned(b, "left", 30).join(versioned(b, "right", 30), v -> v.startsWith("x") ? null : v.substring(0, 1).toUpperCase(), JOIN)));
        add("foreign-key-left-join", "left right", b -> out(versioned(b, "left", 30).leftJoin(versioned(b, "right", 30), v -> v.startsWith("x") ? null : v.substring(0, 1).toUpperCase(), JOIN)));
    }

    private void streamJoins() {
        for (boolean left : new boolean[] {false, true}) {
            String kind = left ? "left-" : "";
            for (long history : new long[] {5, 100})
                add("stream-" + kind + "join-" + history, "left right", b -> out(join(left, stream(b, "left"), versioned(b, "right", history), null)));
            add("stream-" + kind + "join-derived", "left right", b -> out(join(left, stream(b, "left"), versioned(b, "right", 30).filter(NOT_X).mapValues(v -> v + v), null)));
            add("stream-" + kind + "join-stored", "left right", b -> out(join(left, stream(b, "left"), versioned(b, "right", 30).mapValues(v -> v + v, text("m")), null)));
            add("stream-" + kind + "join-of-join", "left right third", b -> out(join(left, stream(b, "left"), versioned(b, "right", 30).leftJoin(versioned(b, "third", 30), JOIN), null)));
            add("stream-" + kind + "join-aggregate", "left right", b -> out(join(left, stream(b, "left"), stream(b, "right").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, store("a", 30)), null)));
            for (long grace : new long[] {0, 1, 5, 20})
                grace(add("stream-" + kind + "join-grace-" + grace, "left right", b -> out(join(left, stream(b, "left"), versioned(b, "right", 40), Joined.with(S, S, S, null, Duration.ofMillis(grace))))), left);
            grace(add("stream-" + kind + "join-grace-far", "left right", b -> out(join(left, stream(b, "left"), versioned(b, "right", 40), Joined.with(S, S, S, null, Duration.ofMillis(10))))), left).times(25, 40);
            grace(add("stream-" + kind + "join-grace-named", "left right", b -> out(join(left, stream(b, "left"), versioned(b, "right", 8).mapValues(v -> v + v), Joined.with(S, S, S, "j", Duration.ofMillis(8))))), left);
            grace(add("stream-" + kind + "join-grace-repartitioned", "left right", b -> out(join(left, stream(b, "left").map((k, v) -> KeyValue.pair(k, v)), versioned(b, "right", 40), Joined.with(S, S, S, "j", Duration.ofMillis(6))))), left);
        }
        add("stream-left-join-grace-null-key", "left right", b -> out(join(true, stream(b, "left"), versioned(b, "right", 40), Joined.with(S, S, S, null, Duration.ofMillis(5)))))
            .input(step("right", "A", "r", 1), step("left", "A", "a", 5), step("left", "A", "b", 20), step("left", null, "n", 21)).mayFail();
        add("stream-left-join-grace-nothing", "left right", b -> out(join(true, stream(b, "left"), versioned(b, "right", 40), Joined.with(S, S, S, null, Duration.ofMillis(5)))))
            .input(step("right", "A", "r", 1), step("left", "A", "a", 5), step("left", "A", null, 6), step("left", "A", "b", 20), step("left", null, null, 21)).mayFail();
    }

    /** Without null keys, on which a left join with grace stops. */
    private Scenario grace(Scenario scenario, boolean left) {
        if (!left) return scenario;
        return scenario.input(withoutNullKeys(scenario.name));
    }

    private static Scenario.Step[] withoutNullKeys(String name) {
        java.util.Random random = new java.util.Random(name.hashCode());
        boolean isFar = name.endsWith("far");
        String[] keys = {"A", "B", "C"};
        String[] values = {"a", "ab", "b", "c", "x", "xa"};
        List<Scenario.Step> steps = new ArrayList<>();
        long time = 20;
        for (int i = 0; i < 80; i++) {
            long timestamp = Math.max(0, time + random.nextInt(isFar ? 29 : 16) - (isFar ? 25 : 12));
            if (random.nextInt(20) == 0) timestamp += isFar ? 40 : 15;
            time = Math.max(time, timestamp) + random.nextInt(2);
            steps.add(new Scenario.Step(random.nextBoolean() ? "left" : "right", keys[random.nextInt(random.nextInt(3) + 1)], random.nextInt(7) == 0 ? null : values[random.nextInt(6)], timestamp));
        }
        return steps.toArray(new Scenario.Step[0]);
    }

    /** Sequences in and out of order, with deletions on both sides, in the manner of TableTableJoinIntegrationTest. */
    private void lists() {
        Scenario.Step[] list = {
            step("left", "A", null, 4), step("right", "A", null, 4), step("left", "A", "a", 5), step("right", "A", "a", 6), step("left", "A", "B", 7), step("right", "A", "b", 8),
            step("left", "A", null, 9), step("right", "A", null, 10), step("left", "A", "C", 11), step("right", "A", "c", 12), step("right", "A", null, 13), step("left", "A", null, 14),
            step("right", "A", "d", 16), step("left", "A", "D", 17), step("left", "A", "late", 6), step("right", "A", "late", 3), step("left", "A", null, 3), step("right", "A", null, 7),
            step("left", "A", "E", 4), step("right", "A", "e", 4), step("left", "A", null, 18), step("right", "A", null, 19), step("left", "A", "late", 2), step("right", "A", "late", 2),
            step("left", "A", null, 21), step("right", "A", null, 21), step("left", "A", "F", 20), step("right", "A", "f", 20), step("left", "A", "G", 22), step("right", "A", "g", 22),
        };
        for (String kind : new String[] {"inner", "left", "outer"}) {
            add("list-" + kind + "-both", "left right", b -> out(joinTables(kind, versioned(b, "left", 1000), versioned(b, "right", 1000), null))).input(list);
            add("list-" + kind + "-left", "left right", b -> out(joinTables(kind, versioned(b, "left", 1000), table(b, "right"), null))).input(list);
            add("list-" + kind + "-right", "left right", b -> out(joinTables(kind, table(b, "left"), versioned(b, "right", 1000), null))).input(list);
            add("list-" + kind + "-short", "left right", b -> out(joinTables(kind, versioned(b, "left", 8), versioned(b, "right", 8), null))).input(list);
        }
        add("list-stream", "left right", b -> out(stream(b, "left").join(versioned(b, "right", 1000), JOIN))).input(list);
        add("list-stream-left", "left right", b -> out(stream(b, "left").leftJoin(versioned(b, "right", 1000), JOIN))).input(list);
        add("list-stream-short", "left right", b -> out(stream(b, "left").leftJoin(versioned(b, "right", 5), JOIN))).input(list);
        // A deletion at the very time of a version that nothing stood before is forgotten.
        add("list-lost-deletion", "left right", b -> out(stream(b, "left").leftJoin(versioned(b, "right", 1000), JOIN))).input(
            step("right", "A", "a", 36), step("right", "A", null, 36), step("right", "A", "b", 34), step("left", "A", "at", 35), step("left", "A", "at", 36), step("left", "A", "at", 40));
        add("list-history", "left right", b -> out(stream(b, "left").leftJoin(versioned(b, "right", 10), JOIN))).input(
            step("right", "A", "a1", 100), step("right", "A", "a2", 105), step("right", "A", "a3", 110), step("left", "A", "at", 100), step("left", "A", "at", 104), step("left", "A", "at", 105),
            step("right", "B", "b1", 115), step("left", "A", "at", 104), step("left", "A", "at", 105), step("left", "A", "at", 109), step("right", "A", "late", 104), step("right", "A", "just", 106),
            step("left", "A", "at", 106), step("right", "B", "b2", 200), step("left", "A", "at", 109), step("left", "A", "at", 110), step("left", "A", "at", 150), step("left", "B", "at", 120), step("left", "B", "at", 114),
            step("right", "A", null, 200), step("left", "A", "at", 199), step("left", "A", "at", 200), step("right", "A", "a4", 195), step("left", "A", "at", 196), step("left", "A", "at", 200), step("left", "A", "at", 194));
    }

    private static KStream<String, String> join(boolean left, KStream<String, String> stream, KTable<String, String> table, Joined<String, String, String> joined) {
        Joined<String, String, String> with = joined == null ? Joined.with(S, S, S) : joined;
        return left ? stream.leftJoin(table, JOIN, with) : stream.join(table, JOIN, with);
    }

    private static Materialized<String, String, org.apache.kafka.streams.state.KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>> store(String name, long history) {
        return Materialized.<String, String>as(Stores.persistentVersionedKeyValueStore(name + "-versions", Duration.ofMillis(history))).withKeySerde(S).withValueSerde(S);
    }

    private static KTable<String, String> versioned(StreamsBuilder b, String topic, long history) {
        return b.table(topic, Consumed.with(S, S), store(topic, history));
    }
}
