(* Ellis, Kovac and Boehm's GCBench. *)

type tree = Empty | Node of { mutable left : tree; mutable right : tree; i : int; j : int }

let node left right = Node { left; right; i = 0; j = 0 }

let rec make depth =
  if depth = 0 then node Empty Empty
  else
    let left = make (depth - 1) in
    let right = make (depth - 1) in
    node left right

let rec populate depth = function
  | Node n when depth > 0 ->
    n.left <- node Empty Empty;
    n.right <- node Empty Empty;
    populate (depth - 1) n.left;
    populate (depth - 1) n.right
  | _ -> ()

let rec count = function Empty -> 0 | Node n -> 1 + count n.left + count n.right

let size depth = (1 lsl (depth + 1)) - 1

let run max doubles =
  let total = ref (count (make (max + 2))) in
  let long = node Empty Empty in
  populate max long;
  let array = Array.init doubles (fun i -> 1. /. float (i + 1)) in
  for half = 2 to max / 2 do
    let depth = 2 * half in
    let iterations = 2 * size (max + 2) / size depth in
    for _ = 1 to iterations do
      let node = node Empty Empty in
      populate depth node;
      total := !total + count node
    done;
    for _ = 1 to iterations do
      total := !total + count (make depth)
    done
  done;
  assert (array.(1000) > 0.);
  !total + count long
