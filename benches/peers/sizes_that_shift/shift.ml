(* The program of benches/src/shift.rs in OCaml: shift VARIANT [compact]. With compact, the heap is compacted at the end of each phase. *)

let phases = 24
let volume = 256 lsl 20
let live = 64 lsl 20
let batch = 512
let chains = 512
let samples = 8
let record_sizes = [| 24; 40; 72; 104; 136; 168; 210; 168; 136; 104; 72; 40 |]
let value_sizes = [| 96; 136; 192; 272; 384; 544; 768; 544; 384; 272; 192; 136 |]
let word = 0xffff_ffff

(* Records are made in a buffer, from which they are copied. *)
let buffer = Bytes.create 1024
let random = ref 2463534242

let draw () =
  let x = !random in
  let x = x lxor (x lsl 13) land word in
  let x = x lxor (x lsr 17) in
  let x = x lxor (x lsl 5) land word in
  random := x;
  x

let below limit = (draw () * limit) lsr 32

let make () =
  let key = draw () in
  Bytes.set_uint16_le buffer 0 (key land 0xffff);
  Bytes.set_uint16_le buffer 2 (key lsr 16);
  key

let key record = Bytes.get_uint16_le record 0 lor (Bytes.get_uint16_le record 2 lsl 16)

let checksum sum record =
  let len = Bytes.length record in
  ((sum * 31) + key record + len + Char.code (Bytes.get record (len - 1))) land word

(* Times of steps and samples. *)
let steps = Array.make 500_000 0
let step_count = ref 0
let lines = Buffer.create 65536
let rested = ref 0.
let asked = ref 0.
let longest = ref 0.
let nanoseconds since = int_of_float ((Unix.gettimeofday () -. since) *. 1e9)

let step since =
  steps.(!step_count) <- nanoseconds since;
  incr step_count

let read path = In_channel.with_open_bin path In_channel.input_all

let sample phase size allocated live fin =
  let resident = Scanf.sscanf (read "/proc/self/statm") "%d %d" (fun _ pages -> pages * 4096) in
  Printf.bprintf lines "sample,%d,%d,%d,%d,%d,%d\n" phase size allocated live resident fin

let peak () =
  let status = String.split_on_char '\n' (read "/proc/self/status") in
  let line = List.find (fun line -> String.starts_with ~prefix:"VmHWM:" line) status in
  Scanf.sscanf line "VmHWM: %d" (fun kibibytes -> kibibytes lsl 10)

let between compact =
  let since = Unix.gettimeofday () in
  if compact then Gc.compact ();
  let time = Unix.gettimeofday () -. since in
  asked := !asked +. time;
  longest := Float.max !longest time;
  let since = Unix.gettimeofday () in
  Unix.sleepf 0.05;
  rested := !rested +. (Unix.gettimeofday () -. since)

type chain = Nil | Node of { record : Bytes.t; next : chain }

let rec verify sum = function Nil -> sum | Node { record; next } -> verify (checksum sum record) next

let window runs compact =
  let window = Array.make (live / 24 / batch) [||] in
  let tables = [| Array.make chains Nil; Array.make chains Nil |] in
  let kept = [| 0; 0 |] in
  let sum = ref 0 and left = ref 0 in
  for phase = 0 to phases - 1 do
    let size = record_sizes.(phase mod Array.length record_sizes) and table = phase mod 2 in
    let batches = volume / (size * batch) and places = live / (size * batch) in
    Bytes.fill buffer 0 1024 (Char.chr phase);
    kept.(table) <- 0;
    let since = Unix.gettimeofday () in
    tables.(table) <- Array.make chains Nil;
    step since;
    for b = 0 to batches + places - 1 do
      let place = b mod places in
      let since = Unix.gettimeofday () in
      if b >= places then begin
        let old = window.(place) in
        window.(place) <- [||];
        let table' = tables.(table) in
        for i = 0 to batch - 1 do
          let record = old.(i) in
          incr left;
          if if runs then !left mod 250_000 < 500 else key record mod 500 = 0 then begin
            let chain = key record / 500 mod chains in
            table'.(chain) <- Node { record; next = table'.(chain) };
            kept.(table) <- kept.(table) + size
          end
        done
      end;
      if b < batches then
        window.(place) <-
          Array.init batch (fun _ ->
              ignore (make ());
              Bytes.sub buffer 0 size);
      step since;
      if b < batches && (b + 1) mod (batches / samples) = 0 then
        let within = min (b + 1) places * batch * size in
        sample phase size ((phase * volume) + ((b + 1) * batch * size)) (within + kept.(0) + kept.(1)) 0
    done;
    sum := Array.fold_left verify !sum tables.(table);
    sum := Array.fold_left verify !sum tables.(1 - table);
    between compact;
    sample phase size ((phase + 1) * volume) (kept.(0) + kept.(1)) 1
  done;
  !sum

let cache compact =
  let values = Array.make (live / 96) Bytes.empty in
  let len = ref 0 and held = ref 0 and sum = ref 0 in
  for phase = 0 to phases - 1 do
    let size = value_sizes.(phase mod Array.length value_sizes) in
    Bytes.fill buffer 0 1024 (Char.chr phase);
    let allocated = ref 0 and taken = ref 0 in
    while !allocated < volume do
      let since = Unix.gettimeofday () in
      for _ = 1 to batch do
        if !len > 0 then sum := ((!sum * 31) + key values.(below !len)) land word;
        let fresh = size + (make () mod (size / 4)) in
        allocated := !allocated + fresh;
        held := !held + fresh;
        while !held > live do
          let entry = below !len in
          held := !held - Bytes.length values.(entry);
          decr len;
          values.(entry) <- values.(!len);
          values.(!len) <- Bytes.empty
        done;
        values.(!len) <- Bytes.sub buffer 0 fresh;
        incr len
      done;
      step since;
      if !allocated * samples / volume > !taken then begin
        incr taken;
        sample phase size ((phase * volume) + !allocated) !held 0
      end
    done;
    for entry = 0 to !len - 1 do
      sum := checksum !sum values.(entry)
    done;
    between compact;
    sample phase size ((phase + 1) * volume) !held 1
  done;
  !sum

let () =
  let compact = Array.length Sys.argv > 2 && Sys.argv.(2) = "compact" in
  let begun = Unix.gettimeofday () in
  let sum =
    match Sys.argv.(1) with
    | "random" -> window false compact
    | "runs" -> window true compact
    | "cache" -> cache compact
    | variant -> failwith variant
  in
  let seconds = Unix.gettimeofday () -. begun -. !rested in
  print_string (Buffer.contents lines);
  let steps = Array.sub steps 0 !step_count in
  Array.sort compare steps;
  let at part = steps.(int_of_float (float (!step_count - 1) *. part)) in
  Printf.printf "figures,%d,%f,%d,%d,%d,%d,%.0f,%.0f,%d\n" sum seconds (at 0.5) (at 0.99) (at 0.999) (at 1.)
    (!longest *. 1e9) (!asked *. 1e9) (peak ())
