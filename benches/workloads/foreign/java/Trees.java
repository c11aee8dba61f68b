import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Binary trees as in the Benchmarks Game. */
final class Trees {
    static final class Tree {
        private final Tree left, right;

        private Tree(Tree left, Tree right) {
            this.left = left;
            this.right = right;
        }

        static Tree bottomUp(int depth) {
            return depth == 0 ? new Tree(null, null) : new Tree(bottomUp(depth - 1), bottomUp(depth - 1));
        }

        long count() {
            return left == null ? 1 : 1 + left.count() + right.count();
        }
    }

    /** A part of the trees of each depth. */
    private static long part(int max, int parts) {
        long total = 0;
        for (int depth = 4; depth <= max; depth += 2) {
            int trees = (1 << max - depth + 4) / parts;
            for (int i = 0; i < trees; i++) total += Tree.bottomUp(depth).count();
        }
        return total;
    }

    static long binaryTrees(int depth) {
        long total = Tree.bottomUp(depth + 1).count();
        Tree longLived = Tree.bottomUp(depth);
        total += part(depth, 1);
        return total + longLived.count();
    }

    static long onThreads(int depth, int threads) throws Exception {
        long total = Tree.bottomUp(depth + 1).count();
        Tree longLived = Tree.bottomUp(depth);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Callable<Long>> parts = new ArrayList<>();
        for (int i = 0; i < threads; i++) parts.add(() -> part(depth, threads));
        for (Future<Long> part : pool.invokeAll(parts)) total += part.get();
        pool.shutdown();
        return total + longLived.count();
    }
}
