package main

import (
	"bytes"
	"time"
)

func messageWindow(window, pushes int, steps *steps) (sum uint64) {
	steps.reserve(1, pushes)
	durations := (*steps)[0]
	messages := make(map[int][]byte)
	for number := 0; number < pushes; number++ {
		start := time.Now()
		messages[number] = bytes.Repeat([]byte{byte(number)}, 1024)
		if number >= window {
			old := messages[number-window]
			delete(messages, number-window)
			sum += uint64(old[17])
		}
		durations = append(durations, since(start))
	}
	(*steps)[0] = durations
	return sum + uint64(len(messages))
}
