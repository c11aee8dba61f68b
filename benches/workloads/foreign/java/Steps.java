import java.util.Arrays;
import java.util.Locale;

/** Durations of steps, in nanoseconds, unsigned, by thread. */
final class Steps {
    private int[][] durations = {};

    /** Room for the steps of so many threads, before the first. */
    void reserve(int threads, int steps) {
        durations = new int[threads][steps];
    }

    int[] of(int thread) {
        return durations[thread];
    }

    static int since(long start) {
        return (int) Math.min(System.nanoTime() - start, 0xffffffffL);
    }

    /** The fields of the line of JSON. */
    @Override
    public String toString() {
        long[] sorted =
                Arrays.stream(durations).flatMapToInt(Arrays::stream).mapToLong(Integer::toUnsignedLong).sorted().toArray();
        int n = sorted.length;
        if (n == 0) return "";
        double[] us = new double[3];
        double[] parts = {0.5, 0.99, 0.999};
        for (int i = 0; i < 3; i++) us[i] = sorted[Math.min(n - 1, (int) (n * parts[i]))] / 1e3;
        String fields = ", \"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f";
        return String.format(Locale.ROOT, fields, us[0], us[1], us[2], sorted[n - 1] / 1e3);
    }
}
