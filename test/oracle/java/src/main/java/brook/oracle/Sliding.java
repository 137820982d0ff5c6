package brook.oracle;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.Stores;

/** Sliding windows, and unlimited ones. */
final class Sliding extends Area {
    private static SlidingWindows sliding(long difference, long grace) {
        return SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(difference), Duration.ofMillis(grace));
    }

    private static KGroupedStream<String, String> grouped(StreamsBuilder b) {
        return stream(b, "left").groupByKey(Grouped.with(S, S));
    }

    private static void outCounts(KTable<Windowed<String>, Long> table, long size) {
        table.toStream().to("out", Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, size), Serdes.Long()));
    }

    @Override
    void define() {
        add("count", "left", b -> outCounts(grouped(b).windowedBy(sliding(10, 5)).count(), 10));
        add("count-materialized-with", "left", b -> outCounts(grouped(b).windowedBy(sliding(10, 5)).count(Materialized.with(S, Serdes.Long())), 10));
        add("count-named", "left", b -> outCounts(grouped(b).windowedBy(sliding(10, 5)).count(Named.as("counter")), 10));
        add("reduce", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).reduce((a, v) -> a + "+" + v), 10));
        add("reduce-store", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).reduce((a, v) -> a + "+" + v, windows("w")), 10));
        add("aggregate-memory", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD,
            Materialized.<String, String>as(Stores.inMemoryWindowStore("w", Duration.ofMillis(25), Duration.ofMillis(10), false)).withKeySerde(S).withValueSerde(S).withCachingDisabled()), 10));
        add("aggregate-deletes", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, (k, v, a) -> v.startsWith("x") ? null : a + "+" + v, windows("w")), 10));
        add("aggregate-retention", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w").withRetention(Duration.ofMillis(60))), 10));
        // Differences and graces, records early and late
        for (long[] sizes : new long[][] {{1, 0}, {1, 4}, {3, 0}, {5, 2}, {10, 0}, {10, 30}, {25, 0}, {25, 10}, {60, 5}})
            for (int seed = 0; seed < 2; seed++)
                add("aggregate-" + sizes[0] + "-" + sizes[1] + (seed == 0 ? "" : "-again"), "left", b -> outWindows(grouped(b).windowedBy(sliding(sizes[0], sizes[1])).aggregate(INIT, ADD, windows("w")), sizes[0]))
                    .times(seed == 0 ? 12 : 30, seed == 0 ? 15 : 40).seed(seed);
        add("aggregate-far", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 20)).aggregate(INIT, ADD, windows("w")), 10)).times(40, 90).records(120);
        add("aggregate-dense", "left", b -> outWindows(grouped(b).windowedBy(sliding(8, 16)).reduce((a, v) -> a + v, windows("w")), 8)).times(6, 1).records(160);
        add("aggregate-uncached", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w").withCachingDisabled()), 10));
        // What comes before and after
        add("repartitioned", "left", b -> outWindows(stream(b, "left").groupBy((k, v) -> v == null ? null : v.substring(0, 1), Grouped.with("by-first", S, S)).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w")), 10));
        add("repartitioned-unnamed", "left", b -> outWindows(stream(b, "left").selectKey((k, v) -> k).groupByKey(Grouped.with(S, S)).windowedBy(sliding(10, 5)).reduce((a, v) -> a + v, Named.as("r")), 10));
        add("filter-map", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w")).filter((k, v) -> v.length() < 12).mapValues(v -> "<" + v + ">"), 10));
        add("group-by", "left", b -> out(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w"))
            .groupBy((k, v) -> KeyValue.pair(String.valueOf(k.window().start() / 10), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("table-join", "left right", b -> {
            KTable<Windowed<String>, String> l = grouped(b).windowedBy(sliding(10, 5)).reduce((a, v) -> a + v, windows("l"));
            KTable<Windowed<String>, String> r = stream(b, "right").groupByKey(Grouped.with(S, S)).windowedBy(sliding(10, 5)).reduce((a, v) -> a + v, windows("r"));
            outWindows(l.outerJoin(r, JOIN), 10);
        });
        add("to-stream-key", "left", b -> grouped(b).windowedBy(sliding(10, 5)).count(Named.as("c"), Materialized.as("counts"))
            .toStream((k, v) -> k.key() + "@" + k.window().start() + "-" + k.window().end()).to("out", Produced.with(S, Serdes.Long())));
        hand();
        unlimited();
    }

    private static Scenario.Step[] times(long... times) {
        Scenario.Step[] steps = new Scenario.Step[times.length];
        for (int i = 0; i < times.length; i++) steps[i] = step("left", "A", String.valueOf((char) ('a' + i)), times[i]);
        return steps;
    }

    private void hand() {
        add("rule-11-null-keys-and-values", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w")), 10))
            .input(step("left", null, "a", 20), step("left", "A", null, 30), step("left", "A", "b", 5), step("left", "A", "c", 25), step("left", null, null, 99));
        for (long grace : new long[] {0, 5})
            add("rule-13-the-end-is-inside-grace-" + grace, "left", b -> outWindows(grouped(b).windowedBy(sliding(10, grace)).aggregate(INIT, ADD, windows("w")), 10))
                .input(times(40, 30 - grace, 29 - grace, 31 - grace, 50, 40 - grace, 39 - grace, 20));
        long[][] orders = {{10, 15, 20, 25, 30}, {30, 25, 20, 15, 10}, {10, 30, 20, 15, 25}, {20, 20, 20, 19, 21}, {10, 20, 21, 31, 32}, {15, 5, 25, 0, 35}, {12, 13, 14, 40, 22, 23, 24, 50, 51}, {11, 22, 33, 44}, {20, 10, 30, 9, 31, 8}};
        for (int i = 0; i < orders.length; i++) {
            long[] order = orders[i];
            add("rule-20-windows-of-each-record-" + i, "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 50)).aggregate(INIT, ADD, windows("w")), 10)).input(times(order));
        }
        long[][] early = {{0, 1, 2, 9, 10, 11}, {9, 5, 1, 0}, {5, 5, 6, 4, 15, 16}, {3, 30, 2, 8, 12}, {10, 0, 20, 9}, {1, 11, 12, 0, 21}};
        for (int i = 0; i < early.length; i++) {
            long[] order = early[i];
            add("rule-20-early-records-" + i, "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 50)).aggregate(INIT, ADD, windows("w")), 10)).input(times(order));
        }
        add("rule-20-early-and-late", "left", b -> outWindows(grouped(b).windowedBy(sliding(20, 0)).aggregate(INIT, ADD, windows("w")), 20)).input(times(5, 19, 21, 10, 45, 22, 30, 24, 25, 66, 45));
        add("rule-21-windows-at-the-edge-of-retention", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).aggregate(INIT, ADD, windows("w")), 10))
            .input(times(100, 101, 125, 111, 110, 126, 112, 150, 135, 140, 130, 165, 150, 151));
    }

    private void unlimited() {
        add("unlimited-count", "left", b -> outCounts(grouped(b).windowedBy(UnlimitedWindows.of()).count(), Long.MAX_VALUE));
        add("unlimited-start-on", "left", b -> outWindows(grouped(b).windowedBy(UnlimitedWindows.of().startOn(java.time.Instant.ofEpochMilli(40))).aggregate(INIT, ADD, windows("u")), Long.MAX_VALUE));
        add("unlimited-uncached", "left", b -> outWindows(grouped(b).windowedBy(UnlimitedWindows.of().startOn(java.time.Instant.ofEpochMilli(40))).reduce((a, v) -> a + "+" + v, windows("u").withCachingDisabled()), Long.MAX_VALUE)).times(60, 90);
        add("unlimited-group-by", "left", b -> out(grouped(b).windowedBy(UnlimitedWindows.of()).aggregate(INIT, ADD, windows("u"))
            .groupBy((k, v) -> KeyValue.pair("all", k.key()), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
    }
}
