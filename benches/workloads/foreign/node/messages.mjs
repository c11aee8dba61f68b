import { reserve } from "./steps.mjs";

/** A window of messages in a map. */
export function messageWindow(window, pushes) {
  const durations = reserve(pushes);
  const messages = new Map();
  let sum = 0;
  for (let number = 0; number < pushes; number++) {
    const start = performance.now();
    messages.set(number, new Uint8Array(1024).fill(number));
    if (number >= window) {
      const old = messages.get(number - window);
      messages.delete(number - window);
      sum += old[17];
    }
    durations[number] = (performance.now() - start) * 1e3;
  }
  return sum + messages.size;
}
