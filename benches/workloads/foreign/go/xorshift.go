package main

// Marsaglia's xorshift128.
type xorshift struct{ x, y, z, w uint32 }

func newXorshift(seed uint32) *xorshift {
	r := &xorshift{123456789 ^ seed, 362436069, 521288629, 88675123}
	for i := 0; i < 16; i++ {
		r.next()
	}
	return r
}

func (r *xorshift) next() uint32 {
	t := r.x ^ r.x<<11
	r.x, r.y, r.z = r.y, r.z, r.w
	r.w = r.w ^ r.w>>19 ^ t ^ t>>8
	return r.w
}

func (r *xorshift) below(end int) int {
	return int(uint64(r.next()) * uint64(end) >> 32)
}
