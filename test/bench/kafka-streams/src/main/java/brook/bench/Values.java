package brook.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The values of the jobs, with readers and writers by hand: less work than generic or generated Avro classes have. */
final class Values {
    record Measurement(String deviceId, double temperature, double humidity, long sequence) {}

    static final class Average {
        long count;
        double sum;
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
    }

    interface Reader<T> {
        T read(BinaryDecoder in) throws IOException;
    }

    interface Writer<T> {
        void write(T value, BinaryEncoder out) throws IOException;
    }

    private Values() {}

    static Serde<Measurement> measurement() {
        return avro(1,
            in -> new Measurement(in.readString(), in.readDouble(), in.readDouble(), in.readLong()),
            (m, out) -> {
                out.writeString(m.deviceId());
                out.writeDouble(m.temperature());
                out.writeDouble(m.humidity());
                out.writeLong(m.sequence());
            });
    }

    static Serde<Average> average() {
        return avro(2,
            in -> {
                Average a = new Average();
                a.count = in.readLong();
                a.sum = in.readDouble();
                a.min = in.readDouble();
                a.max = in.readDouble();
                return a;
            },
            (a, out) -> {
                out.writeLong(a.count);
                out.writeDouble(a.sum);
                out.writeDouble(a.min);
                out.writeDouble(a.max);
            });
    }

    private static final class Reused {
        BinaryDecoder decoder;
        BinaryEncoder encoder;
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream(64);
    }

    /** Confluent's wire format: a zero byte, the schema id, Avro binary. */
    private static <T> Serde<T> avro(int id, Reader<T> reader, Writer<T> writer) {
        var reusedByThread = ThreadLocal.withInitial(Reused::new);
        return Serdes.serdeFrom(
            (topic, value) -> {
                if (value == null) return null;
                var reused = reusedByThread.get();
                try {
                    reused.bytes.reset();
                    for (byte b : new byte[] {0, 0, 0, 0, (byte) id}) reused.bytes.write(b);
                    reused.encoder = EncoderFactory.get().directBinaryEncoder(reused.bytes, reused.encoder);
                    writer.write(value, reused.encoder);
                    return reused.bytes.toByteArray();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            },
            (topic, data) -> {
                if (data == null) return null;
                var reused = reusedByThread.get();
                try {
                    reused.decoder = DecoderFactory.get().binaryDecoder(data, 5, data.length - 5, reused.decoder);
                    return reader.read(reused.decoder);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
    }
}
