package brook.oracle;

import static java.time.Duration.ofMillis;

import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;

/** Session windows. Random scenarios keep sessions for longer than they have to, so that the store's own bound plays no part. */
final class Sessions extends Area {
    static final Serde<Long> L = Serdes.Long();
    static final long KEPT = 100;
    static final long GAP = 300_000;
    static final Merger<String, String> MERGE = (k, a, b) -> "(" + a + "&" + b + ")";
    static final Reducer<String> REDUCE = (a, v) -> a + "+" + v;

    static SessionWindows sessions(long gap, long grace) {
        return SessionWindows.ofInactivityGapAndGrace(ofMillis(gap), ofMillis(grace));
    }

    static <V> Materialized<String, V, SessionStore<Bytes, byte[]>> unnamed(Serde<V> value) {
        return Materialized.<String, V, SessionStore<Bytes, byte[]>>with(S, value).withRetention(ofMillis(KEPT));
    }

    static <V> Materialized<String, V, SessionStore<Bytes, byte[]>> named(String name, Serde<V> value) {
        return Materialized.<String, V, SessionStore<Bytes, byte[]>>as(name).withKeySerde(S).withValueSerde(value).withRetention(ofMillis(KEPT));
    }

    static SessionWindowedKStream<String, String> grouped(StreamsBuilder b, String topic, long gap, long grace) {
        return stream(b, topic).groupByKey(Grouped.with(S, S)).windowedBy(sessions(gap, grace));
    }

    static KTable<Windowed<String>, String> aggregated(StreamsBuilder b, String topic, long gap, long grace, Materialized<String, String, SessionStore<Bytes, byte[]>> m) {
        return grouped(b, topic, gap, grace).aggregate(INIT, ADD, MERGE, m);
    }

    static <V> void outSessions(KTable<Windowed<String>, V> table, Serde<V> value) {
        table.toStream().to("out", Produced.with(WindowedSerdes.sessionWindowedSerdeFrom(String.class), value));
    }

    static void outText(KTable<Windowed<String>, String> table) {
        outSessions(table, S);
    }

    @Override
    void define() {
        long[][] windows = {{5, 0}, {5, 4}, {3, 12}, {10, 6}, {0, 0}, {0, 8}};
        for (long[] w : windows) {
            String id = "gap" + w[0] + "-grace" + w[1];
            add("count-" + id, "left", b -> outSessions(grouped(b, "left", w[0], w[1]).count(unnamed(L)), L));
            add("reduce-" + id, "left", b -> outText(grouped(b, "left", w[0], w[1]).reduce(REDUCE, unnamed(S))));
            add("aggregate-" + id, "left", b -> outText(aggregated(b, "left", w[0], w[1], unnamed(S))));
        }
        options();
        downstream();
        repartitioned();
        rules();
        processorTest();
        retention();
        onClose();
        wide();
    }

    private void options() {
        add("aggregate-named-uncached", "left", b -> outText(aggregated(b, "left", 5, 4, named("sessions", S).withCachingDisabled()))).records(100);
        add("count-named", "left", b -> outSessions(grouped(b, "left", 5, 4).count(Named.as("counter"), named("counts", L)), L));
        add("reduce-named", "left", b -> outText(grouped(b, "left", 5, 4).reduce(REDUCE, Named.as("reducer"), named("reduced", S))));
        add("aggregate-in-memory", "left", b -> outText(aggregated(b, "left", 5, 4, unnamed(S).withStoreType(Materialized.StoreType.IN_MEMORY))));
        add("aggregate-unlogged", "left", b -> outText(aggregated(b, "left", 5, 4, unnamed(S).withLoggingDisabled())));
        add("many-late", "left", b -> outText(aggregated(b, "left", 2, 1, unnamed(S)))).times(30, 15).records(150);
        add("few-late", "left", b -> outText(aggregated(b, "left", 4, 20, unnamed(S)))).times(25, 40).records(150);
        add("deleting-aggregator", "left", b -> outText(grouped(b, "left", 5, 8).aggregate(INIT, (k, v, a) -> v == null || v.startsWith("x") ? null : a + "+" + v, MERGE, unnamed(S)))).records(120);
        add("deleting-merger", "left", b -> outText(grouped(b, "left", 5, 8).aggregate(INIT, ADD, (k, one, two) -> two.contains("x") ? null : one + "&" + two, unnamed(S))));
        add("merger-by-key", "left", b -> outText(grouped(b, "left", 6, 6).aggregate(INIT, (k, v, a) -> a + k, (k, one, two) -> one + k + two, unnamed(S))));
        add("count-default", "left", b -> outSessions(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(SessionWindows.ofInactivityGapWithNoGrace(ofMillis(5))).count(), L)).describeOnly();
        add("count-default-named", "left", b -> outSessions(grouped(b, "left", 5, 0).count(Named.as("c")), L)).describeOnly();
        add("count-materialized-as", "left", b -> outSessions(grouped(b, "left", 5, 0).count(Materialized.as("c")), L)).describeOnly();
        add("reduce-default", "left", b -> outText(grouped(b, "left", 5, 0).reduce(REDUCE))).describeOnly();
        add("aggregate-default", "left", b -> outText(aggregated(b, "left", 5, 0, Materialized.with(S, S)))).describeOnly();
        add("aggregate-named-node", "left", b -> outText(grouped(b, "left", 5, 0).aggregate(INIT, ADD, MERGE, Named.as("node"), named("store", S)))).describeOnly();
    }

    private void downstream() {
        add("filter", "left", b -> outText(aggregated(b, "left", 5, 6, unnamed(S)).filter((k, v) -> v.length() < 9)));
        add("filter-not-by-window", "left", b -> outText(aggregated(b, "left", 5, 6, unnamed(S)).filterNot((k, v) -> (k.window().end() - k.window().start()) % 2 == 1)));
        add("map-values", "left", b -> outText(aggregated(b, "left", 5, 6, unnamed(S)).mapValues((k, v) -> k.key() + k.window().start() + "-" + k.window().end() + v)));
        add("filter-map-uncached", "left", b -> outText(aggregated(b, "left", 5, 6, named("s", S).withCachingDisabled()).filter((k, v) -> v.length() < 12).mapValues(v -> "<" + v + ">")));
        add("filter-map-apart", "left", b -> outText(aggregated(b, "left", 5, 6, named("s", S).withCachingDisabled()).filter((k, v) -> v.length() < 12).mapValues(v -> "<" + v + ">"))).input(spread());
        add("group-by-apart", "left", b -> out(aggregated(b, "left", 5, 6, named("s", S).withCachingDisabled()).groupBy((k, v) -> KeyValue.pair(k.key(), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g")))).input(spread());
        add("to-stream-key", "left", b -> aggregated(b, "left", 5, 6, unnamed(S)).toStream((k, v) -> k.key() + "@" + k.window().start() + "-" + k.window().end()).to("out", Produced.with(S, S)));
        add("to-stream-again", "left", b -> grouped(b, "left", 3, 6).count(unnamed(L)).toStream().filter((k, v) -> v != null).map((k, v) -> KeyValue.pair(k.key(), k.window().start() + ":" + v)).groupByKey(Grouped.with(S, S)).reduce((a, v) -> a + "," + v).toStream().to("out", Produced.with(S, S)));
        add("group-by-key", "left", b -> out(aggregated(b, "left", 4, 6, unnamed(S)).groupBy((k, v) -> KeyValue.pair(k.key(), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
        add("group-by-length", "left", b -> outLong(grouped(b, "left", 4, 6).count(unnamed(L)).groupBy((k, v) -> KeyValue.pair(String.valueOf(k.window().end() - k.window().start()), v), Grouped.with(S, L)).count(Area.<Long>store("g"))));
        add("group-by-spread", "left", b -> outLong(grouped(b, "left", 4, 6).count(unnamed(L)).groupBy((k, v) -> KeyValue.pair(String.valueOf(k.window().start() % 3), v), Grouped.with(S, L)).reduce(Long::sum, (x, y) -> x - y))).input(spread());
        for (String kind : List.of("inner", "left", "outer"))
            add("join-" + kind, "left right", b -> {
                KTable<Windowed<String>, String> l = aggregated(b, "left", 4, 20, named("l", S));
                KTable<Windowed<String>, String> r = aggregated(b, "right", 4, 20, named("r", S));
                outText(kind.equals("inner") ? l.join(r, JOIN) : kind.equals("left") ? l.leftJoin(r, JOIN) : l.outerJoin(r, JOIN));
            }).records(120);
    }

    /** No two records of a key at one time. */
    private static Scenario.Step[] spread() {
        Scenario.Step[] steps = new Scenario.Step[120];
        String[] keys = {"A", "B", "C"};
        for (int i = 0; i < steps.length; i++) {
            long time = i + (i * 7 % 11) * 2 - (i % 5 == 0 ? 9 : 0);
            steps[i] = step("left", keys[i % 3], i % 8 == 0 ? null : "v" + i, Math.max(0, time * 3 + i % 3));
        }
        return steps;
    }

    private void repartitioned() {
        add("group-by", "left", b -> outText(stream(b, "left").groupBy((k, v) -> v == null ? null : v.substring(0, 1), Grouped.with(S, S)).windowedBy(sessions(5, 6)).aggregate(INIT, ADD, MERGE, unnamed(S))));
        add("group-by-named", "left", b -> outText(stream(b, "left").groupBy((k, v) -> v == null ? "none" : v, Grouped.with("by-value", S, S)).windowedBy(sessions(5, 6)).reduce(REDUCE, named("reduced", S))));
        add("map-twice", "left", b -> {
            KGroupedStream<String, String> grouped = stream(b, "left").map((k, v) -> KeyValue.pair(k, v)).groupByKey(Grouped.with("again", S, S));
            outSessions(grouped.windowedBy(sessions(5, 6)).count(unnamed(L)), L);
            grouped.windowedBy(sessions(2, 6)).reduce(REDUCE, unnamed(S)).toStream().to("out2", Produced.with(WindowedSerdes.sessionWindowedSerdeFrom(String.class), S));
        });
        add("flat-map", "left", b -> outText(stream(b, "left").flatMapValues(v -> v == null ? List.<String>of() : List.of(v, v + v)).groupByKey(Grouped.with(S, S)).windowedBy(sessions(5, 6)).aggregate(INIT, ADD, MERGE, unnamed(S).withLoggingDisabled())));
        add("flat-map-keys", "left", b -> outText(stream(b, "left").flatMap((k, v) -> v == null ? List.<KeyValue<String, String>>of() : List.of(KeyValue.pair("all", v), KeyValue.pair(k == null ? "none" : k, v), KeyValue.pair("all", v + v)))
            .groupByKey(Grouped.with(S, S)).windowedBy(sessions(3, 6)).aggregate(INIT, ADD, MERGE, unnamed(S))));
    }

    /** Rules 17 to 19 of the reference, and what is next to them. */
    private void rules() {
        add("rule-17-merges-two", "left", b -> outText(aggregated(b, "left", 5, 20, unnamed(S)))).input(
            step("left", "A", "a", 10), step("left", "A", "b", 20), step("left", "A", "c", 15), step("left", "A", "d", 30),
            step("left", "A", "e", 25), step("left", "A", "f", 12));
        add("rule-17-merges-three", "left", b -> outText(aggregated(b, "left", 8, 30, unnamed(S)))).input(
            step("left", "A", "a", 10), step("left", "A", "b", 30), step("left", "B", "b", 20), step("left", "A", "c", 20), step("left", "A", "d", 15),
            step("left", "A", "e", 40), step("left", "A", "f", 35), step("left", "A", "g", 26));
        add("rule-17-gap-is-inclusive", "left", b -> outText(aggregated(b, "left", 5, 20, unnamed(S)))).input(
            step("left", "A", "a", 10), step("left", "A", "b", 15), step("left", "A", "c", 21), step("left", "A", "d", 5), step("left", "A", "e", 26));
        add("rule-17-one-point", "left", b -> outText(aggregated(b, "left", 5, 20, unnamed(S)))).input(
            step("left", "A", "a", 10), step("left", "A", "b", 10), step("left", "A", "c", 10), step("left", "A", "d", 12), step("left", "A", "e", 12),
            step("left", "A", "f", 10), step("left", "A", "g", 11));
        add("rule-18-time-is-the-end", "left", b -> outText(aggregated(b, "left", 10, 50, unnamed(S)))).input(
            step("left", "A", "a", 50), step("left", "A", "b", 45), step("left", "A", "c", 60), step("left", "A", "d", 30), step("left", "A", "e", 40));
        add("rule-19-late-into-a-live-session", "left", b -> outText(aggregated(b, "left", 5, 0, unnamed(S)))).input(
            step("left", "A", "a", 10), step("left", "A", "b", 15), step("left", "A", "c", 20), step("left", "B", "x", 24), step("left", "A", "late but near", 11),
            step("left", "A", "too late", 4), step("left", "B", "late", 10), step("left", "B", "at the edge", 19), step("left", "C", "edge", 19), step("left", "C", "late", 18));
        add("rule-13-closed-by-its-own-time", "left", b -> outText(aggregated(b, "left", 5, 3, unnamed(S)))).input(
            step("left", "A", "a", 10), step("left", "A", "b", 30), step("left", "A", "c", 22), step("left", "A", "d", 21), step("left", "B", "e", 22),
            step("left", "B", "f", 21), step("left", null, "g", 90), step("left", "B", "h", 22), step("left", "C", "far", 500), step("left", "B", "i", 30));
        add("rule-11-null-keys-and-values", "left", b -> outText(grouped(b, "left", 5, 20).reduce(REDUCE, unnamed(S)))).input(
            step("left", null, "a", 10), step("left", "A", null, 10), step("left", "A", "a", 10), step("left", "A", null, 12), step("left", "A", null, 30),
            step("left", "A", "b", 31), step("left", "A", "c", 22), step("left", "A", "d", 17), step("left", "A", "e", 26));
        add("zero-time", "left", b -> outText(aggregated(b, "left", 5, 20, unnamed(S)))).input(
            step("left", "A", "a", 0), step("left", "A", "b", 3), step("left", "A", "c", 0), step("left", "A", "d", 9), step("left", "A", "e", 5));
    }

    /** The sequences of KStreamSessionWindowAggregateProcessorTest. */
    private void processorTest() {
        StepsOf steps = (n) -> switch (n) {
            case 0 -> new Scenario.Step[] {step("left", "john", "first", 0), step("left", "john", "second", 500)};
            case 1 -> new Scenario.Step[] {step("left", "mel", "first", 0), step("left", "mel", "second", GAP + 1), step("left", "mel", "third", GAP / 2)};
            case 2 -> new Scenario.Step[] {step("left", "mel", "first", 0), step("left", "mel", "second", 0)};
            case 3 -> new Scenario.Step[] {
                step("left", "mel", "first", 0), step("left", "mel", "second", GAP + 1), step("left", "mel", "second", GAP + 1), step("left", "mel", "third", 2 * GAP + 2),
                step("left", "mel", "third", 2 * GAP + 2), step("left", "mel", "third", 2 * GAP + 2)};
            case 4 -> new Scenario.Step[] {step("left", "a", "1", 0), step("left", "a", "2", 100)};
            default -> new Scenario.Step[] {
                step("left", "a", "1", 0), step("left", "b", "1", 0), step("left", "c", "1", 0), step("left", "d", "1", 0), step("left", "d", "2", GAP / 2), step("left", "a", "2", GAP + 1),
                step("left", "b", "2", GAP + 1), step("left", "a", "3", GAP + 1 + GAP / 2), step("left", "c", "3", GAP + 1 + GAP / 2)};
        };
        String[] names = {"within-gap", "merge", "same-time", "apart-by-gap", "removes-merged", "several-and-merging"};
        for (int i = 0; i < names.length; i++)
            add("processor-" + names[i], "left", b -> outSessions(grouped(b, "left", GAP, 0).count(named("session-store", L).withRetention(ofMillis(3 * GAP))), L)).input(steps.of(i));
        add("processor-late-zero-grace", "left", b -> outSessions(grouped(b, "left", 10, 0).count(named("session-store", L).withRetention(ofMillis(3 * GAP))), L)).input(
            step("left", "dummy", "dummy", 0), step("left", "OnTime1", "1", 0), step("left", "dummy", "dummy", 11), step("left", "Late1", "1", 0));
        add("processor-late-with-grace", "left", b -> outSessions(grouped(b, "left", 10, 1).count(named("session-store", L).withRetention(ofMillis(3 * GAP))), L)).input(
            step("left", "dummy", "dummy", 0), step("left", "OnTime1", "1", 0), step("left", "dummy", "dummy", 11), step("left", "OnTime2", "1", 0),
            step("left", "dummy", "dummy", 12), step("left", "Late1", "1", 0));
    }

    interface StepsOf {
        Scenario.Step[] of(int number);
    }

    /** With the retention that a session store has when nobody asks for another: gap and grace. */
    private void retention() {
        Scenario.Build kept = b -> outSessions(grouped(b, "left", 5, 2).count(Materialized.<String, Long, SessionStore<Bytes, byte[]>>with(S, L)), L);
        add("retention-default", "left", kept).input(
            step("left", "A", "a", 10), step("left", "A", "b", 13), step("left", "B", "c", 18), step("left", "A", "d", 12), step("left", "A", "e", 21), step("left", "B", "f", 22),
            step("left", "A", "g", 19), step("left", "C", "h", 30), step("left", "A", "late", 20), step("left", "B", "i", 28), step("left", "C", "j", 29), step("left", "A", "k", 200),
            step("left", "A", "l", 195), step("left", "B", "m", 194), step("left", "B", "n", 193), step("left", "C", "late", 192));
        add("retention-default-edge", "left", kept).input(
            step("left", "A", "a", 10), step("left", "B", "b", 17), step("left", "A", "at the edge", 10), step("left", "A", "next to it", 11));
        add("retention-default-closed", "left", kept).input(
            step("left", "A", "a", 10), step("left", "B", "b", 20), step("left", "A", "open, next to a closed one", 13));
        add("retention-default-random", "left", kept);
    }

    static <V> Materialized<String, V, SessionStore<Bytes, byte[]>> held(Serde<V> value) {
        return Materialized.<String, V, SessionStore<Bytes, byte[]>>with(S, value).withRetention(ofMillis(1000));
    }

    static SessionWindowedKStream<String, String> closing(StreamsBuilder b, long gap, long grace) {
        return grouped(b, "left", gap, grace).emitStrategy(EmitStrategy.onWindowClose());
    }

    private void onClose() {
        long[][] windows = {{3, 0}, {3, 4}, {2, 12}, {6, 6}, {0, 0}};
        for (long[] w : windows) {
            String id = "gap" + w[0] + "-grace" + w[1];
            add("close-count-" + id, "left", b -> outSessions(closing(b, w[0], w[1]).count(held(L)), L)).records(100);
            add("close-reduce-" + id, "left", b -> outText(closing(b, w[0], w[1]).reduce(REDUCE, held(S)))).records(100);
            add("close-aggregate-" + id, "left", b -> outText(closing(b, w[0], w[1]).aggregate(INIT, ADD, MERGE, held(S)))).times(20, 10).records(100);
        }
        add("close-named", "left", b -> outText(closing(b, 3, 2).reduce(REDUCE, Named.as("n"), Materialized.<String, String, SessionStore<Bytes, byte[]>>as("s").withKeySerde(S).withValueSerde(S).withRetention(ofMillis(1000)))));
        add("close-caching", "left", b -> outText(closing(b, 3, 2).reduce(REDUCE, held(S).withCachingEnabled())));
        add("close-in-memory", "left", b -> outText(closing(b, 3, 2).aggregate(INIT, ADD, MERGE, held(S).withStoreType(Materialized.StoreType.IN_MEMORY))));
        add("close-filter-map", "left", b -> outText(closing(b, 3, 4).aggregate(INIT, ADD, MERGE, held(S)).filter((k, v) -> v.length() < 9).mapValues(v -> "<" + v + ">")));
        add("close-group-by", "left", b -> outLong(closing(b, 3, 4).count(held(L)).groupBy((k, v) -> KeyValue.pair(k.key(), v), Grouped.with(S, L)).reduce(Long::sum, (x, y) -> x - y)));
        add("close-repartitioned", "left", b -> outText(stream(b, "left").groupBy((k, v) -> v == null ? "none" : v.substring(0, 1), Grouped.with(S, S)).windowedBy(sessions(3, 3)).emitStrategy(EmitStrategy.onWindowClose()).aggregate(INIT, ADD, MERGE, held(S))));
        add("close-deleting", "left", b -> outText(closing(b, 4, 8).aggregate(INIT, (k, v, a) -> v == null || v.startsWith("x") ? null : a + "+" + v, MERGE, held(S)))).records(120);
        add("close-default", "left", b -> outSessions(closing(b, 3, 0).count(), L)).describeOnly();
        add("close-order", "left", b -> outText(closing(b, 5, 10).aggregate(INIT, ADD, MERGE, held(S)))).input(
            step("left", "B", "a", 10), step("left", "A", "b", 10), step("left", "C", "c", 8), step("left", "C", "d", 10), step("left", "A", "e", 3), step("left", "B", "f", 9),
            step("left", "D", "g", 24), step("left", "D", "h", 26), step("left", "A", "late", 10), step("left", "A", "i", 11), step("left", "E", "j", 27), step("left", "E", "k", 300),
            step("left", "E", "l", 300), step("left", null, "m", 900), step("left", "F", "n", 301), step("left", "F", "late", 200), step("left", "F", "o", 600));
        add("close-at-the-edge", "left", b -> outSessions(closing(b, 5, 0).count(held(L)), L)).input(
            step("left", "A", "a", 0), step("left", "B", "b", 5), step("left", "A", "still open", 0), step("left", "C", "c", 6), step("left", "A", "late", 0), step("left", "A", "d", 1),
            step("left", "C", "e", 10), step("left", "C", "f", 12), step("left", "C", "g", 13));
        add("close-into-a-closed-one", "left", b -> outText(closing(b, 5, 0).aggregate(INIT, ADD, MERGE, held(S)))).input(
            step("left", "A", "a", 10), step("left", "B", "b", 17), step("left", "A", "open, next to a closed one", 13), step("left", "B", "c", 60));
        Scenario.Build far = b -> outSessions(closing(b, 5, 0).count(Materialized.<String, Long, SessionStore<Bytes, byte[]>>with(S, L)), L);
        add("close-default-retention", "left", far).input(
            step("left", "A", "a", 10), step("left", "A", "b", 13), step("left", "B", "c", 17), step("left", "A", "d", 15), step("left", "A", "e", 21), step("left", "B", "f", 30));
        add("close-far-ahead", "left", far).input(
            step("left", "A", "a", 10), step("left", "B", "b", 12), step("left", "C", "far", 1_000_000), step("left", "C", "farther", 2_000_000));
        add("close-interval", "left", b -> outSessions(closing(b, 3, 2).count(held(L)), L)).config("__emit.interval.ms.kstreams.windowed.aggregation__", 10L).wallClock(8).records(120);
    }

    /** Over many of the store's segments, which are a minute wide. */
    private void wide() {
        Duration hours = Duration.ofHours(9);
        add("wide-aggregate", "left", b -> outText(aggregated(b, "left", 9_000, 90_000, unnamed(S).withRetention(hours)))).times(80_000, 30_000).records(120);
        add("wide-count", "left", b -> outSessions(grouped(b, "left", 2_000, 40_000).count(named("counts", L).withRetention(hours)), L)).times(60_000, 70_000).records(120);
        add("wide-long-sessions", "left", b -> outText(grouped(b, "left", 70_000, 10_000).reduce(REDUCE, unnamed(S).withRetention(hours)))).times(90_000, 200_000).records(120);
        add("wide-close", "left", b -> outText(closing(b, 5_000, 30_000).aggregate(INIT, ADD, MERGE, unnamed(S).withRetention(hours)))).times(60_000, 40_000).records(150);
        add("wide-default-retention", "left", b -> outText(aggregated(b, "left", 9_000, 60_000, Materialized.<String, String, SessionStore<Bytes, byte[]>>with(S, S)))).times(80_000, 25_000).records(150);
    }
}
