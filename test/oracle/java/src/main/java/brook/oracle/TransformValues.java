package brook.oracle;

import java.time.Duration;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.ProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** KTable.transformValues: with null values, stores, kept or not, before and after operators that ask for old values or rows. */
final class TransformValues extends Area {
    @Override
    void define() {
        plain();
        neighbours();
        stores();
        byHand();
    }

    private void plain() {
        add("plain", "left", b -> out(table(b, "left").transformValues(shown())));
        add("plain-named", "left", b -> out(table(b, "left").transformValues(shown(), Named.as("tv"))));
        add("kept", "left", b -> out(table(b, "left").transformValues(shown(), text("t"))));
        add("kept-named", "left", b -> out(table(b, "left").transformValues(shown(), text("t"), Named.as("tv"))));
        add("kept-uncached", "left", b -> out(table(b, "left").transformValues(shown(), text("t").withCachingDisabled())));
        add("kept-with-serdes-only", "left", b -> out(table(b, "left").transformValues(shown(), Materialized.with(S, S)).filter(NOT_X)));
        add("deleting", "left", b -> out(table(b, "left").transformValues(deleting())));
        add("deleting-kept", "left", b -> out(table(b, "left").transformValues(deleting(), text("t"))));
        add("deleting-kept-uncached", "left", b -> out(table(b, "left").transformValues(deleting(), text("t").withCachingDisabled())));
        add("kept-parent", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows")).transformValues(shown())));
        add("kept-parent-kept", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows")).transformValues(shown(), text("t"))));
        add("kept-parent-uncached", "left", b -> out(b.table("left", Consumed.with(S, S), text("rows").withCachingDisabled()).transformValues(shown(), text("t"))));
        add("twice", "left", b -> out(table(b, "left").transformValues(shown()).transformValues(deleting(), text("t"))));
    }

    private void neighbours() {
        for (boolean kept : new boolean[] {false, true}) {
            String suffix = kept ? "-kept" : "";
            add("before-filter" + suffix, "left", b -> out(transformed(table(b, "left"), kept).filter((k, v) -> !v.contains("x"))));
            add("before-kept-filter" + suffix, "left", b -> out(transformed(b.table("left", Consumed.with(S, S), text("rows")), kept).filter((k, v) -> !v.contains("x"), text("f"))));
            add("before-group" + suffix, "left", b -> out(transformed(table(b, "left"), kept)
                .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g"))));
            add("before-group-uncached" + suffix, "left", b -> out(transformed(table(b, "left"), kept)
                .groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled())));
            for (String kind : new String[] {"inner", "left", "outer"}) {
                add("join-left-" + kind + suffix, "left right", b -> out(joinTables(kind, transformed(table(b, "left"), kept), table(b, "right"), null)));
                add("join-right-" + kind + suffix, "left right", b -> out(joinTables(kind, table(b, "left"), transformed(table(b, "right"), kept), null)));
            }
            add("stream-join" + suffix, "left right", b -> out(stream(b, "left").leftJoin(transformed(table(b, "right"), kept), JOIN)));
            add("suppressed" + suffix, "left", b -> out(transformed(table(b, "left"), kept)
                .suppress(Suppressed.untilTimeLimit(Duration.ofMillis(6), Suppressed.BufferConfig.unbounded()))));
        }
        add("after-filter", "left", b -> out(table(b, "left").filter(NOT_X).transformValues(shown())));
        add("after-aggregate", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a")).transformValues(shown())));
        add("after-aggregate-kept", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a").withCachingDisabled()).transformValues(shown(), text("t"))));
        add("after-join", "left right", b -> out(joinTables("outer", table(b, "left"), table(b, "right"), null).transformValues(shown(), text("t"))));
        add("windowed", "left", b -> outWindows(stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(hopping()).aggregate(INIT, ADD, windows("w"))
            .transformValues(() -> new Shown<Windowed<String>>()), 10));
    }

    private void stores() {
        add("store", "left", b -> {
            calls(b);
            out(table(b, "left").transformValues(() -> new Counting("calls"), "calls"));
        });
        add("store-kept", "left", b -> {
            calls(b);
            out(table(b, "left").transformValues(() -> new Counting("calls"), text("t"), Named.as("tv"), "calls"));
        });
        add("store-old-values", "left", b -> {
            calls(b);
            out(table(b, "left").transformValues(() -> new Counting("calls"), "calls")
                .groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled()));
        });
        add("store-kept-join", "left right", b -> {
            calls(b);
            out(joinTables("left", table(b, "right"), table(b, "left").transformValues(() -> new Counting("calls"), text("t"), "calls"), null));
        });
        add("store-join", "left right", b -> {
            calls(b);
            out(joinTables("left", table(b, "right"), table(b, "left").transformValues(() -> new Counting("calls"), "calls"), null));
        }).mayFail();
        add("origin", "left", b -> out(table(b, "left").transformValues(Where::new)));
        add("origin-cached-parent", "left", b -> out(stream(b, "left").groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a")).transformValues(Where::new)));
    }

    private void byHand() {
        Scenario.Step[] steps = {step("left", "A", null, 0), step("left", "A", "1", 1), step("left", "A", "2", 2), step("left", "A", null, 3), step("left", "A", null, 4), step("left", "B", "x", 5), step("left", "B", "b", 2)};
        add("hand-nulls", "left", b -> out(table(b, "left").transformValues(shown()))).input(steps);
        add("hand-nulls-kept", "left", b -> out(table(b, "left").transformValues(shown(), text("t")))).input(steps);
        add("hand-nulls-deleting", "left", b -> out(table(b, "left").transformValues(deleting(), text("t")))).input(steps);
        add("hand-old-values", "left", b -> out(table(b, "left").transformValues(shown())
            .groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g").withCachingDisabled()))).input(steps);
        add("hand-read-absent", "left right", b -> out(stream(b, "left").leftJoin(table(b, "right").transformValues(shown()), JOIN))).input(
            step("left", "A", "1", 0), step("right", "A", "r", 1), step("left", "A", "2", 2), step("right", "A", null, 3), step("left", "A", "3", 4));
    }

    private static KTable<String, String> transformed(KTable<String, String> table, boolean kept) {
        return kept ? table.transformValues(shown(), text("t")) : table.transformValues(shown(), Materialized.with(S, S));
    }

    private static void calls(StreamsBuilder b) {
        b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("calls"), S, S));
    }

    private static ValueTransformerWithKeySupplier<String, String, String> shown() {
        return Shown::new;
    }

    private static ValueTransformerWithKeySupplier<String, String, String> deleting() {
        return () -> new ValueTransformerWithKey<>() {
            @Override
            public void init(ProcessorContext context) {}

            @Override
            public String transform(String key, String value) {
                return value == null || value.startsWith("x") ? null : key + "=" + value;
            }

            @Override
            public void close() {}
        };
    }

    private static class Shown<K> implements ValueTransformerWithKey<K, String, String> {
        @Override
        public void init(ProcessorContext context) {}

        @Override
        public String transform(K key, String value) {
            return "<" + value + ">";
        }

        @Override
        public void close() {}
    }

    /** How many times it was called for the key. */
    private static class Counting implements ValueTransformerWithKey<String, String, String> {
        private final String name;
        private KeyValueStore<String, String> calls;

        Counting(String name) {
            this.name = name;
        }

        @Override
        public void init(ProcessorContext context) {
            calls = context.getStateStore(name);
        }

        @Override
        public String transform(String key, String value) {
            String before = calls.get(key);
            String now = String.valueOf((before == null ? 0 : Integer.parseInt(before)) + 1);
            calls.put(key, now);
            return value + "#" + now;
        }

        @Override
        public void close() {}
    }

    private static class Where implements ValueTransformerWithKey<String, String, String> {
        private ProcessorContext context;

        @Override
        public void init(ProcessorContext context) {
            this.context = context;
        }

        @Override
        public String transform(String key, String value) {
            return value + "@" + context.topic() + "-" + context.partition() + "-" + context.offset();
        }

        @Override
        public void close() {}
    }
}
