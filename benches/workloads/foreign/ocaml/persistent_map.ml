(* A search tree that never changes: an insert copies the path. *)

type tree = Empty | Node of { key : int; value : int; left : tree; right : tree }

let rec insert tree key value =
  match tree with
  | Empty -> Node { key; value; left = Empty; right = Empty }
  | Node node when key < node.key -> Node { node with left = insert node.left key value }
  | Node node -> Node { node with right = insert node.right key value }

let rec sum = function Empty -> 0 | Node node -> node.value + sum node.left + sum node.right

let run inserts keep_every =
  let random = Xorshift.create 3 in
  let tree = ref Empty and kept = ref [] in
  for value = 0 to inserts - 1 do
    tree := insert !tree (Xorshift.next random lsr 1) value;
    if value mod keep_every = 0 then kept := !tree :: !kept
  done;
  let bit = function Empty -> 0 | Node node -> node.key land 1 in
  List.fold_left (fun total version -> total + bit version) (sum !tree) !kept
