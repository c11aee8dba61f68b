/** A list, built and walked. */
record Link(long value, Link next) {
    static long list(int nodes) {
        Link head = null;
        for (int value = 0; value < nodes; value++) head = new Link(value, head);
        long sum = 0;
        for (Link at = head; at != null; at = at.next) sum += at.value;
        return sum;
    }
}
