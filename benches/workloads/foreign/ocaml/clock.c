#include <caml/mlvalues.h>
#include <time.h>

/* Nanoseconds by a monotonic clock, which OCaml's library does not have. */
intnat workloads_now(value unit) {
    struct timespec now;
    (void)unit;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

value workloads_now_boxed(value unit) { return Val_long(workloads_now(unit)); }
