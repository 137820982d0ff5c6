package brook.bench;

import brook.bench.Values.Average;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.WindowStore;

/** One job as a process: brokers, application id, job, topic, records, guarantee, cache bytes or "default", state directory, stream threads. */
public final class App {
    private static final Duration SIZE = Duration.ofMinutes(5);

    private App() {}

    public static void main(String[] args) throws Exception {
        String job = args[2];
        long records = Long.parseLong(args[4]);
        var all = new CountDownLatch(1);
        var firstAt = new AtomicLong();
        var lastAt = new AtomicLong();
        var count = new AtomicLong();
        Runnable seen = () -> {
            long seenSoFar = count.incrementAndGet();
            if (seenSoFar == 1) firstAt.set(System.nanoTime());
            if (seenSoFar == records) {
                lastAt.set(System.nanoTime());
                all.countDown();
            }
        };
        var streams = new KafkaStreams(topology(job, args[3], args[1] + "-out", seen), settings(args));
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        all.await();
        streams.close(CloseOptions.timeout(Duration.ofMinutes(2)));
        long closedAt = System.nanoTime();
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.printf(Locale.ROOT,
            "{\"recordsPerSecond\":%f,\"inclusivePerSecond\":%f,\"cpuMicrosPerRecord\":%f,\"maxRssMb\":%f}%n",
            records / ((lastAt.get() - firstAt.get()) / 1e9),
            records / ((closedAt - firstAt.get()) / 1e9),
            system.getProcessCpuTime() / 1e3 / records,
            maxRssMb());
    }

    private static Properties settings(String[] args) {
        var settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
            args[5].equals("exactly_once") ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        if (!args[6].equals("default")) settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, args[6]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[7]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(args[8]));
        return settings;
    }

    private static Topology topology(String job, String input, String output, Runnable seen) {
        var builder = new StreamsBuilder();
        var read = builder.stream(input, Consumed.with(Serdes.String(), Values.measurement())).peek((k, v) -> seen.run());
        switch (job) {
            case "average" -> average(read, output);
            case "passthrough" -> read.to(output, Produced.with(Serdes.String(), Values.measurement()));
            case "map-filter" -> read
                .mapValues(m -> new Comfort(m.deviceId(), m.temperature() - m.humidity() / 5))
                .filter((k, c) -> c.comfort() > 8)
                .foreach((k, c) -> {});
            default -> throw new IllegalArgumentException(job);
        }
        return builder.build();
    }

    private record Comfort(String deviceId, double comfort) {}

    private static void average(KStream<String, Values.Measurement> read, String output) {
        read.groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(SIZE, Duration.ofMinutes(1)))
            .aggregate(Average::new, (key, m, a) -> {
                a.count++;
                a.sum += m.temperature();
                a.min = Math.min(a.min, m.temperature());
                a.max = Math.max(a.max, m.temperature());
                return a;
            }, Materialized.<String, Average, WindowStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("average")
                .withKeySerde(Serdes.String())
                .withValueSerde(Values.average()))
            .toStream()
            .to(output, Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, SIZE.toMillis()), Values.average()));
    }

    static double maxRssMb() throws Exception {
        var status = Path.of("/proc/self/status");
        if (!Files.exists(status)) return Double.NaN;
        for (String line : Files.readAllLines(status))
            if (line.startsWith("VmHWM:")) return Double.parseDouble(line.replaceAll("\\D", "")) / 1024;
        return Double.NaN;
    }
}
