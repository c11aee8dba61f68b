(* Durations of steps, in nanoseconds, unsigned, by thread: outside of the heap, so that no collection looks at them. *)

open Bigarray

external now : unit -> (int[@untagged]) = "workloads_now_boxed" "workloads_now" [@@noalloc]

type durations = (int32, int32_elt, c_layout) Array1.t

let by_thread : durations array ref = ref [||]

(* Room for the steps of so many threads, before the first. *)
let reserve ~threads count =
  let room _ =
    let durations = Array1.create Int32 C_layout count in
    Array1.fill durations 0l;
    durations
  in
  by_thread := Array.init threads room

let record (durations : durations) step start =
  durations.{step} <- Int32.of_int (min (now () - start) 0xffff_ffff)

(* The fields of the line of JSON. *)
let fields () =
  let unsigned (d : durations) = Array.init (Array1.dim d) (fun i -> Int32.to_int d.{i} land 0xffff_ffff) in
  let all = Array.concat (List.map unsigned (Array.to_list !by_thread)) in
  let n = Array.length all in
  if n = 0 then ""
  else begin
    Array.stable_sort Int.compare all;
    let at part = float all.(min (n - 1) (int_of_float (float n *. part))) /. 1e3 in
    Printf.sprintf {|, "p50_us": %.3f, "p99_us": %.3f, "p999_us": %.3f, "max_us": %.3f|} (at 0.5) (at 0.99) (at 0.999) (at 1.)
  end
