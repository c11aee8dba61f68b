(* Marsaglia's xorshift128. *)

type t = { mutable x : int; mutable y : int; mutable z : int; mutable w : int }

let next r =
  let t = r.x lxor (r.x lsl 11) land 0xffff_ffff in
  r.x <- r.y;
  r.y <- r.z;
  r.z <- r.w;
  r.w <- r.w lxor (r.w lsr 19) lxor t lxor (t lsr 8);
  r.w

let create seed =
  let r = { x = 123456789 lxor seed; y = 362436069; z = 521288629; w = 88675123 } in
  for _ = 1 to 16 do ignore (next r) done;
  r

let below r n = (next r * n) lsr 32
