import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;

/** Does to a ConcurrentHashMap what benches/src/bin/maps tells it: "fill FILE", a new one, or "run FILE...", with a file of words for each thread. */
final class Maps {
    private static volatile ConcurrentHashMap<Long, Long> map;
    private static volatile long sum;

    private static long[] words(String path) throws IOException {
        LongBuffer buffer = ByteBuffer.wrap(Files.readAllBytes(Path.of(path))).asLongBuffer();
        long[] words = new long[buffer.remaining()];
        buffer.get(words);
        return words;
    }

    private static void work(long[] operations) {
        ConcurrentHashMap<Long, Long> map = Maps.map;
        long found = 0;
        for (long operation : operations) {
            long key = operation >>> 2;
            switch ((int) (operation & 3)) {
                case 0 -> {
                    Long value = map.get(key);
                    if (value != null) found += value;
                }
                case 1 -> map.put(key, key + 1);
                default -> map.remove(key);
            }
        }
        sum += found;
    }

    private static String run(String[] line) throws Exception {
        int count = line.length - 1;
        CountDownLatch ready = new CountDownLatch(count);
        long[] begun = new long[count];
        long[] ended = new long[count];
        long[] processor = new long[count];
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++) {
            int thread = i;
            long[] operations = words(line[i + 1]);
            threads[i] = new Thread(() -> {
                ready.countDown();
                try {
                    ready.await();
                } catch (InterruptedException error) {
                    throw new IllegalStateException(error);
                }
                ThreadMXBean times = ManagementFactory.getThreadMXBean();
                long before = times.getCurrentThreadCpuTime();
                begun[thread] = System.nanoTime();
                work(operations);
                ended[thread] = System.nanoTime();
                processor[thread] = times.getCurrentThreadCpuTime() - before;
            });
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        long first = Long.MAX_VALUE;
        long last = Long.MIN_VALUE;
        for (int i = 0; i < count; i++) {
            first = Math.min(first, begun[i]);
            last = Math.max(last, ended[i]);
        }
        return (last - first) + " " + LongStream.of(processor).sum();
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader reader = new BufferedReader(new InputStreamReader(System.in));
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            String[] parts = line.split(" ");
            if (parts[0].equals("fill")) {
                map = new ConcurrentHashMap<>();
                for (long key : words(parts[1])) map.put(key, key);
                System.out.println("filled");
            } else {
                System.out.println(run(parts));
            }
        }
    }
}
