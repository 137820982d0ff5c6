package brook.oracle;

import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The Processor API: topologies of nodes, punctuations, forwarding, stores that suppliers bring. */
final class Processors extends Area {
    abstract static class Text extends ContextualProcessor<String, String, String, String> {
        String where() {
            return context().recordMetadata().filter(m -> m.topic() != null).map(m -> m.topic() + "-" + m.partition() + "@" + m.offset()).orElse("nowhere");
        }

        void send(String key, String value, long time) {
            context().forward(new Record<>(key, value, time));
        }
    }

    static ProcessorSupplier<String, String, String, String> supplier(java.util.function.Supplier<Text> make) {
        return make::get;
    }

    static Topology one(java.util.function.Supplier<Text> make) {
        return new Topology().addSource("s", "left").addProcessor("p", supplier(make), "s").addSink("k", "out", "p");
    }

    /** Says when it is called, and by which clock. */
    static Text punctuated(PunctuationType type, long interval, Long start, int times) {
        return new Text() {
            private Cancellable schedule;
            private int calls;

            @Override
            public void init(ProcessorContext<String, String> context) {
                super.init(context);
                schedule = start == null ? context.schedule(Duration.ofMillis(interval), type, this::call) : context.schedule(Instant.ofEpochMilli(start), Duration.ofMillis(interval), type, this::call);
            }

            private void call(long time) {
                calls++;
                send("punctuated", calls + " at " + time + " stream " + context().currentStreamTimeMs() + " " + where(), time);
                if (calls == times) schedule.cancel();
            }

            @Override
            public void process(Record<String, String> record) {
                context().forward(record.withValue(record.value() + " " + where()));
            }
        };
    }

    static final StoreBuilder<KeyValueStore<String, Long>> COUNTS = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("counts"), S, Serdes.Long());

    static Text counter(boolean sweeping) {
        return new Text() {
            private KeyValueStore<String, Long> counts;

            @Override
            public void init(ProcessorContext<String, String> context) {
                super.init(context);
                counts = context.getStateStore("counts");
                if (sweeping) context.schedule(Duration.ofMillis(20), PunctuationType.STREAM_TIME, this::sweep);
            }

            private void sweep(long time) {
                try (KeyValueIterator<String, Long> all = counts.all()) {
                    while (all.hasNext()) {
                        var entry = all.next();
                        send(entry.key, "total " + entry.value, time);
                        if (entry.value > 2) counts.delete(entry.key);
                    }
                }
            }

            @Override
            public void process(Record<String, String> record) {
                if (record.key() == null) return;
                Long count = counts.get(record.key());
                counts.put(record.key(), count == null ? 1L : count + 1);
                context().forward(record.withValue(record.value() + " " + (count == null ? 1 : count + 1)));
            }
        };
    }

    static ProcessorSupplier<String, String, String, String> counting(boolean sweeping) {
        return new ProcessorSupplier<>() {
            @Override
            public Processor<String, String, String, String> get() {
                return counter(sweeping);
            }

            @Override
            public Set<StoreBuilder<?>> stores() {
                return Set.of(COUNTS);
            }
        };
    }

    static ProcessorSupplier<String, String, Void, Void> filling(String store) {
        return () -> new ContextualProcessor<>() {
            @Override
            public void process(Record<String, String> record) {
                if (record.key() == null) return;
                KeyValueStore<String, String> rows = context().getStateStore(store);
                if (record.value() == null) rows.delete(record.key());
                else rows.put(record.key(), record.value());
            }
        };
    }

    static ProcessorSupplier<String, String, String, String> reading(String store) {
        return supplier(() -> new Text() {
            @Override
            public void process(Record<String, String> record) {
                KeyValueStore<String, String> rows = context().getStateStore(store);
                context().forward(record.withValue(record.value() + "|" + (record.key() == null ? null : rows.get(record.key()))));
            }
        });
    }

    static StoreBuilder<KeyValueStore<String, String>> rows() {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("rows"), S, S).withLoggingDisabled();
    }

    private Scenario nodes(String name, String topics, java.util.function.Supplier<Topology> topology) {
        return add(name, topics, b -> { }).topology(topology);
    }

    @Override
    void define() {
        nodes("named-children", "left", () -> new Topology().addSource("s", "left").addProcessor("p", supplier(() -> new Text() {
            @Override
            public void process(Record<String, String> record) {
                String value = String.valueOf(record.value());
                if (value.startsWith("a")) context().forward(record, "first");
                else if (value.startsWith("x")) context().forward(record);
                else if (value.startsWith("b")) {
                    context().forward(record.withValue("b1"), "second");
                    context().forward(record.withValue("b2"), "third");
                    context().forward(record.withValue("b3"));
                }
            }
        }), "s").addProcessor("second", supplier(() -> new Text() {
            @Override
            public void process(Record<String, String> record) {
                context().forward(record.withValue(record.value() + " second"));
            }
        }), "p").addSink("first", "out", "p").addSink("third", "out3", "p").addSink("after-second", "out2", "second"));
        nodes("deep-first", "left", () -> {
            Topology t = new Topology().addSource("s", "left");
            for (String name : new String[] {"b", "a", "c"})
                t.addProcessor(name, supplier(() -> new Text() {
                    @Override
                    public void process(Record<String, String> record) {
                        context().forward(record.withValue(record.value() + name));
                        context().forward(record.withValue(record.value() + name + "2"));
                    }
                }), "s");
            t.addProcessor("d", supplier(() -> new Text() {
                @Override
                public void process(Record<String, String> record) {
                    context().forward(record.withValue(record.value() + "d"));
                }
            }), "c", "a");
            return t.addSink("k", "out", "b", "d", "a");
        });
        // Rules 9 and 10
        for (long interval : new long[] {1, 7, 30}) {
            nodes("stream-time-" + interval, "left", () -> one(() -> punctuated(PunctuationType.STREAM_TIME, interval, null, 0)));
            nodes("wall-clock-" + interval, "left", () -> one(() -> punctuated(PunctuationType.WALL_CLOCK_TIME, interval, null, 0))).wallClock(25);
            nodes("stream-time-start-" + interval, "left", () -> one(() -> punctuated(PunctuationType.STREAM_TIME, interval, 43L, 0)));
            nodes("wall-clock-start-" + interval, "left", () -> one(() -> punctuated(PunctuationType.WALL_CLOCK_TIME, interval, 43L, 0))).wallClock(25);
        }
        nodes("stream-time-cancelled", "left", () -> one(() -> punctuated(PunctuationType.STREAM_TIME, 5, null, 3)));
        nodes("wall-clock-cancelled", "left", () -> one(() -> punctuated(PunctuationType.WALL_CLOCK_TIME, 5, null, 3))).wallClock(12);
        nodes("stream-time-phase", "left", () -> one(() -> punctuated(PunctuationType.STREAM_TIME, 10, null, 0))).input(
            step("left", "A", "a", 3), step("left", "A", "b", 9), step("left", "A", "c", 10), step("left", "A", "d", 11), step("left", "A", "e", 45), step("left", "A", "f", 49),
            step("left", "A", "g", 50), step("left", "A", "h", 20), step("left", "A", "i", 60), step("left", "A", "j", 71), step("left", "A", "k", 79), step("left", "A", "l", 80));
        nodes("stream-time-zero", "left", () -> one(() -> punctuated(PunctuationType.STREAM_TIME, 10, null, 0))).input(step("left", "A", "a", 0), step("left", "A", "b", 0), step("left", "A", "c", 10));
        nodes("stream-time-start-phase", "left", () -> one(() -> punctuated(PunctuationType.STREAM_TIME, 10, 25L, 0))).input(
            step("left", "A", "a", 3), step("left", "A", "b", 24), step("left", "A", "c", 25), step("left", "A", "d", 34), step("left", "A", "e", 35), step("left", "A", "f", 64), step("left", "A", "g", 65));
        nodes("wall-clock-phase", "left", () -> one(() -> punctuated(PunctuationType.WALL_CLOCK_TIME, 10, null, 0))).input(
            wallClock(9), wallClock(1), wallClock(10), step("left", "A", "a", 1000), wallClock(35), wallClock(4), wallClock(1), step("left", "A", "b", 3), wallClock(100));
        nodes("wall-clock-start-phase", "left", () -> one(() -> punctuated(PunctuationType.WALL_CLOCK_TIME, 10, 25L, 0))).input(
            wallClock(9), wallClock(15), wallClock(1), wallClock(10), step("left", "A", "a", 1000), wallClock(35), wallClock(4), wallClock(1), wallClock(100));
        nodes("scheduled-in-process", "left", () -> one(() -> new Text() {
            @Override
            public void process(Record<String, String> record) {
                long at = record.timestamp();
                Cancellable[] schedule = new Cancellable[1];
                schedule[0] = context().schedule(Instant.ofEpochMilli(at + 10), Duration.ofMillis(10), PunctuationType.STREAM_TIME, time -> {
                    send(record.key(), record.value() + " of " + at + " at " + time, time);
                    schedule[0].cancel();
                });
            }
        }));
        nodes("two-clocks", "left right", () -> new Topology().addSource("s", "left").addSource("t", "right")
            .addProcessor("p", supplier(() -> punctuated(PunctuationType.STREAM_TIME, 10, null, 0)), "s", "t")
            .addProcessor("q", supplier(() -> punctuated(PunctuationType.WALL_CLOCK_TIME, 15, null, 0)), "p").addSink("k", "out", "q")).wallClock(25);
        // Times, headers, keys
        nodes("other-times", "left", () -> one(() -> new Text() {
            @Override
            public void process(Record<String, String> record) {
                context().forward(record.withTimestamp(record.timestamp() + 100));
                context().forward(new Record<>("key", record.key(), 5));
                RecordHeaders headers = new RecordHeaders(record.headers());
                headers.add("more", "yes".getBytes());
                context().forward(record.withHeaders(headers));
                context().forward(record);
            }
        }));
        nodes("clocks", "left", () -> one(() -> new Text() {
            @Override
            public void process(Record<String, String> record) {
                context().forward(record.withValue(context().currentStreamTimeMs() + " " + context().currentSystemTimeMs() + " " + where() + " " + context().taskId()));
            }
        })).wallClock(9);
        nodes("topic-per-record", "left", () -> new Topology().addSource("s", "left")
            .addSink("k", (String k, String v, org.apache.kafka.streams.processor.RecordContext c) -> "out-" + (v == null ? "null" : v.substring(0, 1)) + "-" + c.offset() % 2, "s"));
        nodes("several-topics", "left right third", () -> new Topology().addSource("s", "left", "right").addSource("t", "third").addSink("k", "out", "t", "s"));
        // Stores
        nodes("store-brought", "left", () -> new Topology().addSource("s", "left").addProcessor("p", counting(false), "s").addSink("k", "out", "p"));
        nodes("store-swept", "left", () -> new Topology().addSource("s", "left").addProcessor("p", counting(true), "s").addSink("k", "out", "p"));
        nodes("store-shared", "left right", () -> new Topology().addSource("s", "left").addSource("t", "right").addProcessor("p", counting(false), "s").addProcessor("q", counting(false), "t").addSink("k", "out", "p").addSink("l", "out2", "q"));
        nodes("store-connected", "left right", () -> {
            Topology t = new Topology().addSource("s", "left").addSource("t", "right").addProcessor("p", supplier(() -> counter(false)), "s").addProcessor("q", supplier(() -> counter(true)), "t");
            t.addStateStore(COUNTS, "p");
            t.connectProcessorAndStateStores("q", "counts");
            return t.addSink("k", "out", "p").addSink("l", "out2", "q");
        });
        nodes("store-read-only", "left right", () -> {
            Topology t = new Topology().addReadOnlyStateStore(rows(), "rs", S.deserializer(), S.deserializer(), "right", "rp", filling("rows"));
            t.addSource("s", "left").addProcessor("p", reading("rows"), "s").addSink("k", "out", "p");
            return t.connectProcessorAndStateStores("p", "rows");
        });
        nodes("store-global", "left right", () -> new Topology().addGlobalStore(rows(), "gs", S.deserializer(), S.deserializer(), "right", "gp", filling("rows"))
            .addSource("s", "left").addProcessor("p", reading("rows"), "s").addSink("k", "out", "p"));
        // In the DSL
        add("dsl-process", "left", b -> out(stream(b, "left").process(counting(true))));
        add("dsl-process-group", "left", b -> out(stream(b, "left").process(counting(true)).groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a"))));
        add("dsl-process-values", "left", b -> out(stream(b, "left").processValues(() -> new ContextualFixedKeyProcessor<String, String, String>() {
            @Override
            public void process(FixedKeyRecord<String, String> record) {
                context().forward(record.withValue(record.value() + "!"));
                context().forward(record.withValue(record.value() + "?").withTimestamp(record.timestamp() + 1));
            }
        })));
        add("dsl-process-values-group", "left", b -> out(stream(b, "left").processValues(() -> new ContextualFixedKeyProcessor<String, String, String>() {
            @Override
            public void process(FixedKeyRecord<String, String> record) {
                if (record.value() != null) context().forward(record.withValue(record.value() + "!"));
            }
        }).groupByKey(Grouped.with(S, S)).aggregate(INIT, ADD, text("a"))));
        add("dsl-two-that-share", "left", b -> {
            KStream<String, String> s = stream(b, "left");
            out(s.process(counting(false)));
            s.filter((k, v) -> k != null).process(counting(false), Named.as("second")).to("out2", Produced.with(S, S));
        });
        add("dsl-branches", "left", b -> new TreeMap<>(stream(b, "left").split()
            .branch((k, v) -> v == null, Branched.withConsumer(x -> x.to("nulls", Produced.with(S, S))))
            .branch((k, v) -> v.startsWith("a"), Branched.withFunction(x -> x.mapValues(v -> v + "!")))
            .defaultBranch(Branched.withFunction(x -> x.filter((k, v) -> k != null))))
            .forEach((name, branch) -> branch.to("out-" + name.substring(name.length() - 1), Produced.with(S, S))));
    }
}
