/** Durations of steps, in microseconds. */
let durations = new Float32Array(0);

/** Room for so many steps, before the first. */
export function reserve(steps) {
  durations = new Float32Array(steps).fill(0);
  return durations;
}

/** The fields of the line of JSON. */
export function fields() {
  const n = durations.length;
  if (n === 0) return "";
  const sorted = durations.slice().sort();
  const at = (part) => sorted[Math.min(n - 1, Math.floor(n * part))].toFixed(3);
  return `, "p50_us": ${at(0.5)}, "p99_us": ${at(0.99)}, "p999_us": ${at(0.999)}, "max_us": ${at(1)}`;
}
