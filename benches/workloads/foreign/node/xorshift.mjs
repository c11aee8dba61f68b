/** Marsaglia's xorshift128. */
export class Xorshift {
  constructor(seed) {
    this.x = 123456789 ^ seed;
    this.y = 362436069;
    this.z = 521288629;
    this.w = 88675123;
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 32 bits, unsigned. */
  next() {
    const t = this.x ^ (this.x << 11);
    this.x = this.y;
    this.y = this.z;
    this.z = this.w;
    this.w = this.w ^ (this.w >>> 19) ^ t ^ (t >>> 8);
    return this.w >>> 0;
  }

  below(end) {
    return Math.floor((this.next() * end) / 2 ** 32);
  }
}
