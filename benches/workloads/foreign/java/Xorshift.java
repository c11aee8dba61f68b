/** Marsaglia's xorshift128. */
final class Xorshift {
    private int x, y = 362436069, z = 521288629, w = 88675123;

    Xorshift(int seed) {
        x = 123456789 ^ seed;
        for (int i = 0; i < 16; i++) next();
    }

    /** 32 bits, unsigned. */
    long next() {
        int t = x ^ x << 11;
        x = y;
        y = z;
        z = w;
        w = w ^ w >>> 19 ^ t ^ t >>> 8;
        return w & 0xffffffffL;
    }

    int below(int end) {
        return (int) (next() * end >>> 32);
    }
}
