/** Cyclic graph churn. */
final class Graph {
    /** The edges are fields, which make a node one object: with an array of them this takes up to half more processor time. */
    private static final class Node {
        final long value;
        private Node first, second, third, fourth;

        Node(long value) {
            this.value = value;
        }

        void setEdge(int edge, Node target) {
            switch (edge) {
                case 0 -> first = target;
                case 1 -> second = target;
                case 2 -> third = target;
                default -> fourth = target;
            }
        }

        void clear() {
            first = second = third = fourth = null;
        }
    }

    private static final int STEP = 256;

    static long churn(int live, int replacements, int lag, Steps steps) {
        Xorshift random = new Xorshift(5);
        Node[] table = new Node[live];
        for (int i = 0; i < live; i++) table[i] = new Node(i);
        Node[] replaced = new Node[lag];
        steps.reserve(1, replacements / STEP);
        int[] durations = steps.of(0);
        long sum = 0;
        for (int step = 0; step < durations.length; step++) {
            long start = System.nanoTime();
            for (int index = 0; index < STEP; index++) {
                int number = step * STEP + index;
                int place = random.below(live);
                Node node = new Node(number);
                Node old = table[place];
                sum += old.value;
                if (lag > 0) {
                    Node before = replaced[number % lag];
                    replaced[number % lag] = old;
                    old = before;
                }
                if (old != null) old.clear();
                table[place] = node;
                for (int k = 0; k < 4; k++) {
                    node.setEdge(k, table[random.below(live)]);
                    Node source = table[random.below(live)];
                    source.setEdge(random.below(4), node);
                }
            }
            durations[step] = Steps.since(start);
        }
        return sum;
    }
}
