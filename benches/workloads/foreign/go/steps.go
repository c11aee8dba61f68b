package main

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// Durations of steps, in nanoseconds, by thread.
type steps [][]uint32

// reserve makes room for the steps of so many threads, before the first.
func (s *steps) reserve(threads, count int) {
	for i := 0; i < threads; i++ {
		*s = append(*s, make([]uint32, 0, count))
	}
}

func since(start time.Time) uint32 {
	nanoseconds := time.Since(start).Nanoseconds()
	if nanoseconds > math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(nanoseconds)
}

// fields are those of the line of JSON.
func (s steps) fields() string {
	var all []uint32
	for _, durations := range s {
		all = append(all, durations...)
	}
	n := len(all)
	if n == 0 {
		return ""
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(part float64) float64 {
		index := int(float64(n) * part)
		if index > n-1 {
			index = n - 1
		}
		return float64(all[index]) / 1e3
	}
	format := `, "p50_us": %.3f, "p99_us": %.3f, "p999_us": %.3f, "max_us": %.3f`
	return fmt.Sprintf(format, at(0.5), at(0.99), at(0.999), at(1))
}
