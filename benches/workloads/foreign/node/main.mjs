// The public workloads in JavaScript, to the protocol in benches/workloads/README.md: node main.mjs WORKLOAD SIZE...
//
// Those with threads are not here: threads of Node share no objects.

import { allocateAndDie, ring } from "./fresh.mjs";
import { gcBench } from "./gcbench.mjs";
import { graphChurn } from "./graph.mjs";
import { list } from "./list.mjs";
import { messageWindow } from "./messages.mjs";
import { persistentMap } from "./persistent_map.mjs";
import { splay } from "./splay.mjs";
import { fields } from "./steps.mjs";
import { binaryTrees } from "./trees.mjs";

const workloads = {
  binary_trees: binaryTrees,
  gcbench: gcBench,
  allocate_and_die: allocateAndDie,
  ring,
  graph_churn: graphChurn,
  graph_churn_lag: graphChurn,
  message_window: messageWindow,
  list,
  persistent_map: persistentMap,
  splay,
};

const [workload, ...sizes] = process.argv.slice(2);
const run = workloads[workload];
if (run === undefined) process.exit(3);
const start = performance.now();
const checksum = run(...sizes.map(Number));
const wall = (performance.now() - start) / 1e3;
console.log(`{"checksum": "${checksum}", "wall_s": ${wall.toFixed(6)}${fields()}}`);
