package brook.oracle;

import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Several grouped streams into one table: plain, windowed of all kinds, with repartitioned inputs, named, and with what can follow. */
final class Cogroup extends Area {
    private static final Aggregator<String, String, String> ONE = (k, v, a) -> a + "+" + v;
    private static final Aggregator<String, String, String> TWO = (k, v, a) -> a + "*" + v;
    private static final Aggregator<String, String, String> THREE = (k, v, a) -> a + "/" + k + v;
    private static final Aggregator<String, String, String> DELETING = (k, v, a) -> v == null || v.startsWith("x") ? null : a + "*" + v;
    /** Inputs have times of their own: what one takes as open must not be beyond the retention of the store, whose time is that of all. */
    private static final Duration KEPT = Duration.ofMillis(1000);
    private static final Merger<String, String> MERGE = (k, a, b) -> a + "&" + b;

    @Override
    void define() {
        plain();
        repartitioned();
        followed();
        windowed();
        sessions();
        names();
        byHand();
    }

    private void plain() {
        add("one", "left", b -> out(grouped(b, "left").cogroup(ONE).aggregate(INIT, Materialized.with(S, S))));
        add("two", "left right", b -> out(two(b).aggregate(INIT, Materialized.with(S, S))));
        add("two-kept", "left right", b -> out(two(b).aggregate(INIT, text("c"))));
        add("two-uncached", "left right", b -> out(two(b).aggregate(INIT, text("c").withCachingDisabled())));
        add("two-named", "left right", b -> out(two(b).aggregate(INIT, Named.as("both"), text("c"))));
        add("two-named-only", "left right", b -> out(two(b).aggregate(INIT, Named.as("both"))));
        add("three", "left right third", b -> out(two(b).cogroup(grouped(b, "third"), THREE).aggregate(INIT, text("c"))));
        add("deleting", "left right", b -> out(grouped(b, "left").cogroup(ONE).cogroup(grouped(b, "right"), DELETING).aggregate(INIT, text("c"))));
        add("deleting-uncached", "left right", b -> out(grouped(b, "left").cogroup(ONE).cogroup(grouped(b, "right"), DELETING).aggregate(INIT, text("c").withCachingDisabled())));
        add("same-group-twice", "left", b -> {
            KGroupedStream<String, String> g = grouped(b, "left");
            out(g.cogroup(ONE).cogroup(g, TWO).aggregate(INIT, text("c")));
        });
        add("same-topic-twice", "left", b -> {
            KStream<String, String> s = stream(b, "left");
            out(s.groupByKey(Grouped.with(S, S)).cogroup(ONE).cogroup(s.groupByKey(Grouped.with(S, S)), TWO).aggregate(INIT, text("c")));
        });
        add("same-topic-twice-uncached", "left", b -> {
            KStream<String, String> s = stream(b, "left");
            out(s.groupByKey(Grouped.with(S, S)).cogroup(ONE).cogroup(s.groupByKey(Grouped.with(S, S)), TWO).aggregate(INIT, text("c").withCachingDisabled()));
        });
        add("aggregated-twice", "left right", b -> {
            CogroupedKStream<String, String> c = two(b);
            out(c.aggregate(INIT, text("c")));
            c.aggregate(() -> "1", text("d")).toStream().to("out2", Produced.with(S, S));
        });
        add("flat-mapped", "left right", b -> out(doubled(b, "left").groupByKey(Grouped.with(S, S)).cogroup(ONE).cogroup(grouped(b, "right"), TWO).aggregate(INIT, text("c"))));
        add("fed-by-aggregate", "left right", b -> out(grouped(b, "left").cogroup(ONE)
            .cogroup(grouped(b, "right").aggregate(INIT, ADD, text("a")).toStream().groupByKey(Grouped.with(S, S)), TWO).aggregate(INIT, text("c"))));
    }

    private void repartitioned() {
        add("first-repartitioned", "left right", b -> out(moved(b, "left").groupByKey(Grouped.with(S, S)).cogroup(ONE).cogroup(grouped(b, "right"), TWO).aggregate(INIT, text("c"))));
        add("second-repartitioned", "left right", b -> out(grouped(b, "left").cogroup(ONE).cogroup(moved(b, "right").groupByKey(Grouped.with(S, S)), TWO).aggregate(INIT, Materialized.with(S, S))));
        add("both-repartitioned", "left right", b -> out(moved(b, "left").groupByKey(Grouped.with("l", S, S)).cogroup(ONE).cogroup(moved(b, "right").groupByKey(Grouped.with("r", S, S)), TWO).aggregate(INIT, text("c"))));
        add("grouped-by", "left right", b -> out(grouped(b, "left").cogroup(ONE)
            .cogroup(stream(b, "right").groupBy((k, v) -> v == null ? null : v.substring(0, 1), Grouped.with(S, S)), TWO).aggregate(INIT, text("c"))));
        add("repartitioned-aggregated-twice", "left right", b -> {
            CogroupedKStream<String, String> c = grouped(b, "left").cogroup(ONE).cogroup(moved(b, "right").groupByKey(Grouped.with("r", S, S)), TWO);
            out(c.aggregate(INIT, text("c")));
            c.aggregate(() -> "1", text("d")).toStream().to("out2", Produced.with(S, S));
        });
        add("repartitioned-twice-unnamed", "left right", b -> {
            CogroupedKStream<String, String> c = grouped(b, "left").cogroup(ONE).cogroup(moved(b, "right").groupByKey(Grouped.with(S, S)), TWO);
            out(c.aggregate(INIT, Materialized.with(S, S)));
            c.aggregate(() -> "1", Materialized.with(S, S)).toStream().to("out2", Produced.with(S, S));
        });
        add("repartitioned-elsewhere", "left right", b -> {
            KGroupedStream<String, String> r = moved(b, "right").groupByKey(Grouped.with("r", S, S));
            out(grouped(b, "left").cogroup(ONE).cogroup(r, TWO).aggregate(INIT, text("c")));
        });
        add("repartitioned-windowed", "left right", b -> outWindows(moved(b, "left").groupByKey(Grouped.with("l", S, S)).cogroup(ONE).cogroup(moved(b, "right").groupByKey(Grouped.with("r", S, S)), TWO)
            .windowedBy(tumbling()).aggregate(INIT, kept("w")), 10));
    }

    private void followed() {
        add("filtered", "left right", b -> out(two(b).aggregate(INIT, text("c")).filter((k, v) -> v.length() < 12)));
        add("grouped", "left right", b -> out(two(b).aggregate(INIT, text("c"))
            .groupBy((k, v) -> KeyValue.pair(v.substring(v.length() - 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("joined", "left right third", b -> out(joinTables("outer", two(b).aggregate(INIT, text("c")), table(b, "third"), null)));
        add("joined-right", "left right third", b -> out(joinTables("left", table(b, "third"), two(b).aggregate(INIT, Materialized.with(S, S)), null)));
        add("stream-joined", "left right third", b -> out(stream(b, "third").leftJoin(two(b).aggregate(INIT, text("c")), JOIN)));
        add("suppressed", "left right", b -> out(two(b).aggregate(INIT, text("c")).suppress(Suppressed.untilTimeLimit(Duration.ofMillis(6), Suppressed.BufferConfig.unbounded()))));
        add("mapped", "left right", b -> out(two(b).aggregate(INIT, text("c")).mapValues(v -> "<" + v + ">", text("m"))));
    }

    private void windowed() {
        add("tumbling", "left right", b -> outWindows(two(b).windowedBy(tumbling()).aggregate(INIT, kept("w")), 10));
        add("tumbling-uncached", "left right", b -> outWindows(two(b).windowedBy(tumbling()).aggregate(INIT, kept("w").withCachingDisabled()), 10));
        add("tumbling-unnamed", "left right", b -> outWindows(two(b).windowedBy(tumbling()).aggregate(INIT, Materialized.<String, String, WindowStore<Bytes, byte[]>>with(S, S).withRetention(KEPT)), 10));
        add("tumbling-named", "left right", b -> outWindows(two(b).windowedBy(tumbling()).aggregate(INIT, Named.as("both"), kept("w")), 10));
        add("tumbling-late", "left right", b -> outWindows(two(b).windowedBy(tumbling()).aggregate(INIT, kept("w")), 10)).times(30, 40);
        add("hopping", "left right", b -> outWindows(two(b).windowedBy(hopping()).aggregate(INIT, kept("w")), 10));
        add("hopping-uncached", "left right", b -> outWindows(two(b).windowedBy(hopping()).aggregate(INIT, kept("w").withCachingDisabled()), 10));
        add("tumbling-closes", "left right", b -> outWindows(two(b).windowedBy(tumbling()).aggregate(INIT, kept("w")).suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())), 10));
        add("tumbling-three", "left right third", b -> outWindows(two(b).cogroup(grouped(b, "third"), THREE).windowedBy(tumbling()).aggregate(INIT, kept("w")), 10));
        SlidingWindows sliding = SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(8), Duration.ofMillis(5));
        add("sliding", "left right", b -> outWindows(two(b).windowedBy(sliding).aggregate(INIT, kept("w")), 8));
        add("sliding-uncached", "left right", b -> outWindows(two(b).windowedBy(sliding).aggregate(INIT, kept("w").withCachingDisabled()), 8));
        add("sliding-named", "left right", b -> outWindows(two(b).windowedBy(sliding).aggregate(INIT, Named.as("both"), kept("w")), 8));
        add("windowed-deleting", "left right", b -> outWindows(grouped(b, "left").cogroup(ONE).cogroup(grouped(b, "right"), DELETING).windowedBy(tumbling()).aggregate(INIT, kept("w")), 10));
    }

    private void sessions() {
        SessionWindows gap = SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(6), Duration.ofMillis(5));
        add("sessions", "left right", b -> outSessions(two(b).windowedBy(gap).aggregate(INIT, MERGE, Materialized.<String, String, SessionStore<Bytes, byte[]>>with(S, S).withRetention(KEPT))));
        add("sessions-kept", "left right", b -> outSessions(two(b).windowedBy(gap).aggregate(INIT, MERGE, sessions("s"))));
        add("sessions-uncached", "left right", b -> outSessions(two(b).windowedBy(gap).aggregate(INIT, MERGE, sessions("s").withCachingDisabled())));
        add("sessions-named", "left right", b -> outSessions(two(b).windowedBy(gap).aggregate(INIT, MERGE, Named.as("both"), sessions("s"))));
        add("sessions-close", "left right", b -> outSessions(two(b).windowedBy(gap).aggregate(INIT, MERGE, sessions("s")).suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))));
        add("sessions-no-grace", "left right", b -> outSessions(two(b).windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMillis(6))).aggregate(INIT, MERGE, sessions("s"))));
    }

    private void names() {
        add("names-around", "left right third", b -> {
            stream(b, "third").selectKey((k, v) -> v).groupByKey(Grouped.with(S, S)).count();
            two(b).aggregate(INIT, Materialized.with(S, S)).toStream().map((k, v) -> KeyValue.pair(v, k)).repartition(Repartitioned.with(S, S)).to("out", Produced.with(S, S));
        }).describeOnly();
        add("names-beside-named", "left right", b -> {
            two(b).windowedBy(tumbling()).aggregate(INIT, Named.as("w")).toStream((k, v) -> k.key()).to("out", Produced.with(S, S));
            grouped(b, "left").count();
        }).describeOnly();
    }

    private void byHand() {
        Scenario.Step[] steps = {step("left", "A", "1", 0), step("right", "A", "2", 5), step("left", "A", "3", 2), step("right", "B", null, 6), step("left", null, "4", 7), step("right", "A", "5", 5), step("left", "B", "6", 1)};
        add("hand-order-and-time", "left right", b -> out(two(b).aggregate(INIT, text("c")))).input(steps);
        add("hand-order-and-time-uncached", "left right", b -> out(two(b).aggregate(INIT, text("c").withCachingDisabled()))).input(steps);
        add("hand-windows-of-both", "left right", b -> outWindows(two(b).windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10))).aggregate(INIT, kept("w")), 10)).input(
            step("left", "A", "1", 0), step("right", "A", "2", 25), step("left", "A", "3", 5), step("left", "A", "4", 12), step("right", "A", "5", 12), step("left", "A", "6", 3));
        add("hand-windows-beyond-retention", "left right", b -> outWindows(two(b).windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10))).aggregate(INIT, windows("w")), 10)).input(
            step("left", "A", "1", 0), step("right", "A", "2", 25), step("left", "A", "3", 5), step("left", "A", "4", 30));
        add("hand-sessions-of-both", "left right", b -> outSessions(two(b).windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMillis(10))).aggregate(INIT, MERGE, sessions("s")))).input(
            step("left", "A", "1", 0), step("right", "A", "2", 20), step("left", "A", "3", 10), step("right", "A", "4", 50), step("left", "A", "5", 21), step("right", "A", "6", 21));
    }

    private static KGroupedStream<String, String> grouped(StreamsBuilder b, String topic) {
        return stream(b, topic).groupByKey(Grouped.with(S, S));
    }

    private static CogroupedKStream<String, String> two(StreamsBuilder b) {
        return grouped(b, "left").cogroup(ONE).cogroup(grouped(b, "right"), TWO);
    }

    private static KStream<String, String> moved(StreamsBuilder b, String topic) {
        return stream(b, topic).selectKey((k, v) -> k);
    }

    private static KStream<String, String> doubled(StreamsBuilder b, String topic) {
        return stream(b, topic).flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v + v));
    }

    private static Materialized<String, String, SessionStore<Bytes, byte[]>> sessions(String name) {
        return Materialized.<String, String, SessionStore<Bytes, byte[]>>as(name).withKeySerde(S).withValueSerde(S).withRetention(KEPT);
    }

    private static Materialized<String, String, WindowStore<Bytes, byte[]>> kept(String name) {
        return windows(name).withRetention(KEPT);
    }

    private static void outSessions(KTable<Windowed<String>, String> table) {
        table.toStream().to("out", Produced.with(WindowedSerdes.sessionWindowedSerdeFrom(String.class), S));
    }
}
