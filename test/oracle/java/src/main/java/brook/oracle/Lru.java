package brook.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Stores that forget the least recently used, under processors and under tables. */
final class Lru extends Area {
    /** Does what the value's first letter says with the row of the record's key, and sends what it saw. */
    static final class Rows extends ContextualProcessor<String, String, String, String> {
        private KeyValueStore<String, String> rows;

        @Override
        public void init(ProcessorContext<String, String> context) {
            super.init(context);
            rows = context.getStateStore("rows");
        }

        @Override
        public void process(Record<String, String> record) {
            String key = record.key();
            if (key == null) return;
            context().forward(record.withValue(record.value() + " " + done(key, record.value())));
        }

        private String done(String key, String value) {
            if (value == null) return "deleted " + rows.delete(key);
            switch (value.charAt(0)) {
                case 'a':
                    rows.put(key, value);
                    return "put";
                case 'b':
                    return "got " + rows.get(key);
                case 'c':
                    return "was " + rows.putIfAbsent(key, value);
                case 'm':
                    for (String other : new String[] {"A", "B", "C", "D"}) rows.put(other, value);
                    return "put four";
                default:
                    return "all " + all() + " of " + rows.approximateNumEntries();
            }
        }

        private List<String> all() {
            List<String> list = new ArrayList<>();
            try (KeyValueIterator<String, String> iterator = rows.all()) {
                while (iterator.hasNext()) {
                    KeyValue<String, String> row = iterator.next();
                    list.add(row.key + "=" + row.value);
                }
            }
            return list;
        }
    }

    static ProcessorSupplier<String, String, String, String> rows(StoreBuilder<KeyValueStore<String, String>> builder) {
        return new ProcessorSupplier<>() {
            @Override
            public Processor<String, String, String, String> get() {
                return new Rows();
            }

            @Override
            public Set<StoreBuilder<?>> stores() {
                return Set.of(builder);
            }
        };
    }

    static StoreBuilder<KeyValueStore<String, String>> store(int maxEntries) {
        return Stores.keyValueStoreBuilder(Stores.lruMap("rows", maxEntries), S, S);
    }

    static <V> Materialized<String, V, KeyValueStore<Bytes, byte[]>> kept(int maxEntries, org.apache.kafka.common.serialization.Serde<V> value) {
        return Materialized.<String, V>as(Stores.lruMap("recent", maxEntries)).withKeySerde(S).withValueSerde(value).withCachingDisabled();
    }

    static Materialized<String, String, KeyValueStore<Bytes, byte[]>> kept(int maxEntries) {
        return kept(maxEntries, S);
    }

    static KGroupedStream<String, String> grouped(org.apache.kafka.streams.StreamsBuilder b) {
        return stream(b, "left").groupByKey(Grouped.with(S, S));
    }

    static Scenario.Step in(String key, String value, long time) {
        return step("left", key, value, time);
    }

    /** More rows than there is room for, in the order of puts, of reads, and again. */
    static final Scenario.Step[] USES = {
        in("A", "a1", 10), in("B", "a2", 20), in("C", "a3", 30), in("A", "z", 31), in("B", "b", 32), in("D", "a4", 15), in("A", "z", 41), in("B", "b", 42), in("C", "b", 43),
        in("A", "c5", 44), in("A", "c6", 45), in("B", "z", 46), in("E", "a7", 47), in("A", "z", 48), in("A", null, 49), in("A", null, 50), in("F", "a8", 51), in("A", "z", 52),
        in("G", "a9", 53), in("A", "z", 54), in("B", "m", 60), in("A", "z", 61), in("D", "b", 62), in("A", "b", 63), in("H", "a", 5), in("A", "z", 64), in(null, "a", 65), in("A", "z", 66),
    };

    /** Rows of a table or an aggregate: keys that come back before and after they have left, late ones, deletions. */
    static final Scenario.Step[] UPDATES = {
        in("A", "a1", 10), in("B", "a2", 20), in("A", "a3", 5), in("C", "a4", 30), in("B", "a5", 25), in("A", "a6", 40), in("A", null, 41), in("C", "a7", 42), in("D", "a8", 8),
        in("B", "a9", 43), in("C", "b1", 44), in("C", "b2", 45), in("D", null, 46), in("D", "b3", 47), in("E", "b4", 48), in("F", "b5", 49), in("C", "x6", 50), in("C", "b7", 51), in("A", "x8", 52),
        in(null, "b9", 53), in("E", "c1", 12), in("B", "c2", 54), in("E", "c3", 55),
    };

    @Override
    void define() {
        for (int size : new int[] {1, 2, 3}) {
            add("processor-by-hand-" + size, "left", b -> out(stream(b, "left").process(rows(store(size))))).input(USES);
            add("count-by-hand-" + size, "left", b -> outLong(grouped(b).count(kept(size, Serdes.Long())))).input(UPDATES);
            add("reduce-by-hand-" + size, "left", b -> out(grouped(b).reduce((a, v) -> a + v, kept(size)))).input(UPDATES);
            add("table-by-hand-" + size, "left", b -> out(b.table("left", Consumed.with(S, S), kept(size)).filter(NOT_X))).input(UPDATES);
        }
        for (int size : new int[] {1, 2}) {
            add("processor-" + size, "left", b -> out(stream(b, "left").process(rows(store(size))))).records(200);
            add("count-" + size, "left", b -> outLong(grouped(b).count(kept(size, Serdes.Long())))).records(120);
            add("aggregate-" + size, "left", b -> out(grouped(b).aggregate(INIT, ADD, kept(size)))).records(120);
            add("table-" + size, "left", b -> out(b.table("left", Consumed.with(S, S), kept(size)).filter(NOT_X))).records(120);
            add("filter-" + size, "left", b -> out(table(b, "left").filter(NOT_X, kept(size)))).records(120);
            add("map-values-" + size, "left", b -> out(table(b, "left").mapValues(v -> v + "!", kept(size)).toStream().groupByKey(Grouped.with(S, S)).reduce((a, v) -> a + v, text("texts")))).records(120);
            add("to-table-group-" + size, "left", b -> out(stream(b, "left").toTable(kept(size)).groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("groups")))).records(120);
            add("grouped-table-" + size, "left", b -> out(table(b, "left").groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, kept(size)))).records(120);
            add("stream-table-join-" + size, "left right", b -> out(stream(b, "left").leftJoin(b.table("right", Consumed.with(S, S), kept(size)), JOIN, Joined.with(S, S, S)))).records(160);
            add("table-join-" + size, "left right", b -> out(b.table("left", Consumed.with(S, S), kept(size)).leftJoin(table(b, "right"), JOIN))).records(120);
            add("join-result-" + size, "left right", b -> out(table(b, "left").outerJoin(table(b, "right"), JOIN, kept(size)))).records(120);
        }
        add("processor-unlogged", "left", b -> out(stream(b, "left").process(rows(store(2).withLoggingDisabled())))).records(120);
        add("count-in-the-record-cache", "left", b -> outLong(grouped(b).count(Materialized.<String, Long>as(Stores.lruMap("recent", 2)).withKeySerde(S).withValueSerde(Serdes.Long())))).input(UPDATES);
        add("cogroup", "left right", b -> out(grouped(b).cogroup(ADD).cogroup(stream(b, "right").groupByKey(Grouped.with(S, S)), ADD).aggregate(INIT, kept(2)))).records(120);
    }
}
