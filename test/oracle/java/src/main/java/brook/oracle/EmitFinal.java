package brook.oracle;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** Emission on window close: tumbling, hopping and sliding windows. */
final class EmitFinal extends Area {
    private static final String INTERVAL = "__emit.interval.ms.kstreams.windowed.aggregation__";

    /** A store that keeps windows for so long that none is lost, however far time jumps. */
    private static Materialized<String, String, WindowStore<Bytes, byte[]>> kept(String name) {
        return windows(name).withRetention(Duration.ofMillis(1000));
    }

    private static KGroupedStream<String, String> grouped(StreamsBuilder b) {
        return stream(b, "left").groupByKey(Grouped.with(S, S));
    }

    private static TimeWindows time(long size, long grace, long advance) {
        return TimeWindows.ofSizeAndGrace(Duration.ofMillis(size), Duration.ofMillis(grace)).advanceBy(Duration.ofMillis(advance));
    }

    private static SlidingWindows sliding(long difference, long grace) {
        return SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(difference), Duration.ofMillis(grace));
    }

    private static TimeWindowedKStream<String, String> closing(TimeWindowedKStream<String, String> windowed) {
        return windowed.emitStrategy(EmitStrategy.onWindowClose());
    }

    /** By name: windows of 10 ms (or a difference of 10 ms). */
    private static Map<String, Function<KGroupedStream<String, String>, TimeWindowedKStream<String, String>>> kinds() {
        Map<String, Function<KGroupedStream<String, String>, TimeWindowedKStream<String, String>>> kinds = new LinkedHashMap<>();
        kinds.put("tumbling", g -> closing(g.windowedBy(time(10, 5, 10))));
        kinds.put("hopping", g -> closing(g.windowedBy(time(10, 5, 4))));
        kinds.put("sliding", g -> closing(g.windowedBy(sliding(10, 5))));
        return kinds;
    }

    @Override
    void define() {
        kinds().forEach((kind, by) -> {
            add(kind + "-count", "left", b -> by.apply(grouped(b)).count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>with(S, Serdes.Long()).withRetention(Duration.ofMillis(1000))).toStream().to("out", Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, 10), Serdes.Long())));
            add(kind + "-reduce", "left", b -> outWindows(by.apply(grouped(b)).reduce((a, v) -> a + "+" + v, Materialized.<String, String, WindowStore<Bytes, byte[]>>with(S, S).withRetention(Duration.ofMillis(1000))), 10));
            add(kind + "-aggregate", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, Materialized.with(S, S)), 10)).times(8, 0).records(120);
            add(kind + "-aggregate-kept", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10)).records(120);
            add(kind + "-aggregate-uncached", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w").withCachingDisabled()), 10));
            add(kind + "-aggregate-late", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10)).times(30, 40).records(120);
            add(kind + "-aggregate-far", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10)).times(12, 300);
            add(kind + "-aggregate-deletes", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, (k, v, a) -> v == null || v.startsWith("x") ? null : a + "+" + v, kept("w")), 10));
            add(kind + "-throttled", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10)).config(INTERVAL, 40L).wallClock(60).records(120);
            add(kind + "-repartitioned", "left", b -> outWindows(by.apply(stream(b, "left").groupBy((k, v) -> v == null ? null : v.substring(0, 1), Grouped.with("by-first", S, S))).aggregate(INIT, ADD, kept("w")), 10));
            add(kind + "-repartitioned-unnamed", "left", b -> outWindows(by.apply(stream(b, "left").selectKey((k, v) -> k).groupByKey(Grouped.with(S, S))).reduce((a, v) -> a + v, Named.as("r")), 10)).times(8, 0);
            add(kind + "-filter-map", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")).filter((k, v) -> v.length() < 9).mapValues(v -> "<" + v + ">"), 10));
            add(kind + "-filter-map-stores", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")).filter((k, v) -> v.length() < 9).mapValues(v -> "<" + v + ">"), 10)).times(20, 20);
            add(kind + "-group-by", "left", b -> out(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w"))
                .groupBy((k, v) -> KeyValue.pair(String.valueOf(k.window().start() / 10), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
            add(kind + "-two-stages", "left", b -> outWindows(by.apply(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w1")).toStream((k, v) -> k.key()).groupByKey(Grouped.with(S, S))).aggregate(INIT, ADD, kept("w2")), 10));
            add(kind + "-then-table-join", "left right", b -> {
                KTable<Windowed<String>, String> l = by.apply(grouped(b)).reduce((a, v) -> a + v, kept("l"));
                KTable<Windowed<String>, String> r = by.apply(stream(b, "right").groupByKey(Grouped.with(S, S))).reduce((a, v) -> a + v, kept("r"));
                outWindows(l.outerJoin(r, JOIN), 10);
            });
            add(kind + "-beside-updates", "left", b -> {
                KGroupedStream<String, String> grouped = grouped(b);
                outWindows(by.apply(grouped).aggregate(INIT, ADD, kept("w")), 10);
                grouped.count(Area.<Long>store("counts")).toStream().to("out2", Produced.with(S, Serdes.Long()));
            });
            add(kind + "-jumps-beyond-retention", "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, windows("w")), 10)).times(12, 200);
        });
        for (long[] sizes : new long[][] {{1, 0, 1}, {5, 0, 1}, {7, 3, 2}, {10, 0, 10}, {10, 0, 3}, {20, 0, 7}, {3, 40, 3}, {12, 6, 12}})
            add("time-" + sizes[0] + "-" + sizes[1] + "-" + sizes[2], "left", b -> outWindows(closing(grouped(b).windowedBy(time(sizes[0], sizes[1], sizes[2]))).aggregate(INIT, ADD, kept("w")), sizes[0]));
        for (long[] sizes : new long[][] {{1, 0}, {3, 0}, {5, 2}, {10, 0}, {25, 0}, {10, 30}, {60, 5}})
            add("sliding-" + sizes[0] + "-" + sizes[1], "left", b -> outWindows(closing(grouped(b).windowedBy(sliding(sizes[0], sizes[1]))).aggregate(INIT, ADD, kept("w")), sizes[0])).records(100);
        add("tumbling-memory", "left", b -> outWindows(closing(grouped(b).windowedBy(time(10, 5, 10))).aggregate(INIT, ADD,
            Materialized.<String, String>as(Stores.inMemoryWindowStore("w", Duration.ofMillis(1000), Duration.ofMillis(10), false)).withKeySerde(S).withValueSerde(S).withCachingDisabled()), 10));
        add("sliding-memory", "left", b -> outWindows(closing(grouped(b).windowedBy(sliding(10, 5))).aggregate(INIT, ADD,
            Materialized.<String, String>as(Stores.inMemoryWindowStore("w", Duration.ofMillis(1000), Duration.ofMillis(10), false)).withKeySerde(S).withValueSerde(S).withCachingDisabled()), 10));
        add("tumbling-explicit-updates", "left", b -> outWindows(grouped(b).windowedBy(time(10, 5, 10)).emitStrategy(EmitStrategy.onWindowUpdate()).aggregate(INIT, ADD, windows("w")), 10));
        add("sliding-explicit-updates", "left", b -> outWindows(grouped(b).windowedBy(sliding(10, 5)).emitStrategy(EmitStrategy.onWindowUpdate()).aggregate(INIT, ADD, windows("w")), 10));
        hand();
    }

    private static Scenario.Step at(String key, long time) {
        return step("left", key, key.toLowerCase() + time, time);
    }

    private void hand() {
        kinds().forEach((kind, by) -> {
            add("order-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10))
                .input(at("B", 11), at("A", 12), at("AA", 3), at("C", 3), at("B", 19), at("A", 29), at("a", 25), at("Z", 25), at("\u00e9", 25), at("A", 60));
            add("edge-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10))
                .input(at("A", 9), at("B", 10), at("B", 14), at("A", 0), at("B", 15), at("A", 9), at("A", 10), at("B", 20), at("B", 24), at("B", 25), at("B", 26), at("B", 34), at("B", 35), at("B", 36));
            add("headers-of-the-record-that-closes-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10))
                .input(at("A", 11), at("A", 12), step("left", null, "x", 80), step("left", "B", null, 81), at("B", 100));
            add("late-records-close-nothing-new-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10))
                .input(at("A", 11), at("B", 40), at("A", 12), at("C", 12), at("B", 41), at("A", 1), at("A", 60), at("A", 35), at("A", 90));
            add("throttle-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10)).config(INTERVAL, 100L)
                .input(at("A", 11), at("A", 40), wallClock(99), at("B", 70), wallClock(1), at("B", 71), at("B", 100), wallClock(100), at("B", 99), at("C", 100), wallClock(200), wallClock(50), at("C", 200));
            add("epoch-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10))
                .input(at("A", 0), at("A", 3), at("B", 9), at("A", 10), at("C", 14), at("A", 15), at("A", 16), at("A", 19), at("A", 20), at("A", 40));
            add("silence-does-nothing-" + kind, "left", b -> outWindows(by.apply(grouped(b)).aggregate(INIT, ADD, kept("w")), 10))
                .input(at("A", 11), wallClock(100000), at("A", 12), wallClock(5), at("A", 50), wallClock(100000));
        });
    }
}
