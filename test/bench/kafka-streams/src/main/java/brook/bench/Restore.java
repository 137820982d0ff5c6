package brook.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.StateRestoreListener;

/** The restore of a store of counts as a process: brokers, application id, records in the changelog, state directory. */
public final class Restore {
    private Restore() {}

    public static void main(String[] args) throws Exception {
        long records = Long.parseLong(args[2]);
        var settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        var builder = new StreamsBuilder();
        builder.stream(args[1] + "-in", Consumed.with(Serdes.String(), Serdes.String()))
            .groupByKey()
            .count(Materialized.as("counts"));
        var listener = new Listener();
        var running = new CountDownLatch(1);
        var streams = new KafkaStreams(builder.build(), settings);
        streams.setGlobalStateRestoreListener(listener);
        streams.setStateListener((to, from) -> {
            if (to == KafkaStreams.State.RUNNING) running.countDown();
        });
        long started = System.nanoTime();
        streams.start();
        running.await();
        long ran = System.nanoTime();
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = system.getProcessCpuTime();
        streams.close(CloseOptions.timeout(Duration.ofMinutes(2)).withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
        if (listener.restored.get() != records) throw new IllegalStateException(listener.restored + " records were restored");
        System.out.printf(Locale.ROOT,
            "{\"recordsPerSecond\":%f,\"inclusivePerSecond\":%f,\"cpuMicrosPerRecord\":%f,\"maxRssMb\":%f}%n",
            records / ((listener.ended.get() - listener.began.get()) / 1e9),
            records / ((ran - started) / 1e9),
            cpu / 1e3 / records,
            App.maxRssMb());
    }

    private static final class Listener implements StateRestoreListener {
        final AtomicLong began = new AtomicLong();
        final AtomicLong ended = new AtomicLong();
        final AtomicLong restored = new AtomicLong();

        @Override
        public void onRestoreStart(TopicPartition partition, String store, long startingOffset, long endingOffset) {
            began.compareAndSet(0, System.nanoTime());
        }

        @Override
        public void onBatchRestored(TopicPartition partition, String store, long batchEndOffset, long numRestored) {}

        @Override
        public void onRestoreEnd(TopicPartition partition, String store, long totalRestored) {
            restored.addAndGet(totalRestored);
            ended.set(System.nanoTime());
        }
    }
}
