package brook.oracle;

import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;

/**
 * Names of nodes, stores and topics, as describe() has them. After StreamsBuilderTest, InternalStreamsBuilderTest,
 * RepartitionTopicNamingTest, StreamsGraphTest and RepartitionOptimizingTest.
 */
final class Naming extends Area {
    private static final Grouped<String, String> G = Grouped.with(S, S);
    private static final StreamJoined<String, String, String> J = StreamJoined.with(S, S, S);

    static final class Nothing extends ContextualProcessor<String, String, String, String> {
        @Override
        public void process(Record<String, String> record) {
            context().forward(record);
        }
    }

    static final class NoValues extends ContextualFixedKeyProcessor<String, String, String> {
        @Override
        public void process(FixedKeyRecord<String, String> record) {
            context().forward(record);
        }
    }

    private Scenario name(String name, Scenario.Build build) {
        return add(name, "", build).describeOnly();
    }

    private void optimised(String name, Scenario.Build build) {
        name(name, build).config("__enable.process.processValue.fix__", true);
        name(name + "@all", build).config("__enable.process.processValue.fix__", true).config(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, "all");
    }

    private static KStream<String, String> keyed(StreamsBuilder b, String topic) {
        return stream(b, topic).selectKey((k, v) -> k + v);
    }

    private static KStream<String, String> merged(StreamsBuilder b, boolean left) {
        KStream<String, String> changed = stream(b, "topic-1").selectKey((k, v) -> v).filter((k, v) -> v != null);
        KStream<String, String> plain = stream(b, "topic-2");
        return left ? changed.merge(plain) : plain.merge(changed);
    }

    @Override
    void define() {
        // Names given
        name("source", b -> b.stream("topic", Consumed.with(S, S).withName("src")).to("out"));
        name("source-of-several", b -> b.stream(List.of("b", "a", "c"), Consumed.with(S, S)).to("out"));
        name("source-twice", b -> {
            stream(b, "topic").filter((k, v) -> true).to("out");
            stream(b, "topic").mapValues(v -> v).to("out2");
        });
        name("table", b -> b.table("topic", Consumed.with(S, S).withName("src")).toStream().to("out"));
        name("table-store", b -> b.table("topic", Consumed.with(S, S).withName("src"), text("rows")).toStream().to("out"));
        name("global-table", b -> {
            b.globalTable("topic", Consumed.with(S, S).withName("src"));
            stream(b, "in").to("out");
        });
        name("global-table-store", b -> {
            b.globalTable("topic", Consumed.with(S, S), text("rows"));
            stream(b, "in").to("out");
        });
        name("global-tables", b -> {
            GlobalKTable<String, String> one = b.globalTable("one", Consumed.with(S, S));
            GlobalKTable<String, String> two = b.globalTable("two", Consumed.with(S, S), text("second"));
            stream(b, "in").leftJoin(one, (k, v) -> v, JOIN).join(two, (k, v) -> v, JOIN, Named.as("with-two")).to("out", Produced.with(S, S));
        });
        name("global-store", b -> {
            b.addGlobalStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("rows"), S, S), "topic", Consumed.with(S, S).withName("src"), () -> new ContextualProcessor<String, String, Void, Void>() {
                @Override
                public void process(Record<String, String> record) { }
            });
            stream(b, "in").to("out");
        });
        name("global-store-generated", b -> {
            b.addGlobalStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("rows"), S, S), "topic", Consumed.with(S, S), () -> new ContextualProcessor<String, String, Void, Void>() {
                @Override
                public void process(Record<String, String> record) { }
            });
            stream(b, "in").to("out");
        });
        name("sink", b -> stream(b, "topic").to("out", Produced.with(S, S).withName("snk")));
        for (boolean named : new boolean[] {true, false}) {
            String suffix = named ? "-named" : "-generated";
            name("stateless" + suffix, b -> {
                KStream<String, String> s = stream(b, "topic");
                if (named)
                    s.filter((k, v) -> true, Named.as("f1")).filterNot((k, v) -> false, Named.as("f2")).map(KeyValue::pair, Named.as("m1")).mapValues(v -> v, Named.as("m2"))
                        .flatMap((k, v) -> List.of(KeyValue.pair(k, v)), Named.as("m3")).flatMapValues(v -> List.of(v), Named.as("m4")).selectKey((k, v) -> k, Named.as("k1")).peek((k, v) -> { }, Named.as("p1"))
                        .foreach((k, v) -> { }, Named.as("e1"));
                else
                    s.filter((k, v) -> true).filterNot((k, v) -> false).map(KeyValue::pair).mapValues(v -> v).flatMap((k, v) -> List.of(KeyValue.pair(k, v))).flatMapValues(v -> List.of(v)).selectKey((k, v) -> k).peek((k, v) -> { })
                        .foreach((k, v) -> { });
            });
            name("split" + suffix, b -> {
                var split = named ? stream(b, "topic").split(Named.as("s")) : stream(b, "topic").split();
                split.branch((k, v) -> true, named ? Branched.as("-x") : Branched.withConsumer(x -> { })).branch((k, v) -> false, Branched.withFunction(x -> x.mapValues(v -> v + "!")))
                    .defaultBranch(named ? Branched.withConsumer(x -> x.to("rest"), "-rest") : Branched.withConsumer(x -> x.to("rest")));
            });
            name("merge" + suffix, b -> {
                if (named) stream(b, "one").merge(stream(b, "two"), Named.as("m")).to("out");
                else stream(b, "one").merge(stream(b, "two")).to("out");
            });
            name("print" + suffix, b -> stream(b, "topic").print(named ? Printed.<String, String>toSysOut().withName("p") : Printed.toSysOut()));
            name("process" + suffix, b -> {
                b.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("one"), S, S));
                b.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("two"), S, S));
                KStream<String, String> s = stream(b, "topic");
                (named ? s.process(Nothing::new, Named.as("p"), "one", "two") : s.process(Nothing::new, "one", "two")).to("out");
                (named ? s.processValues(NoValues::new, Named.as("v"), "one") : s.processValues(NoValues::new, "one")).to("out2");
            });
            name("repartition" + suffix, b -> stream(b, "topic").repartition(named ? Repartitioned.<String, String>as("r").withKeySerde(S).withValueSerde(S) : Repartitioned.with(S, S)).to("out"));
            name("to-table" + suffix, b -> {
                (named ? stream(b, "topic").toTable(Named.as("t")) : stream(b, "topic").toTable()).toStream().to("out");
                (named ? keyed(b, "other").toTable(Named.as("t2"), text("rows")) : keyed(b, "other").toTable(Materialized.with(S, S))).toStream().to("out2");
            });
            name("to-stream" + suffix, b -> {
                (named ? table(b, "topic").toStream(Named.as("s")) : table(b, "topic").toStream()).to("out");
                (named ? table(b, "other").toStream(KeyValue::pair, Named.as("s2")) : table(b, "other").toStream(KeyValue::pair)).foreach((k, v) -> { });
            });
            name("table-operators" + suffix, b -> {
                KTable<String, String> t = table(b, "topic");
                if (named) t.filter((k, v) -> true, Named.as("f1")).filterNot((k, v) -> false, Named.as("f2"), text("fs")).mapValues(v -> v, Named.as("m1")).mapValues(v -> v, Named.as("m2"), text("ms")).toStream().to("out");
                else t.filter((k, v) -> true).filterNot((k, v) -> false, text("fs")).mapValues(v -> v).mapValues(v -> v, Materialized.with(S, S)).toStream().to("out");
            });
            name("stream-table-joins" + suffix, b -> {
                KStream<String, String> s = stream(b, "topic");
                Joined<String, String, String> j = Joined.with(S, S, S);
                s.join(table(b, "t1"), JOIN, named ? j.withName("j1") : j).to("out", Produced.with(S, S));
                s.leftJoin(table(b, "t2"), JOIN, named ? j.withName("j2") : j).to("out2", Produced.with(S, S));
                keyed(b, "other").join(table(b, "t3"), JOIN, named ? j.withName("j3") : j).to("out3", Produced.with(S, S));
            });
            for (String kind : new String[] {"inner", "left", "outer"}) {
                name("stream-join-" + kind + suffix, b -> out(joinStreams(kind, stream(b, "one"), stream(b, "two"), join(5, 5, 0), named ? J.withName("j").withStoreName("js") : J)));
                name("stream-join-keyed-" + kind + suffix, b -> out(joinStreams(kind, keyed(b, "one"), keyed(b, "two").filter((k, v) -> true), join(5, 5, 0), named ? J.withName("j") : J)));
                name("table-join-" + kind + suffix, b -> {
                    KTable<String, String> l = table(b, "one");
                    KTable<String, String> r = table(b, "two");
                    Named n = Named.as("j");
                    KTable<String, String> plain = !named ? joinTables(kind, l, r, null) : kind.equals("inner") ? l.join(r, JOIN, n) : kind.equals("left") ? l.leftJoin(r, JOIN, n) : l.outerJoin(r, JOIN, n);
                    KTable<String, String> kept = !named ? joinTables(kind, plain, r, Materialized.with(S, S)) : kind.equals("inner") ? plain.join(r, JOIN, Named.as("j2"), text("js")) : kind.equals("left") ? plain.leftJoin(r, JOIN, Named.as("j2"), text("js")) : plain.outerJoin(r, JOIN, Named.as("j2"), text("js"));
                    out(kept);
                });
            }
            name("stream-aggregates" + suffix, b -> {
                KGroupedStream<String, String> g = keyed(b, "topic").groupByKey(named ? Grouped.with("g", S, S) : G);
                outLong(named ? g.count(Named.as("c")) : g.count());
                out(named ? g.reduce((a, v) -> a, Named.as("r"), text("rs")) : g.reduce((a, v) -> a, Materialized.with(S, S)));
                out(named ? g.aggregate(INIT, ADD, Named.as("a"), text("as")) : g.aggregate(INIT, ADD, Materialized.with(S, S)));
                KGroupedStream<String, String> h = stream(b, "other").groupBy((k, v) -> v, named ? Grouped.with("h", S, S) : G);
                outLong(named ? h.count(Named.as("c2"), Area.<Long>store("c2s").withValueSerde(Serdes.Long())) : h.count(Materialized.with(S, Serdes.Long())));
            });
            name("windowed-aggregates" + suffix, b -> {
                TimeWindowedKStream<String, String> w = keyed(b, "topic").groupByKey(named ? Grouped.with("g", S, S) : G).windowedBy(tumbling());
                (named ? w.count(Named.as("c")) : w.count()).toStream().foreach((k, v) -> { });
                outWindows(named ? w.reduce((a, v) -> a, Named.as("r"), windows("rs")) : w.reduce((a, v) -> a), 10);
                outWindows(named ? w.aggregate(INIT, ADD, Named.as("a"), windows("as")) : w.aggregate(INIT, ADD, Materialized.with(S, S)), 10);
            });
            name("table-aggregates" + suffix, b -> {
                KGroupedTable<String, String> g = table(b, "topic").groupBy(KeyValue::pair, named ? Grouped.with("g", S, S) : G);
                outLong(named ? g.count(Named.as("c")) : g.count());
                out(named ? g.reduce((a, v) -> a, (a, v) -> a, Named.as("r"), text("rs")) : g.reduce((a, v) -> a, (a, v) -> a));
                out(named ? g.aggregate(INIT, ADD, SUB, Named.as("a"), text("as")) : g.aggregate(INIT, ADD, SUB, Materialized.with(S, S)));
            });
        }
        // Topics of repartitions
        name("grouping-shared", b -> {
            KGroupedStream<String, String> g = keyed(b, "topic").groupByKey(Grouped.with("grouping", S, S));
            TimeWindowedKStream<String, String> w = g.windowedBy(tumbling());
            outLong(g.count());
            w.count().toStream().foreach((k, v) -> { });
            outWindows(w.reduce((a, v) -> a + v), 10);
            g.windowedBy(hopping()).count().toStream().foreach((k, v) -> { });
        });
        name("grouping-not-shared", b -> {
            KGroupedStream<String, String> g = keyed(b, "topic").groupByKey(G);
            g.windowedBy(tumbling()).count().toStream().foreach((k, v) -> { });
            g.windowedBy(hopping()).count().toStream().foreach((k, v) -> { });
        });
        for (boolean more : new boolean[] {false, true}) {
            String suffix = more ? "-later" : "";
            name("topic-of-join" + suffix, b -> {
                KStream<String, String> l = keyed(b, "one");
                KStream<String, String> r = keyed(b, "two");
                if (more) l = l.filter((k, v) -> true).peek((k, v) -> { });
                if (more) r = r.filter((k, v) -> true).peek((k, v) -> { });
                out(l.join(r, JOIN, join(5, 5, 0), J.withName("my-join")));
            });
            name("topic-of-grouping" + suffix, b -> {
                KStream<String, String> s = keyed(b, "topic");
                if (more) s = s.filter((k, v) -> true).mapValues(v -> v);
                outLong(s.groupByKey(Grouped.with("grouping", S, S)).count());
            });
            name("topic-of-group-by" + suffix, b -> {
                KStream<String, String> s = keyed(b, "topic");
                if (more) s = s.filter((k, v) -> true).mapValues(v -> v);
                s.groupBy((k, v) -> k + v, Grouped.with("grouping", S, S)).windowedBy(tumbling()).count().toStream().foreach((k, v) -> { });
            });
            name("topic-of-grouped-table" + suffix, b -> {
                KTable<String, String> t = table(b, "topic");
                if (more) t = t.filter((k, v) -> true);
                outLong(t.groupBy(KeyValue::pair, Grouped.with("grouping", S, S)).count());
            });
        }
        name("join-of-joins", b -> {
            KStream<String, String> s = keyed(b, "one");
            KStream<String, String> first = s.join(keyed(b, "two"), JOIN, join(5, 5, 0), J);
            s.leftJoin(first, JOIN, join(5, 5, 0), J).outerJoin(stream(b, "three"), JOIN, join(5, 5, 0), J.withName("last")).to("out", Produced.with(S, S));
        });
        name("table-of-merged", b -> merged(b, true).groupByKey(G).count().toStream().foreach((k, v) -> { }));
        // Optimised
        optimised("several-groupings", b -> {
            KStream<String, String> mapped = b.stream("input", Consumed.with(S, S).withName("sourceStream")).map(KeyValue::pair, Named.as("source-map"));
            mapped.filter((k, v) -> true, Named.as("process-filter")).mapValues(v -> v, Named.as("process-mapValues")).process(Nothing::new, Named.as("process"));
            KStream<String, Long> counts = mapped.groupByKey(Grouped.with("count-groupByKey", S, S)).count(Named.as("count"), Area.<Long>store("count-store").withValueSerde(Serdes.Long())).toStream(Named.as("count-toStream"));
            counts.to("counts", Produced.with(S, Serdes.Long()).withName("count-to"));
            mapped.groupByKey(Grouped.with("aggregate-groupByKey", S, S)).aggregate(INIT, ADD, Named.as("aggregate"), text("aggregate-store")).toStream(Named.as("aggregate-toStream")).to("aggregates", Produced.with(S, S).withName("reduce-to"));
            mapped.filter((k, v) -> true, Named.as("reduce-filter")).peek((k, v) -> { }, Named.as("reduce-peek")).groupByKey(Grouped.with("reduce-groupByKey", S, S)).reduce((a, v) -> a, Named.as("reducer"), text("reduce-store")).toStream(Named.as("reduce-toStream")).to("reduced", Produced.with(S, S));
            mapped.filter((k, v) -> true, Named.as("join-filter")).join(counts, (a, c) -> a + c, join(5, 5, 0), StreamJoined.with(S, S, Serdes.Long()).withName("join")).to("joined", Produced.with(S, S).withName("join-to"));
        });
        optimised("nested-keys", b -> {
            KStream<String, String> s = stream(b, "topic").selectKey((k, v) -> v);
            s.groupByKey(Grouped.with("count-repartition", S, S)).count(store("count-store")).toStream().to("counts", Produced.with(S, Serdes.Long()));
            s.groupByKey(Grouped.with("windowed-repartition", S, S)).windowedBy(tumbling()).count(Materialized.as("windowed-store")).toStream().map((k, v) -> KeyValue.pair(k.key(), v)).to("windowed", Produced.with(S, Serdes.Long()));
        });
        optimised("values-after-key", b -> {
            KStream<String, String> s = keyed(b, "topic");
            outLong(s.mapValues(v -> v).groupByKey(G).count());
            s.flatMapValues(v -> List.of(v)).groupByKey(G).windowedBy(tumbling()).count().toStream().foreach((k, v) -> { });
            outLong(s.processValues(NoValues::new).groupByKey(G).count());
            outLong(s.process(Nothing::new).groupByKey(G).count());
        });
        optimised("merges-of-one-key", b -> {
            KStream<String, String> s = keyed(b, "topic");
            s.mapValues(v -> v + 1).merge(s.mapValues(v -> v + 2)).merge(s.mapValues(v -> v + 3)).to("out");
        });
        optimised("merge-left", b -> {
            KGroupedStream<String, String> g = merged(b, true).groupByKey(G);
            g.count(store("count-store"));
            g.aggregate(INIT, ADD, text("latest-store"));
        });
        optimised("merge-right", b -> {
            KGroupedStream<String, String> g = merged(b, false).groupByKey(G);
            g.count(store("count-store"));
            g.aggregate(INIT, ADD, text("latest-store"));
        });
        optimised("asked-for", b -> {
            KStream<String, String> s = keyed(b, "topic");
            outLong(s.repartition(Repartitioned.with(S, S)).groupByKey(G).count());
            s.repartition(Repartitioned.with(S, S)).groupByKey(G).windowedBy(tumbling()).count().toStream().foreach((k, v) -> { });
        });
        optimised("merge-and-tables", b -> {
            KStream<String, String> retries = stream(b, "retry").process(Nothing::new).groupByKey(G).aggregate(INIT, ADD, Materialized.with(S, S)).toStream().flatMap((k, v) -> List.<KeyValue<String, String>>of());
            KTable<String, String> ids = stream(b, "ids").flatMap((k, v) -> List.<KeyValue<String, String>>of()).peek((k, v) -> { }).groupByKey(G).aggregate(INIT, ADD, Materialized.with(S, S));
            KStream<String, String> joined = stream(b, "commands").peek((k, v) -> { }).mapValues((k, v) -> v).merge(retries).leftJoin(ids, JOIN, Joined.with(S, S, S));
            joined.split().branch((k, v) -> true, Branched.withConsumer(x -> x.map(KeyValue::pair).peek((k, v) -> { }).to("external", Produced.with(S, S))))
                .defaultBranch(Branched.withConsumer(x -> {
                    x.filter((k, v) -> v != null).peek((k, v) -> { }).mapValues((k, v) -> v).to("dlq", Produced.with(S, S));
                    x.map(KeyValue::pair).to("retry", Produced.with(S, S));
                }));
        });
        // Self joins
        optimised("self-join-of-merged", b -> {
            KStream<String, String> s = stream(b, "one").merge(stream(b, "two"));
            out(s.join(s, JOIN, join(5, 5, 0), J));
        });
        optimised("self-join-three-ways", b -> {
            KStream<String, String> s = stream(b, "one");
            out(s.join(stream(b, "one"), JOIN, join(5, 5, 0), J).join(stream(b, "two"), JOIN, join(5, 5, 0), J));
        });
        optimised("self-joins-of-one-source", b -> {
            KStream<String, String> s = stream(b, "one");
            s.join(stream(b, "one"), JOIN, join(5, 5, 0), J);
            s.join(stream(b, "one"), JOIN, join(5, 5, 0), J);
            out(s.outerJoin(s, JOIN, join(5, 5, 0), J.withName("third")));
        });
        optimised("self-joins-in-a-row", b -> {
            KStream<String, String> first = stream(b, "one").join(stream(b, "one"), JOIN, join(5, 5, 0), J);
            KStream<String, String> second = first.join(first, JOIN, join(5, 5, 0), J);
            out(second.join(stream(b, "one"), JOIN, join(5, 5, 0), J));
        });
        optimised("self-join-with-a-filter", b -> {
            KStream<String, String> s = stream(b, "one");
            out(s.join(s.filter((k, v) -> true), JOIN, join(5, 5, 0), J));
        });
        optimised("self-join-of-a-map", b -> {
            KStream<String, String> s = stream(b, "one").mapValues(v -> v);
            out(s.join(s, JOIN, join(5, 5, 0), J));
        });
        optimised("self-join-rekeyed", b -> {
            KStream<String, String> s = keyed(b, "one");
            out(s.leftJoin(s, JOIN, join(5, 5, 0), J));
            outLong(s.groupByKey(G).count());
        });
    }
}
