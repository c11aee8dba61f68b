(* Cyclic graph churn. The edges are fields, which make a node one object. *)

type node =
  | Null
  | Node of { value : int; mutable first : node; mutable second : node; mutable third : node; mutable fourth : node }

let node value = Node { value; first = Null; second = Null; third = Null; fourth = Null }

let set_edge node edge target =
  match node with
  | Null -> ()
  | Node node ->
    (match edge with
     | 0 -> node.first <- target
     | 1 -> node.second <- target
     | 2 -> node.third <- target
     | _ -> node.fourth <- target)

let clear node = for edge = 0 to 3 do set_edge node edge Null done
let value = function Null -> 0 | Node node -> node.value
let step = 256

let churn live replacements lag =
  let random = Xorshift.create 5 in
  let below n = Xorshift.below random n in
  let table = Array.init live node in
  let replaced = Array.make lag Null in
  Steps.reserve ~threads:1 (replacements / step);
  let durations = !Steps.by_thread.(0) in
  let sum = ref 0 in
  for at = 0 to (replacements / step) - 1 do
    let start = Steps.now () in
    for index = 0 to step - 1 do
      let number = (at * step) + index in
      let place = below live in
      let fresh = node number in
      let old = table.(place) in
      sum := !sum + value old;
      let old =
        if lag > 0 then begin
          let before = replaced.(number mod lag) in
          replaced.(number mod lag) <- old;
          before
        end
        else old
      in
      clear old;
      table.(place) <- fresh;
      for k = 0 to 3 do
        set_edge fresh k table.(below live);
        let source = table.(below live) in
        set_edge source (below 4) fresh
      done
    done;
    Steps.record durations at start
  done;
  !sum
