import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Kafka Streams under remote control. Takes lines from stdin and answers with lines on stdout:
 * <pre>
 * start ID [key=value ...]    starts a client; keys are StreamsConfig's, or topology, in, out, named    → "state ID STATE" as it changes
 * close ID leave|remain       closes it; by default Kafka Streams remains a member of its group         → "closed ID"
 * hang COUNT                  after so many results from now on, whoever has one stands still            → "hangs"
 * go                          lets go of what hangs
 * </pre>
 * "failed ID MESSAGE" is what its uncaught exception handler was given. The end of stdin ends the process at once.
 */
public final class Interchange {
    private static final Map<String, KafkaStreams> CLIENTS = new TreeMap<>();
    private static final AtomicInteger UNTIL_HANG = new AtomicInteger(Integer.MAX_VALUE);
    private static final CountDownLatch GO = new CountDownLatch(1);

    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        say("ready");
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            try {
                switch (words[0]) {
                    case "start" -> start(words);
                    case "close" -> close(words[1], words[2].equals("leave"));
                    case "hang" -> UNTIL_HANG.set(Integer.parseInt(words[1]));
                    default -> GO.countDown();
                }
            } catch (RuntimeException error) {
                say("failed " + words[1] + " " + error);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void start(String[] words) {
        String id = words[1];
        Properties config = new Properties();
        for (int i = 2; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            config.put(pair[0], pair[1]);
        }
        config.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        config.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        String topology = (String) config.remove("topology");
        String in = (String) config.remove("in");
        String out = (String) config.remove("out");
        boolean named = Boolean.parseBoolean((String) config.remove("named"));
        KafkaStreams streams = new KafkaStreams(Topologies.build(topology, in, out, named, config), config);
        streams.setStateListener((to, from) -> say("state " + id + " " + to));
        streams.setUncaughtExceptionHandler(error -> {
            say("failed " + id + " " + text(error));
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        CLIENTS.put(id, streams);
        streams.start();
    }

    /** Not on the thread that reads the lines: clients close side by side. */
    private static void close(String id, boolean leave) {
        KafkaStreams streams = CLIENTS.remove(id);
        CloseOptions options = CloseOptions.groupMembershipOperation(
            leave ? CloseOptions.GroupMembershipOperation.LEAVE_GROUP : CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP);
        new Thread(() -> {
            streams.close(options);
            say("closed " + id);
        }).start();
    }

    /** A result passes; it does not while things hang. */
    static String counted(String value) {
        if (UNTIL_HANG.get() == Integer.MAX_VALUE || UNTIL_HANG.decrementAndGet() > 0) return value;
        say("hangs");
        try {
            GO.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        UNTIL_HANG.set(Integer.MAX_VALUE);
        return value;
    }

    private static String text(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) text.append(cause).append("; ");
        return text.toString().replace('\n', ' ');
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
