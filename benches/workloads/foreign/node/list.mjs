/** A list, built and walked. */
export function list(nodes) {
  let head = null;
  for (let value = 0; value < nodes; value++) head = { value, next: head };
  let sum = 0;
  for (let at = head; at !== null; at = at.next) sum += at.value;
  return sum;
}
