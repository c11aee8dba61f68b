import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** A window of messages in a map. */
final class Messages {
    static long window(int window, int pushes, Steps steps) {
        steps.reserve(1, pushes);
        int[] durations = steps.of(0);
        Map<Long, byte[]> map = new HashMap<>();
        long sum = 0;
        for (int number = 0; number < pushes; number++) {
            long start = System.nanoTime();
            byte[] message = new byte[1024];
            Arrays.fill(message, (byte) number);
            map.put((long) number, message);
            if (number >= window) sum += map.remove((long) (number - window))[17] & 255;
            durations[number] = Steps.since(start);
        }
        return sum + map.size();
    }
}
