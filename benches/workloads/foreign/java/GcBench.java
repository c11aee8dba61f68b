/** Ellis, Kovac and Boehm's GCBench. */
final class GcBench {
    private static final class Node {
        Node left, right;
        int i, j;

        Node() {}

        Node(Node left, Node right) {
            this.left = left;
            this.right = right;
        }
    }

    private static Node make(int depth) {
        return depth == 0 ? new Node() : new Node(make(depth - 1), make(depth - 1));
    }

    private static void populate(int depth, Node node) {
        if (depth > 0) {
            node.left = new Node();
            node.right = new Node();
            populate(depth - 1, node.left);
            populate(depth - 1, node.right);
        }
    }

    private static long count(Node node) {
        return node == null ? 0 : 1 + count(node.left) + count(node.right);
    }

    private static int size(int depth) {
        return (1 << depth + 1) - 1;
    }

    static long run(int max, int doubles) {
        long total = count(make(max + 2));
        Node longLived = new Node();
        populate(max, longLived);
        double[] array = new double[doubles];
        for (int i = 0; i < doubles; i++) array[i] = 1.0 / (i + 1);
        for (int depth = 4; depth <= max; depth += 2) {
            int iterations = 2 * size(max + 2) / size(depth);
            for (int i = 0; i < iterations; i++) {
                Node node = new Node();
                populate(depth, node);
                total += count(node);
            }
            for (int i = 0; i < iterations; i++) total += count(make(depth));
        }
        if (!(array[1000] > 0)) throw new AssertionError("the array of doubles");
        return total + count(longLived);
    }
}
