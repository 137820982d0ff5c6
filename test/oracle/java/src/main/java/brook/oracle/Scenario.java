package brook.oracle;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyConfig;

/** A topology with what is fed to it: random records, unless `input` gives them one by one. */
final class Scenario {
    static final String WALL_CLOCK = "@wall-clock";

    /** A record of strings, or (topic WALL_CLOCK) an advance of the wall clock by `timestamp` ms. */
    record Step(String topic, String key, String value, long timestamp) {}

    interface Build {
        void into(StreamsBuilder builder);
    }

    final String name;
    final String[] topics;
    final Map<String, Object> config = new LinkedHashMap<>();
    final List<Step> input = new ArrayList<>();
    private final Build build;
    private Supplier<Topology> topology;
    int records = 80;
    long seed;
    long latestMs = 12;
    long aheadMs = 15;
    int wallClockMs;
    boolean describeOnly;
    boolean mayFail;

    Scenario(String name, String topics, Build build) {
        this.name = name;
        this.topics = topics.isEmpty() ? new String[0] : topics.split(" ");
        this.build = build;
    }

    /** Random records: how many (default 80). */
    Scenario records(int count) {
        records = count;
        return this;
    }

    /** Random records: other ones than the scenario's name gives. */
    Scenario seed(long value) {
        seed = value;
        return this;
    }

    /** Random records: up to `late` ms behind the highest time so far (default 12), now and then `ahead` ms beyond it (default 15). */
    Scenario times(long late, long ahead) {
        latestMs = late;
        aheadMs = ahead;
        return this;
    }

    /** Random records: the wall clock goes on by up to this many ms after some of them. */
    Scenario wallClock(int upToMs) {
        wallClockMs = upToMs;
        return this;
    }

    /** A setting of StreamsConfig; the TypeScript side has to say the same in its own words. */
    Scenario config(String key, Object value) {
        config.put(key, value);
        return this;
    }

    /** These records and no others. */
    Scenario input(Step... steps) {
        input.addAll(List.of(steps));
        return this;
    }

    /** Only the text of describe() counts. */
    Scenario describeOnly() {
        describeOnly = true;
        return this;
    }

    /** An exception ends the sequence and is recorded by the name of its class. */
    Scenario mayFail() {
        mayFail = true;
        return this;
    }

    /** A topology of the Processor API in place of the DSL's. */
    Scenario topology(Supplier<Topology> supplier) {
        topology = supplier;
        return this;
    }

    Topology make(java.util.Properties properties) {
        if (topology != null) return topology.get();
        StreamsBuilder builder = new StreamsBuilder(new TopologyConfig(new StreamsConfig(properties)));
        build.into(builder);
        return builder.build(properties);
    }
}
