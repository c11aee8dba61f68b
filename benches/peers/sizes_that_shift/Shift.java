import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The program of benches/src/shift.rs in Java: Shift VARIANT [gc]. With gc, System.gc() is called at the end of each phase. */
final class Shift {
    static final int PHASES = 24, VOLUME = 256 << 20, LIVE = 64 << 20, BATCH = 512, CHAINS = 512, SAMPLES = 8;
    static final int[] RECORDS = {24, 40, 72, 104, 136, 168, 210, 168, 136, 104, 72, 40};
    static final int[] VALUES = {96, 136, 192, 272, 384, 544, 768, 544, 384, 272, 192, 136};

    /** Records are made in a buffer, from which they are copied. */
    static final byte[] buffer = new byte[1024];
    static int random = (int) 2463534242L;

    static int draw() {
        int x = random;
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        return random = x;
    }

    static int below(int end) {
        return (int) ((draw() & 0xffffffffL) * end >>> 32);
    }

    static int make() {
        int key = draw();
        buffer[0] = (byte) key;
        buffer[1] = (byte) (key >> 8);
        buffer[2] = (byte) (key >> 16);
        buffer[3] = (byte) (key >> 24);
        return key;
    }

    static int key(byte[] record) {
        return record[0] & 255 | (record[1] & 255) << 8 | (record[2] & 255) << 16 | record[3] << 24;
    }

    static int checksum(int sum, byte[] record) {
        return sum * 31 + key(record) + record.length + (record[record.length - 1] & 255);
    }

    static final int[] steps = new int[500_000];
    static int count;
    static final StringBuilder lines = new StringBuilder(1 << 16);
    static long rested, asked, longest;
    static boolean gc;

    static void step(long since) {
        steps[count++] = (int) Math.min(System.nanoTime() - since, Integer.MAX_VALUE);
    }

    static void sample(int phase, int size, long allocated, long live, int end) throws IOException {
        long resident = Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096;
        lines.append("sample,").append(phase).append(',').append(size).append(',').append(allocated).append(',');
        lines.append(live).append(',').append(resident).append(',').append(end).append('\n');
    }

    static void between() throws InterruptedException {
        long since = System.nanoTime();
        if (gc) System.gc();
        long time = System.nanoTime() - since;
        asked += time;
        longest = Math.max(longest, time);
        since = System.nanoTime();
        Thread.sleep(50);
        rested += System.nanoTime() - since;
    }

    static final class Node {
        final byte[] record;
        final Node next;

        Node(byte[] record, Node next) {
            this.record = record;
            this.next = next;
        }
    }

    static final byte[][][] window = new byte[LIVE / 24 / BATCH][][];
    static final Node[][] tables = {new Node[CHAINS], new Node[CHAINS]};
    static int left;

    static byte[][] batch(int size) {
        byte[][] batch = new byte[BATCH][];
        for (int i = 0; i < BATCH; i++) {
            make();
            batch[i] = Arrays.copyOf(buffer, size);
        }
        return batch;
    }

    static int retire(byte[][] batch, Node[] table, boolean runs) {
        int kept = 0;
        for (byte[] record : batch) {
            left++;
            if (runs ? left % 250_000 < 500 : Integer.remainderUnsigned(key(record), 500) == 0) {
                int chain = Integer.divideUnsigned(key(record), 500) % CHAINS;
                table[chain] = new Node(record, table[chain]);
                kept++;
            }
        }
        return kept;
    }

    static int verify(int sum, Node[] table) {
        for (Node chain : table) {
            for (Node node = chain; node != null; node = node.next) sum = checksum(sum, node.record);
        }
        return sum;
    }

    static int window(boolean runs) throws Exception {
        int[] kept = new int[2];
        int sum = 0;
        for (int phase = 0; phase < PHASES; phase++) {
            int size = RECORDS[phase % RECORDS.length], table = phase % 2;
            int batches = VOLUME / (size * BATCH), places = LIVE / (size * BATCH);
            Arrays.fill(buffer, (byte) phase);
            kept[table] = 0;
            long since = System.nanoTime();
            tables[table] = new Node[CHAINS];
            step(since);
            for (int b = 0; b < batches + places; b++) {
                int place = b % places;
                since = System.nanoTime();
                if (b >= places) {
                    byte[][] old = window[place];
                    window[place] = null;
                    kept[table] += retire(old, tables[table], runs) * size;
                }
                if (b < batches) window[place] = batch(size);
                step(since);
                if (b < batches && (b + 1) % (batches / SAMPLES) == 0) {
                    long within = (long) Math.min(b + 1, places) * BATCH * size + kept[0] + kept[1];
                    sample(phase, size, (long) phase * VOLUME + (long) (b + 1) * BATCH * size, within, 0);
                }
            }
            sum = verify(verify(sum, tables[table]), tables[1 - table]);
            between();
            sample(phase, size, (phase + 1L) * VOLUME, kept[0] + kept[1], 1);
        }
        return sum;
    }

    static final byte[][] values = new byte[LIVE / 96][];
    static int len, held, allocated;

    static int insertions(int size, int sum) {
        for (int i = 0; i < BATCH; i++) {
            if (len > 0) sum = sum * 31 + key(values[below(len)]);
            int fresh = size + Integer.remainderUnsigned(make(), size / 4);
            allocated += fresh;
            held += fresh;
            while (held > LIVE) {
                int entry = below(len);
                held -= values[entry].length;
                values[entry] = values[--len];
                values[len] = null;
            }
            values[len++] = Arrays.copyOf(buffer, fresh);
        }
        return sum;
    }

    static int cache() throws Exception {
        int sum = 0;
        for (int phase = 0; phase < PHASES; phase++) {
            int size = VALUES[phase % VALUES.length], taken = 0;
            Arrays.fill(buffer, (byte) phase);
            allocated = 0;
            while (allocated < VOLUME) {
                long since = System.nanoTime();
                sum = insertions(size, sum);
                step(since);
                if ((long) allocated * SAMPLES / VOLUME > taken) {
                    taken++;
                    sample(phase, size, (long) phase * VOLUME + allocated, held, 0);
                }
            }
            for (int entry = 0; entry < len; entry++) sum = checksum(sum, values[entry]);
            between();
            sample(phase, size, (phase + 1L) * VOLUME, held, 1);
        }
        return sum;
    }

    static int at(double part) {
        return steps[(int) ((count - 1) * part)];
    }

    public static void main(String[] arguments) throws Exception {
        gc = arguments.length > 1 && arguments[1].equals("gc");
        long begun = System.nanoTime();
        int sum = arguments[0].equals("cache") ? cache() : window(arguments[0].equals("runs"));
        double seconds = (System.nanoTime() - begun - rested) / 1e9;
        System.out.print(lines);
        Arrays.sort(steps, 0, count);
        String peak = Files.readString(Path.of("/proc/self/status")).split("VmHWM:")[1].trim().split(" ")[0];
        System.out.printf("figures,%s,%f,%d,%d,%d,%d,%d,%d,%d%n", Integer.toUnsignedString(sum), seconds, at(0.5), at(0.99),
                at(0.999), at(1), longest, asked, Long.parseLong(peak) << 10);
    }
}
