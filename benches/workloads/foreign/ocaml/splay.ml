(* A splay tree as in Octane. *)

type payload = Leaf of { array : int array; text : string } | Branch of payload * payload

type tree = Empty | Node of { key : int; value : payload; mutable left : tree; mutable right : tree }

let rec payload depth text =
  if depth = 0 then Leaf { array = [| 0; 1; 2; 3; 4; 5; 6; 7; 8; 9 |]; text = "String for key " ^ text ^ " in leaf node" }
  else
    let left = payload (depth - 1) text in
    let right = payload (depth - 1) text in
    Branch (left, right)

let no_payload = Leaf { array = [||]; text = "" }
let node key value = Node { key; value; left = Empty; right = Empty }
let left_of = function Node n -> n.left | Empty -> Empty
let right_of = function Node n -> n.right | Empty -> Empty
let set_left tree child = match tree with Node n -> n.left <- child | Empty -> ()
let set_right tree child = match tree with Node n -> n.right <- child | Empty -> ()

(* The tree with the node of [key], or one next to it, at its root. *)
let splay tree key =
  let dummy = node 0 no_payload in
  (* [left] and [right] are the last nodes of what is less and what is greater than [current]. *)
  let rec go left right current =
    match current with
    | Node ({ left = Node child as child_tree; _ } as n) when key < n.key ->
      let current =
        if key < child.key then begin
          n.left <- child.right;
          child.right <- current;
          child_tree
        end
        else current
      in
      (match left_of current with
       | Empty -> assemble left right current
       | next ->
         set_left right current;
         go left current next)
    | Node ({ right = Node child as child_tree; _ } as n) when key > n.key ->
      let current =
        if key > child.key then begin
          n.right <- child.left;
          child.left <- current;
          child_tree
        end
        else current
      in
      (match right_of current with
       | Empty -> assemble left right current
       | next ->
         set_right left current;
         go current right next)
    | _ -> assemble left right current
  and assemble left right current =
    set_right left (left_of current);
    set_left right (right_of current);
    set_left current (right_of dummy);
    set_right current (left_of dummy);
    current
  in
  match tree with Empty -> Empty | Node _ -> go dummy dummy tree

let insert tree key value =
  match splay tree key with
  | Empty -> node key value
  | Node root as tree when key > root.key ->
    let right = root.right in
    root.right <- Empty;
    Node { key; value; left = tree; right }
  | Node root as tree when key < root.key ->
    let left = root.left in
    root.left <- Empty;
    Node { key; value; left; right = tree }
  | tree -> tree

let remove tree key =
  match splay tree key with
  | Node { key = found; left = Empty; right; _ } when found = key -> right
  | Node { key = found; left; right; _ } when found = key ->
    let tree = splay left key in
    set_right tree right;
    tree
  | _ -> invalid_arg "the tree has no such key"

let key_of = function Node n -> Some n.key | Empty -> None

let rec greatest = function Node { right = Node _ as right; _ } -> greatest right | tree -> key_of tree

(* The tree, splayed, and the greatest key that is less. *)
let greatest_less_than tree key =
  match splay tree key with
  | Node n as tree when n.key < key -> (tree, Some n.key)
  | tree -> (tree, greatest (left_of tree))

let rec insert_new random tree =
  let key = Xorshift.next random lsr 1 in
  match splay tree key with
  | Node root as tree when root.key = key -> insert_new random tree
  | tree -> (insert tree key (payload 5 (string_of_int key)), key)

let rec leftmost = function Branch (left, _) -> leftmost left | Leaf { text; _ } -> String.length text

let rec checksum = function Empty -> 0 | Node n -> checksum n.left + n.key + leftmost n.value + 1 + checksum n.right

let run nodes modifications =
  Steps.reserve ~threads:1 modifications;
  let durations = !Steps.by_thread.(0) in
  let random = Xorshift.create 11 in
  let tree = ref Empty in
  for _ = 1 to nodes do tree := fst (insert_new random !tree) done;
  for modification = 0 to modifications - 1 do
    let start = Steps.now () in
    let inserted, key = insert_new random !tree in
    let splayed, less = greatest_less_than inserted key in
    tree := remove splayed (Option.value less ~default:key);
    Steps.record durations modification start
  done;
  checksum !tree
