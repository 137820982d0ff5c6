package brook.oracle;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.time.temporal.TemporalAdjusters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.kstream.internals.TimeWindow;

/**
 * Windows of a calendar: Kafka Streams has none, but takes a program's own. These find their bounds with java.time. With its record cache Kafka
 * Streams takes all windows for as long as the longest, so where ends are compared the cache is off.
 */
final class Calendar extends Area {
    private static final long HOUR_MS = 3_600_000L;
    private static final long SET_BACK_MS = 7 * HOUR_MS;

    enum Kind { DAY, WEEK, SUNDAY_WEEK, MONTH, HOUR, SIX_HOURS, OFFICE }

    private static final class LocalWindows extends Windows<TimeWindow> {
        private final ZoneId zone;
        private final Kind kind;
        private final long graceMs;

        LocalWindows(String zone, Kind kind, long graceMs) {
            this.zone = ZoneId.of(zone);
            this.kind = kind;
            this.graceMs = graceMs;
        }

        @Override
        public Map<Long, TimeWindow> windowsFor(long timestamp) {
            ZonedDateTime time = Instant.ofEpochMilli(timestamp).atZone(zone);
            if (kind == Kind.OFFICE && (time.getDayOfWeek().getValue() > 5 || time.getHour() < 8 || time.getHour() >= 18)) return Map.of();
            TimeWindow window = switch (kind) {
                case OFFICE -> window(time.toLocalDate().atTime(8, 0).atZone(zone), time.toLocalDate().atTime(18, 0).atZone(zone));
                case HOUR -> window(time.truncatedTo(ChronoUnit.HOURS), time.truncatedTo(ChronoUnit.HOURS).plusHours(1));
                case SIX_HOURS -> {
                    LocalDateTime start = time.toLocalDate().atTime(time.getHour() / 6 * 6, 0);
                    yield window(start.atZone(zone), start.plusHours(6).atZone(zone));
                }
                default -> period(time, timestamp);
            };
            return Map.of(window.start(), window);
        }

        /** The last period that has started; after a clock was set back over midnight that is the next date's. */
        private TimeWindow period(ZonedDateTime time, long timestamp) {
            LocalDate start = first(time.toLocalDate());
            while (next(start).atStartOfDay(zone).toInstant().toEpochMilli() <= timestamp) start = next(start);
            return window(start.atStartOfDay(zone), next(start).atStartOfDay(zone));
        }

        private LocalDate first(LocalDate date) {
            return switch (kind) {
                case WEEK -> date.with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
                case SUNDAY_WEEK -> date.with(TemporalAdjusters.previousOrSame(DayOfWeek.SUNDAY));
                case MONTH -> date.withDayOfMonth(1);
                default -> date;
            };
        }

        private LocalDate next(LocalDate start) {
            return kind == Kind.DAY ? start.plusDays(1) : kind == Kind.MONTH ? start.plusMonths(1) : start.plusWeeks(1);
        }

        private static TimeWindow window(ZonedDateTime start, ZonedDateTime end) {
            return new TimeWindow(Math.max(0, start.toInstant().toEpochMilli()), end.toInstant().toEpochMilli());
        }

        @Override
        public long size() {
            return SET_BACK_MS + HOUR_MS * switch (kind) {
                case DAY -> 24;
                case WEEK, SUNDAY_WEEK -> 7 * 24;
                case MONTH -> 31 * 24;
                case HOUR -> 1;
                case SIX_HOURS -> 6;
                case OFFICE -> 10;
            };
        }

        @Override
        public long gracePeriodMs() {
            return graceMs;
        }
    }

    private static TimeWindowedKStream<String, String> windowed(org.apache.kafka.streams.StreamsBuilder b, String zone, Kind kind, long graceMs) {
        return stream(b, "left").groupByKey(Grouped.with(S, S)).windowedBy(new LocalWindows(zone, kind, graceMs));
    }

    private static String whole(Windowed<String> key) {
        return key.key() + "@" + key.window().start() + "-" + key.window().end();
    }

    /** Records of about half a window each, around an instant; one in five is late by up to two windows. */
    private static Scenario.Step[] around(String instant, long stepMs, int seed) {
        Random random = new Random(seed);
        List<Scenario.Step> steps = new ArrayList<>();
        long now = Instant.parse(instant).toEpochMilli() - 20 * stepMs / 2;
        for (int i = 0; i < 60; i++) {
            now += random.nextLong(stepMs);
            long late = random.nextInt(5) == 0 ? random.nextLong(4 * stepMs) : 0;
            String key = random.nextInt(12) == 0 ? null : "k" + random.nextInt(2);
            String value = random.nextInt(12) == 0 ? null : String.valueOf((char) ('a' + random.nextInt(26)));
            steps.add(step("left", key, value, Math.max(0, now - late)));
        }
        return steps.toArray(Scenario.Step[]::new);
    }

    @Override
    void define() {
        String[][] days = {
            {"Europe/Paris", "2026-03-29T01:00:00Z"}, {"Europe/Paris", "2026-10-25T01:00:00Z"}, {"America/New_York", "2026-03-08T07:00:00Z"},
            {"America/Sao_Paulo", "2018-02-18T02:00:00Z"}, {"America/Sao_Paulo", "2018-11-04T03:00:00Z"}, {"America/Havana", "2026-11-01T05:00:00Z"},
            {"America/St_Johns", "2008-11-02T02:31:00Z"}, {"Asia/Beirut", "2026-03-28T22:00:00Z"}, {"Pacific/Apia", "2011-12-30T10:00:00Z"},
            {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, {"Antarctica/Casey", "2010-03-04T15:00:00Z"}, {"Asia/Kolkata", "2026-01-01T00:00:00Z"}, {"Etc/GMT-6", "2026-01-01T00:00:00Z"},
        };
        for (int i = 0; i < days.length; i++) {
            String zone = days[i][0];
            add("day-" + i + "-" + zone.replace('/', '-'), "left", b -> out(windowed(b, zone, Kind.DAY, HOUR_MS).aggregate(INIT, ADD, windows("w").withCachingDisabled())
                .toStream((k, v) -> whole(k)))).input(around(days[i][1], 12 * HOUR_MS, i));
        }
        for (String zone : new String[] {"Europe/Paris", "America/New_York"}) {
            String name = zone.substring(zone.indexOf('/') + 1);
            Object[][] kinds = {{Kind.WEEK, 84 * HOUR_MS, "2026-03-20T00:00:00Z"}, {Kind.SUNDAY_WEEK, 84 * HOUR_MS, "2026-10-28T00:00:00Z"}, {Kind.MONTH, 300 * HOUR_MS, "2026-03-15T00:00:00Z"},
                {Kind.HOUR, HOUR_MS / 2, "2026-10-25T01:00:00Z"}, {Kind.HOUR, HOUR_MS / 2, "2026-03-29T01:00:00Z"}, {Kind.SIX_HOURS, 3 * HOUR_MS, "2026-10-25T01:00:00Z"},
                {Kind.SIX_HOURS, 3 * HOUR_MS, "2026-03-29T01:00:00Z"}, {Kind.OFFICE, 6 * HOUR_MS, "2026-10-26T01:00:00Z"}};
            for (int i = 0; i < kinds.length; i++) {
                Kind kind = (Kind) kinds[i][0];
                add(kind.name().toLowerCase() + "-" + name + "-" + i, "left", b -> out(windowed(b, zone, kind, 2 * HOUR_MS).reduce((a, v) -> a + v, windows("w").withCachingDisabled())
                    .toStream((k, v) -> whole(k)))).input(around((String) kinds[i][2], (Long) kinds[i][1], 100 + i));
            }
        }
        add("count-cached", "left", b -> windowed(b, "Europe/Paris", Kind.DAY, 0).count()
            .toStream((k, v) -> k.key() + "@" + k.window().start()).to("out", Produced.with(S, Serdes.Long()))).input(around("2026-10-25T01:00:00Z", 6 * HOUR_MS, 7));
        add("group-by", "left", b -> out(windowed(b, "Europe/Paris", Kind.DAY, HOUR_MS).aggregate(INIT, ADD, windows("w"))
            .groupBy((k, v) -> KeyValue.pair(k.key() + "@" + k.window().start(), v), Grouped.with(S, S)).aggregate(INIT, ADD, SUB, text("g")))).input(around("2026-03-29T01:00:00Z", 8 * HOUR_MS, 8));
    }
}
