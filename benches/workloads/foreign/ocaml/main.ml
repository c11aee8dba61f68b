(* The public workloads in OCaml 5, to the protocol in benches/workloads/README.md: workloads WORKLOAD SIZE... *)

let run workload sizes =
  match (workload, sizes) with
  | "binary_trees", [ depth ] -> Trees.binary_trees depth
  | "binary_trees_threads", [ depth; threads ] -> Trees.on_threads depth threads
  | "gcbench", [ depth; doubles ] -> Gcbench.run depth doubles
  | "allocate_and_die", [ count ] -> Fresh.allocate_and_die count
  | "ring", [ count; size ] -> Fresh.ring count size
  | ("graph_churn" | "graph_churn_lag"), [ live; replacements; lag ] -> Graph.churn live replacements lag
  | "message_window", [ window; pushes ] -> Messages.window window pushes
  | "list", [ nodes ] -> Links.list nodes
  | "persistent_map", [ inserts; keep_every ] -> Persistent_map.run inserts keep_every
  | "shared_cache", [ entries; threads; operations ] -> Shared_cache.run entries threads operations
  | "splay", [ nodes; modifications ] -> Splay.run nodes modifications
  | _ -> exit 3

let () =
  let sizes = List.map int_of_string (List.tl (List.tl (Array.to_list Sys.argv))) in
  let start = Steps.now () in
  let checksum = run Sys.argv.(1) sizes in
  let wall = float (Steps.now () - start) /. 1e9 in
  Printf.printf "{\"checksum\": \"%d\", \"wall_s\": %.6f%s}\n" checksum wall (Steps.fields ())
