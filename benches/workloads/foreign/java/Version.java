import java.util.ArrayList;
import java.util.List;

/** A node of a persistent map, and with it a version of the map: an insert copies the path. */
record Version(long key, long value, Version left, Version right) {
    private static Version insert(Version node, long key, long value) {
        if (node == null) return new Version(key, value, null, null);
        return key < node.key
                ? new Version(node.key, node.value, insert(node.left, key, value), node.right)
                : new Version(node.key, node.value, node.left, insert(node.right, key, value));
    }

    private static long sum(Version node) {
        return node == null ? 0 : node.value + sum(node.left) + sum(node.right);
    }

    static long persistentMap(int inserts, int keepEvery) {
        Xorshift random = new Xorshift(3);
        Version tree = null;
        List<Version> kept = new ArrayList<>();
        for (int value = 0; value < inserts; value++) {
            tree = insert(tree, random.next() >> 1, value);
            if (value % keepEvery == 0) kept.add(tree);
        }
        return sum(tree) + kept.stream().mapToLong(version -> version.key & 1).sum();
    }
}
