import java.util.Locale;

/** The public workloads in Java, to the protocol in benches/workloads/README.md: java -cp CLASSES Workloads WORKLOAD SIZE... */
final class Workloads {
    static long run(String workload, int[] sizes, Steps steps) throws Exception {
        return switch (workload) {
            case "binary_trees" -> Trees.binaryTrees(sizes[0]);
            case "binary_trees_threads" -> Trees.onThreads(sizes[0], sizes[1]);
            case "gcbench" -> GcBench.run(sizes[0], sizes[1]);
            case "allocate_and_die" -> Fresh.allocateAndDie(sizes[0]);
            case "ring" -> Fresh.ring(sizes[0], sizes[1]);
            case "graph_churn", "graph_churn_lag" -> Graph.churn(sizes[0], sizes[1], sizes[2], steps);
            case "message_window" -> Messages.window(sizes[0], sizes[1], steps);
            case "list" -> Link.list(sizes[0]);
            case "persistent_map" -> Version.persistentMap(sizes[0], sizes[1]);
            case "shared_cache" -> SharedCache.run(sizes[0], sizes[1], sizes[2], steps);
            case "splay" -> SplayTree.run(sizes[0], sizes[1], steps);
            default -> -1;
        };
    }

    public static void main(String[] arguments) throws Exception {
        int[] sizes = new int[arguments.length - 1];
        for (int i = 0; i < sizes.length; i++) sizes[i] = Integer.parseInt(arguments[i + 1]);
        Steps steps = new Steps();
        long start = System.nanoTime();
        long checksum = run(arguments[0], sizes, steps);
        double wall = (System.nanoTime() - start) / 1e9;
        if (checksum < 0) System.exit(3);
        System.out.printf(Locale.ROOT, "{\"checksum\": \"%d\", \"wall_s\": %.6f%s}%n", checksum, wall, steps);
        System.exit(0);
    }
}
