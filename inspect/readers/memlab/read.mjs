// Reads FILE.heapsnapshot by memlab, and compares what it finds with FILE.heapsnapshot.json: nodes, edges, bytes, and what the planted
// object retains.
import core from '@memlab/core';
import heapAnalysis from '@memlab/heap-analysis';
import { readFileSync } from 'node:fs';

core.config.muteConsole = true;

let failed = 0;
const check = (what, expected, found) => {
  const verdict = expected === found ? 'ok' : `EXPECTED ${expected}`;
  if (expected !== found) failed += 1;
  console.log(`  ${what}: ${found} ${verdict}`);
};

for (const file of process.argv.slice(2)) {
  const expected = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  const heap = await heapAnalysis.getFullHeapFromFile(file);
  console.log(`memlab: ${file}`);
  let bytes = 0;
  let planted = [];
  heap.nodes.forEach((node) => {
    bytes += node.self_size;
    if (node.name === expected.planted) planted.push(node);
  });
  check('nodes', expected.nodes, heap.nodes.length);
  check('edges', expected.edges, heap.edges.length);
  check('bytes', expected.bytes, bytes);
  check('planted objects', 1, planted.length);
  check('retained', expected.retained, planted[0]?.retainedSize);
}
process.exit(failed === 0 ? 0 : 1);
