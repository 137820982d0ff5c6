package brook.oracle;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;

/** Hand-made sequences, one rule each: what a re-implementation easily gets wrong. rules.test.ts says where every rule is proved. */
final class Rules extends Area {
    /** `left A=a@3` per step: topic, key, value, time; `~` is null. */
    static Scenario.Step[] steps(String... lines) {
        return Arrays.stream(lines).map(line -> {
            int space = line.indexOf(' ');
            int equals = line.indexOf('=');
            int at = line.lastIndexOf('@');
            return step(line.substring(0, space), text0(line.substring(space + 1, equals)), text0(line.substring(equals + 1, at)), Long.parseLong(line.substring(at + 1)));
        }).toArray(Scenario.Step[]::new);
    }

    private static String text0(String text) {
        return text.equals("~") ? null : text;
    }

    private static KStream<String, String> split(StreamsBuilder b) {
        return stream(b, "left").flatMapValues(v -> List.of(v.split(",")));
    }

    private static KGroupedStream<String, String> grouped(KStream<String, String> stream) {
        return stream.groupByKey(Grouped.with(S, S));
    }

    @Override
    void define() {
        time();
        aggregations();
        tables();
        joins();
        cache();
        topologies();
    }

    private void time() {
        add("rule-01-a-filter-delays-the-operator's-time", "left", b -> outWindows(grouped(stream(b, "left").filter(NOT_X)).windowedBy(tumbling()).aggregate(INIT, ADD, windows("w")), 10))
            .input(steps("left A=a@1", "left A=x@90", "left A=b@2", "left B=c@16", "left A=d@3"));
        add("rule-04-a-negative-time-fails", "left", b -> out(stream(b, "left"))).mayFail()
            .input(steps("left A=a@1", "left A=b@-1", "left A=c@2"));
        add("rule-04-a-negative-extracted-time-is-dropped", "left", b -> out(b.stream("left", Consumed.with(S, S).withTimestampExtractor((r, p) -> r.value().equals("x") ? -1 : r.timestamp()))))
            .input(steps("left A=a@1", "left A=x@2", "left A=c@3"));
        add("rule-06-the-extractor-is-told-the-highest-time-so-far", "left", b -> out(b.stream("left", Consumed.with(S, S).withTimestampExtractor((r, p) -> r.value().equals("p") ? p + 100 : r.timestamp()))))
            .input(steps("left A=p@5", "left A=a@7", "left A=b@3", "left A=p@1", "left A=p@1", "left A=c@2"));
    }

    private void aggregations() {
        add("rule-11-null-keys-and-values", "left", b -> {
            out(grouped(stream(b, "left")).aggregate(INIT, ADD, text("a")));
            grouped(stream(b, "left")).reduce((a, v) -> a + "+" + v, text("r")).toStream().to("out2", Produced.with(S, S));
            grouped(stream(b, "left")).windowedBy(tumbling()).aggregate(INIT, ADD, windows("w")).toStream((k, v) -> k.key()).to("out3", Produced.with(S, S));
        }).input(steps("left ~=a@1", "left A=~@1", "left A=a@2", "left A=~@3", "left ~=~@4", "left A=b@4"));
        add("rule-12-the-later-time", "left", b -> out(grouped(stream(b, "left")).aggregate(INIT, ADD, text("a"))))
            .input(steps("left A=a@9", "left A=b@4", "left A=c@9", "left B=d@2", "left B=e@1", "left B=f@30", "left A=g@8"));
        for (String kind : new String[] {"grace", "no-grace"}) {
            TimeWindows windows = kind.equals("grace") ? tumbling() : TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10));
            add("rule-13-a-window-closes-with-its-end-" + kind, "left", b -> outWindows(grouped(stream(b, "left")).windowedBy(windows).aggregate(INIT, ADD, windows("w")), 10))
                .input(steps("left A=a@9", "left B=b@9", "left B=c@10", "left A=d@9", "left B=e@14", "left A=f@9", "left A=f@0", "left B=g@15", "left A=h@9", "left A=i@10"));
        }
        add("rule-14-late-for-one-window-and-not-for-the-next", "left", b -> outWindows(grouped(stream(b, "left")).windowedBy(hopping()).aggregate(INIT, ADD, windows("w")), 10))
            .input(steps("left A=a@20", "left B=b@33", "left A=c@19", "left A=d@17", "left B=e@35", "left A=f@21"));
        add("rule-15-time-moves-before-the-check", "left", b -> outWindows(grouped(stream(b, "left")).windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10)).advanceBy(Duration.ofMillis(5))).aggregate(INIT, ADD, windows("w")), 10))
            .input(steps("left A=a@4", "left A=b@14", "left A=c@9", "left A=d@30", "left A=e@24"));
        add("rule-16-window-starts", "left", b -> outWindows(grouped(stream(b, "left")).windowedBy(hopping()).count().mapValues(v -> "" + v), 10))
            .input(steps("left A=a@0", "left A=a@3", "left A=a@4", "left A=a@9", "left A=a@10", "left A=a@13", "left A=a@14"));
        add("rule-23-the-old-row-leaves-first", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))))
            .input(steps("left A=ax@1", "left B=ay@2", "left A=az@3", "left A=bz@4", "left B=~@5", "left A=~@6", "left A=aq@1"));
        add("rule-23-no-subtraction-from-nothing", "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, (k, v, a) -> v.endsWith("x") ? null : a + "+" + v, SUB, text("g"))))
            .input(steps("left A=ax@1", "left A=ay@2", "left A=az@3", "left A=ax@4", "left A=~@5", "left A=ab@6"));
        add("rule-24-one-record-or-two", "left", b -> out(table(b, "left").groupBy((k, v) -> v.equals("none") ? KeyValue.pair(null, v) : v.equals("null") ? KeyValue.pair("n", null) : KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))))
            .input(steps("left A=a1@1", "left A=a2@2", "left A=b1@3", "left A=none@4", "left A=a3@5", "left A=null@6", "left A=a4@7", "left A=~@8", "left B=none@9", "left B=~@10"));
    }

    private void tables() {
        for (String kind : new String[] {"old-values-known", "old-values-unknown"}) {
            boolean known = kind.equals("old-values-known");
            add("rule-26-a-row-that-stops-matching-" + kind, "left", b -> out((known ? b.table("left", Consumed.with(S, S), text("rows")) : table(b, "left")).filter(NOT_X)))
                .input(steps("left A=a@1", "left A=x@2", "left A=x@3", "left B=x@4", "left B=b@5", "left A=~@6", "left B=~@7", "left B=~@8"));
        }
        add("rule-25-somebody-downstream-wants-old-values", "left", b -> {
            KTable<String, String> kept = b.table("left", Consumed.with(S, S), text("rows")).filter(NOT_X).mapValues(v -> v + "!");
            out(kept);
            kept.groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g")).toStream().to("out2", Produced.with(S, S));
        }).input(steps("left A=a@1", "left A=x@2", "left A=b@3", "left B=x@4", "left B=~@5", "left A=~@6"));
        add("rule-27-no-call-for-a-tombstone", "left", b -> out(table(b, "left").mapValues(v -> v.length() + "", text("m"))))
            .input(steps("left A=a@1", "left A=~@2", "left B=~@3", "left A=bb@4"));
        add("rule-28-null-keys-and-older-updates", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows"))))
            .input(steps("left A=a@9", "left ~=b@10", "left A=c@3", "left A=~@1", "left ~=~@2"));
        add("rule-69-an-update-that-changes-nothing", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows"))))
            .input(steps("left A=a@1", "left A=a@1", "left A=a@2", "left A=~@3", "left A=~@4"));
        for (String kind : new String[] {"inner", "left", "outer"})
            for (String old : new String[] {"", "-and-old-values"})
                add("rules-31-32-table-join-" + kind + old, "left right", b -> {
                    KTable<String, String> joined = joinTables(kind, table(b, "left"), table(b, "right"), null);
                    out(joined);
                    if (!old.isEmpty()) joined.groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g")).toStream().to("out2", Produced.with(S, S));
                }).input(steps("left A=~@1", "right A=~@2", "left A=a@3", "right A=b@9", "left A=c@4", "right A=~@5", "right A=~@6", "left A=~@7", "left A=~@8",
                    "right A=d@10", "left A=~@11", "right A=~@12", "right A=e@13", "left A=f@2", "left A=~@20", "right A=g@14"));
    }

    private void joins() {
        for (String kind : new String[] {"inner", "left", "outer"}) {
            add("rule-37-null-keys-and-values-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(10, 10, 5), StreamJoined.with(S, S, S))))
                .input(steps("left A=~@1", "right A=a@2", "left ~=b@3", "right ~=c@4", "right ~=~@5", "left A=d@50", "right ~=e@20"));
            add("rule-38-the-edges-of-the-window-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(3, 5, 40), StreamJoined.with(S, S, S))))
                .input(steps("left A=l@10", "right A=a@6", "right A=b@7", "right A=c@15", "right A=d@16", "left A=m@1", "right A=e@0", "right A=f@60"));
            add("rule-39-duplicates-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(10, 10, 5), StreamJoined.with(S, S, S))))
                .input(steps("left A=a@5", "left A=a@5", "left A=b@5", "right A=c@5", "right A=d@5", "left A=e@5"));
            add("rule-41-records-without-a-partner-in-order-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(10, 10, 5), StreamJoined.with(S, S, S))))
                .input(steps("left B=l1@5", "right A=r1@5", "left A=l2@4", "right B=r2@30", "left C=l3@5", "right C=r3@46", "left D=l4@45", "right D=r4@61", "left E=l5@62"));
            add("rule-42-without-a-partner-and-too-late-to-find-one-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(10, 10, 20), StreamJoined.with(S, S, S))))
                .input(steps("left A=a@50", "left B=b@39", "right C=c@40", "right B=d@38", "right D=e@29", "left D=f@30", "left E=g@19"));
            add("rule-43-a-partner-for-all-duplicates-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(10, 10, 5), StreamJoined.with(S, S, S))))
                .input(steps("left A=a@5", "left A=b@5", "left A=c@6", "right A=d@16", "left B=z@60", "right B=y@120"));
            add("rule-44-both-sides-share-their-time-" + kind, "left right", b -> out(joinStreams(kind, stream(b, "left"), stream(b, "right"), join(10, 10, 0), StreamJoined.with(S, S, S))))
                .input(steps("left A=a@5", "right B=b@40", "left C=c@20", "right A=d@10", "left B=e@45"));
        }
        add("rule-40-join-first-then-keep", "left", b -> {
            KStream<String, String> l = stream(b, "left");
            out(l.join(l, JOIN, join(10, 10, 5), StreamJoined.with(S, S, S)));
        }).input(steps("left A=a@5", "left A=b@5", "left A=c@9", "left B=d@6", "left A=e@1"));
        add("rule-46-only-the-stream-speaks", "left right third", b -> {
            out(stream(b, "left").join(table(b, "right"), JOIN));
            stream(b, "left").leftJoin(table(b, "third"), JOIN).to("out2", Produced.with(S, S));
        }).input(steps("left A=a@5", "right A=b@9", "right A=c@7", "left A=d@6", "right A=~@1", "left A=e@8", "left ~=f@9", "left A=~@9"));
        add("rule-48-a-global-table-knows-no-time", "left right", b -> out(stream(b, "left").leftJoin(b.globalTable("right", Consumed.with(S, S)), (k, v) -> k, JOIN)))
            .input(steps("left A=a@5", "right A=b@90", "left A=c@6", "right A=~@1", "left A=d@7"));
    }

    private void cache() {
        add("rule-52-updates-of-one-commit-collapse", "left", b -> {
            KTable<String, String> last = grouped(split(b)).reduce((a, v) -> v.equals("x") ? null : a + v, text("r"));
            out(last);
            last.groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g")).toStream().to("out2", Produced.with(S, S));
        }).input(steps("left A=a,b,c@1", "left A=d@2", "left B=a,x@3", "left A=x,e@4", "left A=x@5", "left B=a,b@6"));
        add("rule-53-in-the-order-of-the-last-update", "left", b -> out(stream(b, "left").flatMap((k, v) -> Arrays.stream(v.split(",")).map(one -> KeyValue.pair(one.substring(0, 1), one)).toList())
            .groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a")))).input(steps("left ~=A1,B1,A2,C1@1", "left ~=C2,B2,C3,A3,B3@2", "left ~=B4@3"));
        add("rule-53-a-flush-that-writes-into-the-next-cache", "left", b -> out(grouped(split(b)).aggregate(INIT, ADD, text("a")).filter((k, v) -> v.length() < 12, text("f")).mapValues(v -> v + "!", text("m"))))
            .input(steps("left A=a,b@1", "left B=c,d,e@2", "left A=f,g@3", "left A=h,i@4", "left B=j@5"));
    }

    private void topologies() {
        add("rule-56-the-key-stays-changed", "left right", b -> {
            GlobalKTable<String, String> global = b.globalTable("right", Consumed.with(S, S));
            KStream<String, String> changed = stream(b, "left").selectKey((k, v) -> v).filter((k, v) -> true).mapValues(v -> v).peek((k, v) -> { })
                .merge(stream(b, "left")).join(global, (k, v) -> k, JOIN);
            outLong(changed.groupByKey(Grouped.with(S, S)).count());
        }).describeOnly();
        add("rule-56-the-key-is-in-its-place-again", "left right third", b -> {
            KStream<String, String> changed = stream(b, "left").selectKey((k, v) -> v);
            outLong(changed.repartition(Repartitioned.with(S, S)).groupByKey(Grouped.with(S, S)).count());
            KStream<String, String> joined = changed.join(table(b, "right"), JOIN, Joined.with(S, S, S));
            joined.groupByKey(Grouped.with(S, S)).count().toStream().to("out2", Produced.with(S, Serdes.Long()));
            KStream<String, String> pairs = changed.join(stream(b, "third"), JOIN, join(10, 10, 5), StreamJoined.with(S, S, S));
            pairs.groupByKey(Grouped.with(S, S)).count().toStream().to("out3", Produced.with(S, Serdes.Long()));
        }).describeOnly();
        add("rule-68-the-first-branch-that-takes-it", "left", b -> {
            Map<String, KStream<String, String>> branches = stream(b, "left").split(Named.as("s-"))
                .branch((k, v) -> v.contains("a"), Branched.as("a")).branch((k, v) -> v.contains("b"), Branched.as("b")).noDefaultBranch();
            branches.get("s-a").to("out-a", Produced.with(S, S));
            branches.get("s-b").to("out-b", Produced.with(S, S));
        }).input(steps("left A=a@1", "left A=ab@2", "left A=b@3", "left A=c@4"));
    }
}
