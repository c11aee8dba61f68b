/** A splay tree as in Octane. */
final class SplayTree {
    private sealed interface Payload {}

    private record Leaf(long[] array, String string) implements Payload {}

    private record Branch(Payload left, Payload right) implements Payload {}

    private static final class Node {
        final long key;
        final Payload value;
        Node left, right;

        Node(long key, Payload value) {
            this.key = key;
            this.value = value;
        }
    }

    private static Payload payload(int depth, String text) {
        if (depth == 0) {
            return new Leaf(new long[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "String for key " + text + " in leaf node");
        }
        return new Branch(payload(depth - 1, text), payload(depth - 1, text));
    }

    private final Xorshift random = new Xorshift(11);
    private Node root;

    private void splay(long key) {
        if (root == null) return;
        Node dummy = new Node(0, null);
        Node left = dummy, right = dummy, current = root;
        while (true) {
            if (key < current.key) {
                if (current.left == null) break;
                if (key < current.left.key) {
                    Node rotated = current.left;
                    current.left = rotated.right;
                    rotated.right = current;
                    current = rotated;
                    if (current.left == null) break;
                }
                right.left = current;
                right = current;
                current = current.left;
            } else if (key > current.key) {
                if (current.right == null) break;
                if (key > current.right.key) {
                    Node rotated = current.right;
                    current.right = rotated.left;
                    rotated.left = current;
                    current = rotated;
                    if (current.right == null) break;
                }
                left.right = current;
                left = current;
                current = current.right;
            } else {
                break;
            }
        }
        left.right = current.left;
        right.left = current.right;
        current.left = dummy.right;
        current.right = dummy.left;
        root = current;
    }

    private void insert(long key, Payload value) {
        Node node = new Node(key, value);
        if (root == null) {
            root = node;
            return;
        }
        splay(key);
        if (root.key == key) return;
        if (key > root.key) {
            node.left = root;
            node.right = root.right;
            root.right = null;
        } else {
            node.right = root;
            node.left = root.left;
            root.left = null;
        }
        root = node;
    }

    private void remove(long key) {
        splay(key);
        if (root == null || root.key != key) throw new AssertionError("the tree has no key " + key);
        if (root.left == null) {
            root = root.right;
        } else {
            Node right = root.right;
            root = root.left;
            splay(key);
            root.right = right;
        }
    }

    private Node find(long key) {
        splay(key);
        return root != null && root.key == key ? root : null;
    }

    private Node findGreatestLessThan(long key) {
        if (root == null) return null;
        splay(key);
        if (root.key < key) return root;
        Node current = root.left;
        while (current != null && current.right != null) current = current.right;
        return current;
    }

    private long insertNew() {
        long key;
        do key = random.next() >> 1; while (find(key) != null);
        insert(key, payload(5, Long.toString(key)));
        return key;
    }

    private static long checksum(Node node) {
        long sum = 0;
        for (; node != null; node = node.right) {
            Payload leftmost = node.value;
            while (leftmost instanceof Branch branch) leftmost = branch.left;
            sum += checksum(node.left) + node.key + ((Leaf) leftmost).string.length() + 1;
        }
        return sum;
    }

    static long run(int nodes, int modifications, Steps steps) {
        steps.reserve(1, modifications);
        int[] durations = steps.of(0);
        SplayTree tree = new SplayTree();
        for (int i = 0; i < nodes; i++) tree.insertNew();
        for (int i = 0; i < modifications; i++) {
            long start = System.nanoTime();
            long key = tree.insertNew();
            Node greatest = tree.findGreatestLessThan(key);
            tree.remove(greatest == null ? key : greatest.key);
            durations[i] = Steps.since(start);
        }
        return checksum(tree.root);
    }
}
