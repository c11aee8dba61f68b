(* Binary trees as in the Benchmarks Game. *)

type tree = Leaf | Node of tree * tree

(* A tree of depth 0 is a node without children. *)
let rec bottom_up depth =
  if depth = 0 then Node (Leaf, Leaf)
  else
    let left = bottom_up (depth - 1) in
    let right = bottom_up (depth - 1) in
    Node (left, right)

let rec count = function Leaf -> 0 | Node (left, right) -> 1 + count left + count right

(* A part of the trees of each depth. *)
let part ~max ~parts =
  let total = ref 0 in
  for half = 2 to max / 2 do
    let depth = 2 * half in
    for _ = 1 to (1 lsl (max - depth + 4)) / parts do
      total := !total + count (bottom_up depth)
    done
  done;
  !total

let binary_trees depth =
  let stretch = count (bottom_up (depth + 1)) in
  let long = bottom_up depth in
  let total = stretch + part ~max:depth ~parts:1 in
  total + count long

let on_threads depth threads =
  let stretch = count (bottom_up (depth + 1)) in
  let long = bottom_up depth in
  let domains = List.init threads (fun _ -> Domain.spawn (fun () -> part ~max:depth ~parts:threads)) in
  let total = List.fold_left (fun total domain -> total + Domain.join domain) stretch domains in
  total + count long
