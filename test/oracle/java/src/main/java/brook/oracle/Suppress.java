package brook.oracle;

import static org.apache.kafka.streams.kstream.Suppressed.BufferConfig.maxBytes;
import static org.apache.kafka.streams.kstream.Suppressed.BufferConfig.maxRecords;
import static org.apache.kafka.streams.kstream.Suppressed.BufferConfig.unbounded;
import static org.apache.kafka.streams.kstream.Suppressed.untilTimeLimit;
import static org.apache.kafka.streams.kstream.Suppressed.untilWindowCloses;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Updates that are held back: until a time limit, until windows close, with limits of the buffer, before and after other operators. */
final class Suppress extends Area {
    private static final long FOREVER = Duration.ofDays(100).toMillis();

    @Override
    void define() {
        limits();
        neighbours();
        windows();
        sessionsAndSliding();
        byHand();
        finalResultsByHand();
    }

    private void limits() {
        for (long wait : new long[] {0, 2, 10, FOREVER})
            add("until-" + wait, "left", b -> out(table(b, "left").suppress(limit(wait, unbounded()))));
        for (int records = 0; records <= 3; records++) {
            int max = records;
            add("max-records-" + max, "left", b -> out(table(b, "left").suppress(limit(FOREVER, maxRecords(max)))));
            add("max-records-" + max + "-until-5", "left", b -> out(table(b, "left").suppress(limit(5, maxRecords(max).emitEarlyWhenFull()))));
            add("max-records-" + max + "-or-stop", "left", b -> out(table(b, "left").suppress(limit(10, maxRecords(max).shutDownWhenFull())))).mayFail();
        }
        for (long bytes : new long[] {40, 60, 80, 100, 120, 200}) {
            add("max-bytes-" + bytes, "left", b -> out(table(b, "left").suppress(limit(FOREVER, maxBytes(bytes)))));
            add("max-bytes-" + bytes + "-or-stop", "left", b -> out(table(b, "left").suppress(limit(10, maxBytes(bytes).shutDownWhenFull())))).mayFail();
        }
        add("max-both", "left", b -> out(table(b, "left").suppress(limit(20, maxBytes(110).withMaxRecords(2)))));
        add("named", "left", b -> out(table(b, "left").suppress(limit(5, unbounded()).withName("later")).filter(NOT_X)));
        add("no-changelog", "left", b -> out(table(b, "left").suppress(limit(5, unbounded().withLoggingDisabled()))));
        add("changelog-configs", "left", b -> out(table(b, "left").suppress(limit(5, maxRecords(2).withLoggingEnabled(Map.of("segment.ms", "1000"))))));
        add("very-late", "left", b -> out(table(b, "left").suppress(limit(5, unbounded())))).times(40, 60);
    }

    private void neighbours() {
        add("kept-parent", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows")).suppress(limit(6, unbounded()))));
        add("kept-parent-uncached", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows").withCachingDisabled()).suppress(limit(6, unbounded()))));
        add("after-filter", "left", b -> out(table(b, "left").filter(NOT_X).suppress(limit(6, unbounded()))));
        add("after-kept-filter", "left", b -> out(table(b, "left").filter(NOT_X, text("f")).suppress(limit(6, maxRecords(1)))));
        add("after-map", "left", b -> out(table(b, "left").mapValues(v -> "<" + v + ">", Materialized.with(S, S)).suppress(limit(6, unbounded()))));
        add("before-map", "left", b -> out(table(b, "left").suppress(limit(6, unbounded())).mapValues(v -> "<" + v + ">", text("m"))));
        add("before-filter", "left", b -> out(table(b, "left").suppress(limit(6, unbounded())).filter(NOT_X)));
        add("before-kept-filter", "left", b -> out(table(b, "left").suppress(limit(6, unbounded())).filter(NOT_X, text("f"))));
        add("before-group", "left", b -> out(table(b, "left").suppress(limit(6, unbounded()))
            .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("before-group-uncached", "left", b -> out(table(b, "left").suppress(limit(6, maxRecords(1)))
            .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled())));
        add("before-group-until-0", "left", b -> outLong(table(b, "left").suppress(limit(0, unbounded()))
            .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).count()));
        add("after-aggregate", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a")).suppress(limit(6, unbounded()))));
        add("after-reduce-uncached", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).reduce((a, v) -> a + "+" + v, text("a").withCachingDisabled()).suppress(limit(6, maxRecords(1)))));
        add("after-flat-map", "left", b -> out(stream(b, "left").flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v + v)).groupByKey(Grouped.with(S, S))
            .aggregate(INIT, ADD, text("a")).suppress(limit(6, unbounded()))));
        add("after-group", "left", b -> outLong(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).count(Materialized.with(S, Serdes.Long()))
            .suppress(limit(6, unbounded()))));
        add("twice", "left", b -> out(table(b, "left").suppress(limit(4, unbounded())).suppress(limit(4, maxRecords(1)))));
        add("two-of-one", "left", b -> {
            KTable<String, String> table = table(b, "left");
            out(table.suppress(limit(4, unbounded())));
            table.suppress(limit(8, unbounded()).withName("slow")).toStream().to("out2", Produced.with(S, S));
        });
        for (String kind : new String[] {"inner", "left", "outer"}) {
            add("before-join-left-" + kind, "left right", b -> out(joinTables(kind, table(b, "left").suppress(limit(6, unbounded())), table(b, "right"), null)));
            add("before-join-right-" + kind, "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right").suppress(limit(6, unbounded())), null)));
            add("before-join-both-" + kind, "left right", b -> out(joinTables(kind, table(b, "left").suppress(limit(6, maxRecords(2))), table(b, "right").suppress(limit(3, unbounded())), text("j"))));
            add("after-join-" + kind, "left right", b -> out(joinTables(kind, table(b, "left"), table(b, "right"), text("j")).suppress(limit(6, unbounded()))));
        }
        add("before-filtered-join", "left right", b -> out(joinTables("outer", table(b, "left").suppress(limit(6, unbounded())).filter(NOT_X), table(b, "right"), null)));
        add("before-stream-join", "left right", b -> out(stream(b, "left").leftJoin(table(b, "right").suppress(limit(6, unbounded())), JOIN)));
    }

    private void windows() {
        for (String kind : new String[] {"tumbling", "hopping"}) {
            TimeWindows windows = kind.equals("tumbling") ? tumbling() : hopping();
            add("closes-" + kind, "left", b -> outWindows(windowed(b, windows).suppress(untilWindowCloses(unbounded())), 10));
            add("closes-" + kind + "-uncached", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(windows)
                .aggregate(INIT, ADD, windows("w").withCachingDisabled()).suppress(untilWindowCloses(unbounded())), 10));
            add("closes-" + kind + "-late", "left", b -> outWindows(windowed(b, windows).suppress(untilWindowCloses(unbounded())), 10)).times(30, 40);
            for (int max = 1; max <= 6; max += 5) {
                int records = max;
                add("closes-" + kind + "-max-" + max, "left", b -> outWindows(windowed(b, windows).suppress(untilWindowCloses(maxRecords(records).shutDownWhenFull())), 10)).mayFail();
            }
            add("windowed-until-" + kind, "left", b -> outWindows(windowed(b, windows).suppress(windowLimit(7, unbounded())), 10));
            add("windowed-max-" + kind, "left", b -> outWindows(windowed(b, windows).suppress(windowLimit(FOREVER, maxRecords(2))), 10));
        }
        add("closes-no-grace", "left", b -> outWindows(windowed(b, TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10))).suppress(untilWindowCloses(unbounded())), 10));
        add("closes-named", "left", b -> outWindows(windowed(b, tumbling()).suppress(untilWindowCloses(unbounded()).withName("final")), 10));
        add("closes-deleting", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling())
            .aggregate(INIT, (k, v, a) -> v == null || v.startsWith("x") ? null : a + "+" + v, windows("w")).suppress(untilWindowCloses(unbounded())), 10));
        add("closes-filtered", "left", b -> outWindows(windowed(b, tumbling()).filter((k, v) -> v.length() < 12).suppress(untilWindowCloses(unbounded())), 10));
        add("closes-joined", "left right", b -> outWindows(
            stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).aggregate(INIT, ADD, windows("l"))
                .outerJoin(stream(b, "right").groupByKey(Grouped.with(S, S)).windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(10), Duration.ofMillis(9))).aggregate(INIT, ADD, windows("r")), JOIN,
                    Materialized.<Windowed<String>, String, KeyValueStore<Bytes, byte[]>>as("j")
                        .withKeySerde(WindowedSerdes.timeWindowedSerdeFrom(String.class, 10)).withValueSerde(S))
                .suppress(untilWindowCloses(unbounded())), 10));
        add("closes-before-group", "left", b -> out(windowed(b, tumbling()).suppress(untilWindowCloses(unbounded()))
            .groupBy((k, v) -> KeyValue.pair(k.key(), v.substring(v.length() - 1)), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("closes-regrouped", "left", b -> stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(tumbling()).count(longs("w")).suppress(untilWindowCloses(unbounded()))
            .toStream((k, v) -> k.key() + "@" + k.window().start()).groupByKey(Grouped.with(S, Serdes.Long())).reduce(Long::sum).toStream().to("out", Produced.with(S, Serdes.Long())));
    }

    private void sessionsAndSliding() {
        for (long grace : new long[] {0, 5}) {
            SessionWindows sessions = SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(6), Duration.ofMillis(grace));
            add("closes-session-" + grace, "left", b -> outSessions(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(sessions)
                .aggregate(INIT, ADD, (k, l, r) -> l + "&" + r, Materialized.<String, String, SessionStore<Bytes, byte[]>>with(S, S).withRetention(Duration.ofMillis(1000))).suppress(untilWindowCloses(unbounded()))));
            SlidingWindows sliding = SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(8), Duration.ofMillis(grace));
            add("closes-sliding-" + grace, "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(sliding)
                .aggregate(INIT, ADD, windows("w")).suppress(untilWindowCloses(unbounded())), 8));
        }
        add("session-until", "left", b -> outSessions(stream(b, "left").groupByKey(Grouped.with(S, S))
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(6), Duration.ofMillis(5)))
            .aggregate(INIT, ADD, (k, l, r) -> l + "&" + r, Materialized.<String, String, SessionStore<Bytes, byte[]>>with(S, S).withRetention(Duration.ofMillis(1000))).suppress(windowLimit(7, maxRecords(3)))));
        add("hand-final-sliding", "input", b -> outLongs(stream(b, "input").groupByKey(Grouped.with(S, S))
            .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(5), Duration.ofMillis(15)))
            .count(longs("counts").withCachingDisabled()).suppress(untilWindowCloses(unbounded()))))
            .input(in(10), in(11), in(10), in(13), in(10), in(24), in(5), in(7), in(90));
        add("hand-final-session", "input", b -> outLongs(stream(b, "input").groupByKey(Grouped.with(S, S))
            .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMillis(5))).count().suppress(untilWindowCloses(unbounded()))))
            .input(in(0), in(5), in(1), step("input", "k2", "v1", 11), in(5), in(30));
    }

    private static KTable<String, Long> valueCounts(StreamsBuilder b) {
        return b.table("input", Consumed.with(S, S), text("rows").withCachingDisabled().withLoggingDisabled())
            .groupBy((k, v) -> KeyValue.pair(v, k), Grouped.with(S, S)).count(Materialized.with(S, Serdes.Long()));
    }

    private void counts(String name, Suppressed<String> suppressed, Scenario.Step... steps) {
        add(name, "input", b -> {
            KTable<String, Long> counts = valueCounts(b);
            counts.suppress(suppressed).toStream().to("output-suppressed", Produced.with(S, Serdes.Long()));
            counts.toStream().to("output-raw", Produced.with(S, Serdes.Long()));
        }).mayFail().input(steps);
    }

    private void byHand() {
        Scenario.Step[] moving = {step("input", "k1", "v1", 0), step("input", "k1", "v2", 1), step("input", "k2", "v1", 2), step("input", "x", "x", 3), step("input", "x", "y", 4)};
        counts("hand-zero-limit", limit(0, unbounded()), moving);
        counts("hand-time-limit", limit(2, unbounded()), step("input", "k1", "v1", 0), step("input", "k1", "v2", 1), step("input", "k2", "v1", 2), step("input", "tick", "tick", 3), step("input", "tick", "tock", 4));
        counts("hand-record-limit", limit(FOREVER, maxRecords(1).emitEarlyWhenFull()), moving);
        counts("hand-bytes-limit", limit(FOREVER, maxBytes(200).emitEarlyWhenFull()), moving);
        counts("hand-record-stop", limit(FOREVER, maxRecords(1).shutDownWhenFull()), moving);
        counts("hand-bytes-stop", limit(FOREVER, maxBytes(200).shutDownWhenFull()), moving);
        add("hand-replaced-keeps-its-turn", "left", b -> out(table(b, "left").suppress(limit(10, unbounded())))).input(
            step("left", "A", "1", 0), step("left", "B", "1", 3), step("left", "A", "2", 9), step("left", "A", "3", 10), step("left", "A", "4", 10), step("left", "B", "2", 13));
        add("hand-limit-is-inclusive", "left", b -> out(table(b, "left").suppress(limit(10, maxRecords(2))))).input(
            step("left", "A", "1", 0), step("left", "B", "1", 0), step("left", "C", "1", 1), step("left", "D", "1", 10), step("left", "D", null, 11), step("left", "E", "1", 21));
        add("hand-older-comes-later", "left", b -> out(table(b, "left").suppress(limit(10, unbounded())))).input(
            step("left", "A", "1", 20), step("left", "B", "1", 5), step("left", "C", "1", 12), step("left", "D", "1", 22), step("left", "E", "1", 31));
        add("hand-tombstones", "left", b -> out(table(b, "left").suppress(limit(0, maxRecords(0))))).input(
            step("left", "A", null, 0), step("left", "A", "1", 1), step("left", "A", null, 2), step("left", "A", null, 3));
        add("hand-same-time-by-key", "left", b -> out(table(b, "left").suppress(limit(5, unbounded())))).input(
            step("left", "b", "1", 0), step("left", "a", "1", 0), step("left", "aa", "1", 0), step("left", "\u00e9", "1", 0), step("left", "B", "1", 0), step("left", "t", "1", 5));
        add("hand-before-group", "topic", b -> outLong(table(b, "topic").suppress(limit(10, unbounded())).groupBy((k, v) -> KeyValue.pair(k, v), Grouped.with(S, S)).count())).input(
            step("topic", "A", "a", 0), step("topic", "tick", "tick", 10), step("topic", "A", "b", 11), step("topic", "tick", "tock", 21), step("topic", "A", null, 22), step("topic", "tick", "tick", 40));
        add("hand-before-group-replaced", "topic", b -> out(table(b, "topic").suppress(limit(10, unbounded()))
            .groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled()))).input(
            step("topic", "A", "a1", 0), step("topic", "A", "a2", 1), step("topic", "tick", "t1", 10), step("topic", "A", "a3", 11), step("topic", "A", "a4", 12), step("topic", "tick", "t2", 30));
        Scenario.Step[] right = {step("right", "B", "1", 0), step("right", "A", "1", 0), step("right", "tick", "tick", 10), step("right", "A", "2", 11),
            step("left", "A", "a", 12), step("left", "B", "b", 12), step("left", "A", "b", 13), step("right", "tick", "tick1", 21)};
        add("hand-before-join-right", "left right", b -> out(table(b, "left").outerJoin(table(b, "right").suppress(limit(10, unbounded())), JOIN))).input(right);
        Scenario.Step[] left = {step("left", "B", "1", 0), step("left", "A", "1", 0), step("left", "tick", "tick", 10), step("left", "A", "2", 11),
            step("right", "A", "a", 12), step("right", "B", "b", 12), step("right", "A", "b", 13), step("left", "tick", "tick1", 21)};
        add("hand-before-join-left", "left right", b -> out(table(b, "left").suppress(limit(10, unbounded())).outerJoin(table(b, "right"), JOIN))).input(left);
        add("hand-joined-with-itself", "left", b -> {
            KTable<String, String> t = table(b, "left").suppress(limit(10, unbounded()));
            out(t.outerJoin(t, JOIN));
        }).input(step("left", "A", "1", 0), step("left", "A", "2", 4), step("left", "B", "1", 10), step("left", "A", "3", 11), step("left", "C", "1", 30));
    }

    private void finals(String name, TimeWindows windows, Suppressed.StrictBufferConfig buffer, Scenario.Step... steps) {
        add(name, "input", b -> {
            KTable<Windowed<String>, Long> counts = stream(b, "input").groupBy((k, v) -> k, Grouped.with(S, S)).windowedBy(windows)
                .count(longs("counts").withCachingDisabled());
            counts.suppress(untilWindowCloses(buffer)).toStream().map((k, v) -> KeyValue.pair(k.toString(), v)).to("output-suppressed", Produced.with(S, Serdes.Long()));
            counts.toStream().map((k, v) -> KeyValue.pair(k.toString(), v)).to("output-raw", Produced.with(S, Serdes.Long()));
        }).mayFail().input(steps);
    }

    private void finalResultsByHand() {
        Scenario.Step[] times = {in(0), in(1), in(2), in(1), in(0), in(5), in(0)};
        finals("hand-final-results", TimeWindows.ofSizeAndGrace(Duration.ofMillis(2), Duration.ofMillis(1)), unbounded(), times);
        finals("hand-final-results-long-retention", TimeWindows.ofSizeAndGrace(Duration.ofMillis(2), Duration.ofMillis(2)), unbounded(), in(0), in(1), in(2), in(1), in(0), in(3), in(0), in(4), in(30));
        finals("hand-final-no-grace", TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(100)), unbounded(), in(5), in(99), in(100), in(0), in(200));
        finals("hand-final-grace-to-the-ms", TimeWindows.ofSizeAndGrace(Duration.ofMillis(1), Duration.ofMillis(1)), unbounded(), in(99), in(100), in(101), in(99), in(103));
        finals("hand-final-stop", TimeWindows.ofSizeAndGrace(Duration.ofMillis(2), Duration.ofMillis(9)), maxRecords(2).shutDownWhenFull(), in(0), in(2), in(3), in(4), in(40));
    }

    private static Materialized<String, Long, WindowStore<Bytes, byte[]>> longs(String name) {
        return Materialized.<String, Long, WindowStore<Bytes, byte[]>>as(name).withKeySerde(S).withValueSerde(Serdes.Long());
    }

    private static Scenario.Step in(long time) {
        return step("input", "k1", "v1", time);
    }

    private static Suppressed<String> limit(long waitMs, Suppressed.BufferConfig<?> buffer) {
        return untilTimeLimit(Duration.ofMillis(waitMs), buffer);
    }

    private static Suppressed<Windowed<String>> windowLimit(long waitMs, Suppressed.BufferConfig<?> buffer) {
        return untilTimeLimit(Duration.ofMillis(waitMs), buffer);
    }

    private static KTable<Windowed<String>, String> windowed(StreamsBuilder b, TimeWindows windows) {
        return stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(windows).aggregate(INIT, ADD, windows("w"));
    }

    private static void outLongs(KTable<Windowed<String>, Long> table) {
        table.toStream().map((k, v) -> KeyValue.pair(k.toString(), v)).to("out", Produced.with(S, Serdes.Long()));
    }

    private static void outSessions(KTable<Windowed<String>, String> table) {
        table.toStream().to("out", Produced.with(WindowedSerdes.sessionWindowedSerdeFrom(String.class), S));
    }
}
