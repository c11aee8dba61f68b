import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A cache that threads share. */
final class SharedCache {
    private record Value(long key, long version, long third, long fourth, long fifth, long last) {
        Value(long key, long version) {
            this(key, version, key, key, key, key);
        }
    }

    private final ConcurrentHashMap<Long, Value> map = new ConcurrentHashMap<>();
    private final int entries;

    private SharedCache(int entries) {
        this.entries = entries;
    }

    private long use(int thread, int[] durations) {
        Xorshift random = new Xorshift(7 + thread);
        long sum = 0;
        for (int operation = 0; operation < durations.length; operation++) {
            long start = System.nanoTime();
            boolean get = random.below(100) < 80;
            long key = random.below(entries);
            if (get) {
                Value value = map.get(key);
                sum += value.key + value.last;
            } else {
                map.put(key, new Value(key, operation));
            }
            durations[operation] = Steps.since(start);
        }
        return sum;
    }

    static long run(int entries, int threads, int operations, Steps steps) throws Exception {
        steps.reserve(threads, operations);
        SharedCache cache = new SharedCache(entries);
        for (long key = 0; key < entries; key++) cache.map.put(key, new Value(key, 0));
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Callable<Long>> users = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int thread = i;
            users.add(() -> cache.use(thread, steps.of(thread)));
        }
        long sum = 0;
        for (Future<Long> user : pool.invokeAll(users)) sum += user.get();
        pool.shutdown();
        return sum + cache.map.size();
    }
}
