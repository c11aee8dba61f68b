/** Small objects that die at once, or of which a tenth lingers. */
final class Fresh {
    private record Payload(long first, long second, long third) {}

    /** Whatever is ever stored here is allocated: the compiler's escape analysis does not look at how often it is. */
    private static Payload escaped;

    static long allocateAndDie(int count) {
        long sum = 0;
        for (int index = 0; index < count; index++) {
            Payload object = new Payload(index, index, index);
            if ((index & 1023) == 0) escaped = object;
            sum += object.second();
        }
        return sum;
    }

    static long ring(int count, int size) {
        Payload[] ring = new Payload[size];
        long sum = 0;
        int at = 0;
        for (int index = 0; index < count; index++) {
            Payload object = new Payload(index, index, index);
            if (index % 10 == 0) {
                if (ring[at] != null) sum += ring[at].second();
                ring[at] = object;
                at = (at + 1) % size;
            }
        }
        return sum;
    }
}
