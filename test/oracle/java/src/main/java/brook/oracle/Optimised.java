package brook.oracle;

import java.time.Duration;
import java.util.List;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/** Topologies with topology.optimization. */
final class Optimised extends Area {
    private static final String[] HOW = {"all", "merge.repartition.topics", "reuse.ktable.source.topics", "single.store.self.join", "none"};

    private static KStream<String, String> rekeyed(StreamsBuilder b) {
        return stream(b, "left").selectKey((k, v) -> v == null ? k : v.substring(0, 1));
    }

    private static Grouped<String, String> grouped() {
        return Grouped.with(S, S);
    }

    private static void to(String topic, KTable<String, String> table) {
        table.toStream().to(topic, Produced.with(S, S));
    }

    private Scenario optimised(String name, String topics, Scenario.Build build) {
        return add(name, topics, build).config(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, "all");
    }

    private void each(String name, String topics, Scenario.Build build) {
        for (String how : HOW) add(name + "@" + how, topics, build).config(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, how);
    }

    static KStream<String, String> selfJoin(String kind, KStream<String, String> s, JoinWindows windows) {
        return joinStreams(kind, s, s, windows, StreamJoined.with(S, S, S));
    }

    @Override
    void define() {
        each("everything", "left right", b -> {
            KStream<String, String> l = rekeyed(b);
            KTable<String, String> rows = b.table("right", Consumed.with(S, S), text("rows"));
            to("out", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            l.filter((k, v) -> v != null).leftJoin(rows, JOIN, Joined.with(S, S, S)).to("out2", Produced.with(S, S));
            selfJoin("inner", l, join(5, 5, 10)).to("out3", Produced.with(S, S));
        });
        // Repartition topics that become one
        optimised("two-aggregations", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.groupByKey(grouped()).reduce((a, v) -> v, text("r")));
        });
        optimised("two-generated-names", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            l.groupByKey(grouped()).count().toStream().mapValues(v -> v + "").to("out", Produced.with(S, S));
            to("out2", l.groupByKey(grouped()).reduce((a, v) -> v));
        });
        optimised("filters-between", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.filter((k, v) -> v != null && !v.startsWith("x")).groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.peek((k, v) -> { }).filterNot((k, v) -> v == null).groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
            l.to("all", Produced.with(S, S));
        });
        optimised("one-below-a-filter", "left", b -> to("out", rekeyed(b).filter((k, v) -> k != null).groupByKey(grouped()).aggregate(INIT, ADD, text("a"))));
        optimised("values-between", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.mapValues(v -> v + "!").groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
            to("out3", l.flatMapValues(v -> List.of(v + "?")).groupByKey(grouped()).aggregate(INIT, ADD, text("c")));
        });
        optimised("values-before-key", "left", b -> {
            KStream<String, String> l = stream(b, "left").mapValues(v -> v + "!").selectKey((k, v) -> v.substring(0, 1));
            to("out", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        });
        optimised("asked-for", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.repartition(Repartitioned.<String, String>as("mine").withKeySerde(S).withValueSerde(S)).groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
            to("out3", l.groupByKey(grouped()).aggregate(INIT, ADD, text("c")));
        });
        optimised("merge-of-two-keys", "left right", b -> {
            KStream<String, String> l = rekeyed(b);
            KStream<String, String> r = stream(b, "right").map((k, v) -> KeyValue.pair(v, k));
            KStream<String, String> merged = l.merge(r);
            to("out", merged.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", merged.filter((k, v) -> v != null).groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        });
        optimised("merge-of-one-key", "left right", b -> to("out", rekeyed(b).merge(stream(b, "right")).groupByKey(grouped()).aggregate(INIT, ADD, text("a"))));
        optimised("merge-the-other-way", "left right", b -> to("out", stream(b, "right").merge(rekeyed(b)).groupByKey(grouped()).aggregate(INIT, ADD, text("a"))));
        add("merge-with-itself", "left", b -> {
            KStream<String, String> l = stream(b, "left");
            out(l.merge(l));
            l.filter((k, v) -> v != null).merge(l).to("out2", Produced.with(S, S));
        });
        optimised("merge-with-itself-rekeyed", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.merge(l).groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
        });
        optimised("keys-in-a-row", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            KStream<String, String> again = l.filter((k, v) -> v != null).map((k, v) -> KeyValue.pair(v, k));
            to("out2", again.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
            to("out3", again.groupByKey(grouped()).aggregate(INIT, ADD, text("c")));
        });
        optimised("group-by", "left", b -> {
            KGroupedStream<String, String> g = stream(b, "left").groupBy((k, v) -> v == null ? k : v.substring(0, 1), Grouped.with("by-first", S, S));
            to("out", g.aggregate(INIT, ADD, text("a")));
            to("out2", g.reduce((a, v) -> v, text("r")));
        });
        optimised("to-table", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.toTable(Named.as("t"), text("t")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
        });
        optimised("windowed", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            outWindows(l.groupByKey(grouped()).windowedBy(tumbling()).aggregate(INIT, ADD, windows("w")), 10);
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        });
        optimised("stream-join", "left right", b -> {
            KStream<String, String> l = rekeyed(b);
            l.join(stream(b, "right"), JOIN, join(10, 10, 10), StreamJoined.with(S, S, S)).to("out", Produced.with(S, S));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
        });
        optimised("named-stream-join", "left right", b -> {
            KStream<String, String> l = rekeyed(b);
            KStream<String, String> r = stream(b, "right").selectKey((k, v) -> v == null ? k : v.substring(0, 1));
            l.leftJoin(r, JOIN, join(10, 10, 10), StreamJoined.with(S, S, S).withName("j").withStoreName("js")).to("out", Produced.with(S, S));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out3", r.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        });
        optimised("table-joins", "left right third", b -> {
            KStream<String, String> l = rekeyed(b);
            l.join(b.table("right", Consumed.with(S, S), text("rows")), JOIN, Joined.with(S, S, S)).to("out", Produced.with(S, S));
            l.filter((k, v) -> v != null).leftJoin(table(b, "third"), JOIN, Joined.with(S, S, S)).to("out2", Produced.with(S, S));
        });
        optimised("aggregate-then-key", "left", b -> {
            KStream<String, String> again = rekeyed(b).groupByKey(grouped()).aggregate(INIT, ADD, text("a")).toStream((k, v) -> v.substring(v.length() - 1));
            to("out", again.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
            to("out2", again.groupByKey(grouped()).reduce((a, v) -> v, text("c")));
        });
        optimised("grouped-table", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), grouped()).aggregate(INIT, ADD, SUB, text("g"))));
        optimised("cogrouped", "left right", b -> {
            KStream<String, String> l = rekeyed(b);
            KStream<String, String> r = stream(b, "right").map((k, v) -> KeyValue.pair(v, k));
            to("out", l.groupByKey(Grouped.with("l", S, S)).cogroup(ADD).cogroup(r.groupByKey(Grouped.with("r", S, S)), (k, v, a) -> a + "*" + v).aggregate(INIT, text("c")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
        });
        optimised("sessions", "left", b -> {
            KStream<String, String> l = rekeyed(b).filter((k, v) -> v != null);
            l.groupByKey(grouped()).windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(5), Duration.ofMillis(100))).count(Materialized.as("s")).toStream((k, v) -> k.key()).to("out", Produced.with(S, org.apache.kafka.common.serialization.Serdes.Long()));
            to("out2", rekeyed(b).groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
        });
        optimised("suppressed", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            KTable<String, String> t = l.groupByKey(grouped()).reduce((a, v) -> a + v, text("a"));
            to("out", t.suppress(Suppressed.untilTimeLimit(Duration.ofMillis(5), Suppressed.BufferConfig.unbounded())));
            KStream<String, String> again = t.toStream((k, v) -> v.substring(0, 1));
            to("out2", again.groupByKey(grouped()).reduce((a, v) -> v, text("r")));
            to("out3", again.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        });
        optimised("foreign-keys", "left right", b -> {
            KTable<String, String> l = b.table("left", Consumed.with(S, S), text("rows"));
            KTable<String, String> r = table(b, "right");
            to("out", l.leftJoin(r, v -> v.startsWith("x") ? null : v.startsWith("a") ? "A" : "B", JOIN, Materialized.with(S, S)));
        });
        // Source topics as changelogs
        optimised("table-kept", "left", b -> to("out", b.table("left", Consumed.with(S, S), text("rows"))));
        optimised("table-kept-uncached", "left", b -> to("out", b.table("left", Consumed.with(S, S), text("rows").withCachingDisabled())));
        optimised("table-read", "left right", b -> stream(b, "left").leftJoin(table(b, "right"), JOIN, Joined.with(S, S, S)).to("out", Produced.with(S, S)));
        optimised("tables-joined", "left right", b -> to("out", table(b, "left").outerJoin(table(b, "right"), JOIN, text("j"))));
        optimised("table-mapped", "left", b -> to("out", table(b, "left").mapValues(v -> v + "!", text("m"))));
        optimised("table-of-stream", "left", b -> to("out", stream(b, "left").toTable(text("t"))));
        optimised("table-grouped", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows")).groupBy((k, v) -> KeyValue.pair(v, k), grouped()).reduce((a, v) -> a + v, (a, v) -> a + "-" + v, text("g"))));
        // Self joins
        for (String kind : List.of("inner", "left", "outer")) {
            for (long[] w : new long[][] {{10, 10, 40}, {5, 0, 40}, {0, 7, 40}, {0, 0, 40}, {3, 8, 40}})
                optimised("self-join-" + kind + "_" + w[0] + "_" + w[1], "left", b -> out(selfJoin(kind, stream(b, "left").filter((k, v) -> k != null), join(w[0], w[1], w[2]))));
        }
        for (long[] w : new long[][] {{10, 10, 2}, {5, 0, 20}, {-2, 6, 20}, {6, -2, 20}})
            optimised("self-join-late_" + w[0] + "_" + w[1], "left", b -> out(selfJoin("inner", stream(b, "left"), join(w[0], w[1], w[2]))));
        optimised("self-join-edge", "left", b -> out(selfJoin("inner", stream(b, "left"), join(5, 5, 0)))).input(
            step("left", "A", "a", 100), step("left", "A", "b", 92), step("left", "A", "c", 91), step("left", "A", "d", 90), step("left", "A", "e", 89));
        optimised("self-join-order", "left", b -> out(selfJoin("inner", stream(b, "left"), join(10, 10, 20)))).input(
            step("left", "A", "1", 10), step("left", "A", "2", 15), step("left", "A", "3", 5), step("left", "A", "4", 10), step("left", "A", "5", 10),
            step("left", "B", "6", 12), step("left", "A", "7", 20), step("left", "A", "8", 0), step("left", null, "9", 20), step("left", "A", null, 20),
            step("left", "A", "10", 30), step("left", "A", "11", 14));
        optimised("self-join-null-keys", "left", b -> out(selfJoin("left", stream(b, "left"), join(10, 10, 40))));
        optimised("self-join-null-keys-outer", "left", b -> out(selfJoin("outer", stream(b, "left"), join(10, 10, 40))));
        optimised("self-join-topic-twice", "left", b -> out(joinStreams("inner", stream(b, "left"), stream(b, "left"), join(10, 10, 40), StreamJoined.with(S, S, S))));
        optimised("self-join-rekeyed", "left", b -> out(selfJoin("inner", rekeyed(b), join(10, 10, 40))));
        optimised("self-join-rekeyed-named", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            out(l.join(l, JOIN, join(10, 10, 40), StreamJoined.with(S, S, S).withName("twice").withStoreName("kept")));
        });
        optimised("self-join-of-two-filters", "left", b -> {
            KStream<String, String> l = stream(b, "left");
            out(joinStreams("inner", l.filter((k, v) -> true), l.filter((k, v) -> v != null), join(10, 10, 40), StreamJoined.with(S, S, S)));
        });
        optimised("self-join-three-times", "left", b -> {
            KStream<String, String> l = stream(b, "left");
            out(joinStreams("inner", selfJoin("inner", l, join(3, 3, 40)), l, join(3, 3, 40), StreamJoined.with(S, S, S)));
        });
        optimised("table-self-join", "left", b -> {
            KTable<String, String> rows = b.table("left", Consumed.with(S, S), text("rows"));
            to("out", rows.join(rows, JOIN));
        });
        optimised("table-self-join-left", "left", b -> {
            KTable<String, String> rows = b.table("left", Consumed.with(S, S), text("rows"));
            to("out", rows.leftJoin(rows, JOIN, text("j")));
        });
        // Without this setting Kafka Streams moves the topic over what changes keys and values
        optimised("processor-between", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.processValues(() -> new org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor<String, String, String>() {
                @Override
                public void process(org.apache.kafka.streams.processor.api.FixedKeyRecord<String, String> record) {
                    context().forward(record.withValue(record.value() + "!"));
                }
            }).groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        }).config("__enable.process.processValue.fix__", true);
        optimised("key-processor-between", "left", b -> {
            KStream<String, String> l = rekeyed(b);
            to("out", l.process(() -> new ContextualProcessor<String, String, String, String>() {
                @Override
                public void process(Record<String, String> record) {
                    context().forward(record.withKey(record.key() + "!"));
                }
            }).groupByKey(grouped()).aggregate(INIT, ADD, text("a")));
            to("out2", l.groupByKey(grouped()).aggregate(INIT, ADD, text("b")));
        }).config("__enable.process.processValue.fix__", true);
    }
}
