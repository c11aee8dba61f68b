(* A window of messages in a map. *)

module Table = Hashtbl.Make (struct
  type t = int

  let equal = Int.equal
  let hash (number : int) = Hashtbl.hash number
end)

let window window pushes =
  Steps.reserve ~threads:1 pushes;
  let durations = !Steps.by_thread.(0) in
  let messages = Table.create 16 in
  let sum = ref 0 in
  for number = 0 to pushes - 1 do
    let start = Steps.now () in
    Table.replace messages number (Bytes.make 1024 (Char.chr (number land 255)));
    if number >= window then begin
      let old = Table.find messages (number - window) in
      Table.remove messages (number - window);
      sum := !sum + Char.code (Bytes.get old 17)
    end;
    Steps.record durations number start
  done;
  !sum + Table.length messages
