(* Small objects that die at once, or of which a tenth lingers. *)

type payload = { first : int; second : int; third : int }

let allocate_and_die count =
  let sum = ref 0 in
  for index = 0 to count - 1 do
    let payload = Sys.opaque_identity { first = index; second = index; third = index } in
    sum := !sum + payload.second
  done;
  !sum

let ring count size =
  let ring = Array.make size None in
  let sum = ref 0 and at = ref 0 in
  for index = 0 to count - 1 do
    let payload = Sys.opaque_identity { first = index; second = index; third = index } in
    if index mod 10 = 0 then begin
      Option.iter (fun old -> sum := !sum + old.second) ring.(!at);
      ring.(!at) <- Some payload;
      at := (!at + 1) mod size
    end
  done;
  !sum
