package brook.oracle;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;

/** Stateless operators, aggregations, tumbling and hopping windows, tables, joins, topics between. */
final class Basics extends Area {
    @Override
    void define() {
        // Aggregations of streams
        add("count", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count()));
        add("count-materialized-with", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count(Materialized.with(S, Serdes.Long()))));
        add("count-named", "left", b -> outLong(stream(b, "left").groupByKey(Grouped.with(S, S)).count(Named.as("counter"), Area.<Long>store("counts"))));
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
        add("table-group-of-group", "left", b -> outLong(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).count(Area.<Long>store("c1"))
            .groupBy((k, v) -> KeyValue.pair(String.valueOf(v % 3), k), Grouped.with(S, S)).count(Area.<Long>store("c2"))));
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
}
