(* A list, built and walked: the language's own. *)

let list nodes =
  let head = ref [] in
  for value = 0 to nodes - 1 do head := value :: !head done;
  List.fold_left ( + ) 0 !head
