/** What is ever stored here is allocated: the compiler's escape analysis does not look at how often it is. */
export let escaped;

export function allocateAndDie(count) {
  let sum = 0;
  for (let index = 0; index < count; index++) {
    const object = { first: index, second: index, third: index };
    if ((index & 1023) === 0) escaped = object;
    sum += object.second;
  }
  return sum;
}

export function ring(count, size) {
  const ring = new Array(size).fill(null);
  let sum = 0;
  let at = 0;
  for (let index = 0; index < count; index++) {
    const object = { first: index, second: index, third: index };
    if (index % 10 === 0) {
      if (ring[at] !== null) sum += ring[at].second;
      ring[at] = object;
      at = (at + 1) % size;
    }
  }
  return sum;
}
